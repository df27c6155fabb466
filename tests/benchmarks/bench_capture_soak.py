"""Half an hour of capturing with cameras that fail at random, ten times as fast: no capture may be lost, and memory must stay flat.

python tests/benchmarks/bench_capture_soak.py [MINUTES OF SIMULATED TIME]

All waits of the group, of the faults and of the shutter are a tenth of the real ones; threads, files and the disk are the real ones.
"""

from __future__ import annotations

import random
import shutil
import sys
import tempfile
import threading
import time
from collections import Counter
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

from facestudio.capture.channel import GroupConfig
from facestudio.capture.faulty_camera import Fault, FaultSwitch, FaultyCamera
from facestudio.capture.group import CameraGroup, MakeCamera
from facestudio.capture.shutter import ShutterConfig, shoot
from facestudio.errors import CameraError
from facestudio.library.layout import read_capture
from facestudio.pipeline.capture_triplet import keep_in_library
from facestudio.types import ViewName
from tests.capture.scripted_camera import TickingCamera

SPEED = 10.0
TENTH = GroupConfig(
    ring_s=0.2, stall_s=0.15, freeze_s=0.15, open_s=2.5, backoff_s=(0.01, 0.1), healthy_s=0.1, watch_s=0.01, preview_fps=150
)


def memory_mb() -> float:
    """Resident memory of this process."""
    for line in Path("/proc/self/status").read_text(encoding="utf-8").splitlines():
        if line.startswith("VmRSS"):
            return int(line.split()[1]) / 1024
    return 0.0


def say(line: str) -> None:
    """To the console."""
    sys.stdout.write(line + "\n")
    sys.stdout.flush()


def maker(switch: FaultSwitch) -> MakeCamera:
    """A camera that can fail, made anew at each opening."""
    return lambda: FaultyCamera(TickingCamera(0.0033), switch)


def break_things(switches: dict[ViewName, FaultSwitch], stop: threading.Event, seen: Counter[str]) -> None:
    """Every half a second (of simulated time: five) give one camera a fault, sometimes two at once, and heal them again."""
    rng = random.Random(1)
    while not stop.wait(rng.uniform(0.2, 0.8)):
        for view in rng.sample(list(ViewName), 2 if rng.random() < 0.2 else 1):
            switches[view].fault = rng.choice([f for f in Fault if f is not Fault.NONE])
            seen[switches[view].fault] += 1
        stop.wait(rng.uniform(0.1, 0.5))
        for switch in switches.values():
            switch.fault = Fault.NONE


def main(minutes: float) -> int:
    """Run; returns the number of captures lost."""
    folder = Path(tempfile.mkdtemp())
    switches = {v: FaultSwitch(delay_s=0.02) for v in ViewName}
    stop, faults, refused, views = threading.Event(), Counter[str](), 0, Counter[int]()
    kept: list[Path] = []
    breaker = threading.Thread(target=break_things, args=(switches, stop, faults), daemon=True)
    end, memory = time.monotonic() + minutes * 60 / SPEED, []
    with CameraGroup({v: maker(s) for v, s in switches.items()}, TENTH) as group:
        group.wait_live(20)
        breaker.start()
        while time.monotonic() < end:
            try:
                shot = shoot(group, ShutterConfig(burst_s=0.1, tick_s=0.02))
            except CameraError:
                refused += 1  # no camera at all: said, not lost
                continue
            views[len(shot.frames)] += 1
            kept.append(keep_in_library(folder, shot, f"subject {len(kept) // 50}", "soak"))
            if len(kept) % 50 == 0:
                memory.append(memory_mb())
        stop.set()
        breaker.join(5)
        reconnects = sum(group.health(v).reconnects for v in ViewName)
        threads = threading.active_count()
    lost = sum((record := read_capture(p)) is None or not record.photos for p in kept)
    say(f"{minutes:.0f} simulated minutes: {len(kept)} captures kept, {lost} lost, {refused} refused because no camera sent")
    say(f"views per capture: {dict(sorted(views.items(), reverse=True))}; faults: {dict(faults)}; reconnects: {reconnects}")
    say(
        f"memory after {50}, middle, end: {memory[0]:.0f}, {memory[len(memory) // 2]:.0f}, {memory[-1]:.0f} MB; threads: {threads}"
    )
    shutil.rmtree(folder)
    return lost


if __name__ == "__main__":
    sys.exit(main(float(sys.argv[1]) if len(sys.argv) > 1 else 30.0))
