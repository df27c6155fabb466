"""A job belongs to a living process, or was interrupted."""

from __future__ import annotations

import dataclasses
import os
import subprocess
import sys
from datetime import datetime, timedelta

import pytest

from facestudio.library.owner import is_alive, new_mark, owner_tag, process_started, tag_is_alive

pytestmark = pytest.mark.realtime


def test_this_process_is_alive_and_a_finished_one_is_not() -> None:
    mark = new_mark("reconstruct")
    assert is_alive(mark)
    child = subprocess.Popen([sys.executable, "-c", "pass"])
    child.wait()
    assert not is_alive(dataclasses.replace(mark, pid=child.pid))


def test_a_number_given_to_another_process_is_not_taken_for_it() -> None:
    mark = new_mark("reconstruct")
    assert not is_alive(dataclasses.replace(mark, process_started=mark.process_started - 60))


def test_a_killed_child_that_nobody_collected_is_not_alive() -> None:
    child = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(60)"])
    try:
        assert process_started(child.pid) > 0
        child.kill()
        os.waitid(os.P_PID, child.pid, os.WEXITED | os.WNOWAIT)
        assert process_started(child.pid) == 0
    finally:
        child.wait()


@pytest.mark.parametrize(("hours", "alive"), [(1, True), (13, False)])
def test_a_job_of_another_machine_is_trusted_for_a_while(hours: float, alive: bool) -> None:
    foreign = dataclasses.replace(new_mark("reconstruct"), host="elsewhere", started=datetime.now() - timedelta(hours=hours))
    assert is_alive(foreign) is alive


def test_a_staging_folders_tag_names_its_process() -> None:
    assert tag_is_alive(owner_tag(), 0.0, 1e9)
    host, pid, started = owner_tag().split("-")
    assert not tag_is_alive(f"{host}-{pid}-{int(started) - 6000}", 0.0, 1e9)
    assert tag_is_alive("ffffffff-1-1", 1e9 - 60, 1e9)
    assert not tag_is_alive("nonsense", 0.0, 1e9)
