"""Which process this is, and whether a process named earlier still runs: a number alone is soon given to another."""

from __future__ import annotations

import contextlib
import functools
import os
import platform
import subprocess
import sys
import zlib
from datetime import datetime, timedelta
from pathlib import Path

from facestudio.library.records import JobMark

_FOREIGN_HOURS = 12.0  # a job of another machine cannot be asked after; by then it is over, whatever became of it
_SAME_START = 1.0  # seconds


@functools.cache
def host_name() -> str:
    """The name of this machine, as far as it has one."""
    return platform.node() or "localhost"


def process_started(pid: int) -> float:
    """When a process began, in seconds of a count that the system keeps (compare, do not convert); 0.0 when there is none or unknown."""
    with contextlib.suppress(OSError, ValueError, IndexError, subprocess.SubprocessError):
        if sys.platform == "win32":
            return _started_on_windows(pid)
        if Path("/proc/self/stat").exists():
            # The second field is the program's name in brackets, which may itself hold spaces and brackets.
            stat = Path(f"/proc/{pid}/stat").read_text(encoding="utf-8", errors="replace")
            state, *fields = stat.rpartition(")")[2].split()
            return 0.0 if state == "Z" else int(fields[18]) / os.sysconf("SC_CLK_TCK")
        done = subprocess.run(["ps", "-o", "lstart=", "-p", str(pid)], capture_output=True, text=True, check=True, timeout=5)
        return datetime.strptime(" ".join(done.stdout.split()), "%a %b %d %H:%M:%S %Y").timestamp()
    return 0.0


def is_alive(job: JobMark, now: datetime | None = None) -> bool:
    """True while the process that owns a job runs. A job of another machine counts as running for twelve hours."""
    if job.host != host_name():
        return (now or datetime.now()) - job.started < timedelta(hours=_FOREIGN_HOURS)
    started = process_started(job.pid)
    if not started:
        return False
    return not job.process_started or abs(started - job.process_started) < _SAME_START


def new_mark(kind: str, settings: dict[str, str] | None = None) -> JobMark:
    """The mark of a job that this process begins now."""
    pid = os.getpid()
    return JobMark(kind, pid, host_name(), process_started(pid), datetime.now().replace(microsecond=0), settings or {})


def _started_on_windows(pid: int) -> float:
    """Seconds since 1601, from GetProcessTimes; 0.0 when there is no such process or it has ended."""
    if sys.platform != "win32":
        return 0.0
    import ctypes
    from ctypes import wintypes

    kernel = ctypes.WinDLL("kernel32", use_last_error=True)
    kernel.OpenProcess.restype = wintypes.HANDLE
    handle = kernel.OpenProcess(0x1000, False, pid)  # PROCESS_QUERY_LIMITED_INFORMATION
    if not handle:
        return 0.0
    try:
        times = [wintypes.FILETIME() for _ in range(4)]  # created, ended, kernel, user
        code = wintypes.DWORD()
        kernel.GetExitCodeProcess(wintypes.HANDLE(handle), ctypes.byref(code))
        if code.value != 259 or not kernel.GetProcessTimes(wintypes.HANDLE(handle), *map(ctypes.byref, times)):  # STILL_ACTIVE
            return 0.0
        return float((times[0].dwHighDateTime << 32) + times[0].dwLowDateTime) / 1e7
    finally:
        kernel.CloseHandle(wintypes.HANDLE(handle))


def owner_tag() -> str:
    """This process in a few letters, for the name of a folder that belongs to it while it works."""
    pid = os.getpid()
    return f"{_host_tag()}-{pid}-{round(process_started(pid) * 100)}"


def tag_is_alive(tag: str, modified: float, now: float) -> bool:
    """Whether the process that `owner_tag` named still runs. modified: of the folder, for a process of another machine; seconds."""
    host, _, rest = tag.partition("-")
    pid, _, started = rest.partition("-")
    if host != _host_tag() or not pid.isdecimal() or not started.isdecimal():
        return now - modified < _FOREIGN_HOURS * 3600.0
    found = process_started(int(pid))
    return found > 0.0 and abs(found - int(started) / 100) < _SAME_START


def _host_tag() -> str:
    return f"{zlib.crc32(host_name().encode('utf-8', 'replace')):08x}"
