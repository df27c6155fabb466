"""How soon a fault of a network camera is told, and how soon its pictures are back after it returned. Three 720p streams over loopback.

python tests/benchmarks/bench_capture_faults.py
"""

from __future__ import annotations

import sys
import time
from collections.abc import Callable
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

from facestudio.capture.group import CameraGroup
from facestudio.capture.source import camera_maker
from facestudio.types import ViewName
from tests.capture.mjpeg_server import streaming

FAULT_SECONDS = 5.0


def waited(condition: Callable[[], bool], limit_s: float = 30.0) -> float:
    """Seconds until a condition holds."""
    start = time.monotonic()
    while not condition() and time.monotonic() - start < limit_s:
        time.sleep(0.005)
    return time.monotonic() - start


def main() -> None:
    """Each fault for five seconds, on one camera and on two."""
    with streaming(1280, 720, 30.0) as streams, CameraGroup({v: camera_maker(streams.url(v)) for v in ViewName}) as group:
        assert group.wait_live(30)
        for fault in ("stall", "gone", "freeze", "garbage"):
            for views in ((ViewName.LEFT,), (ViewName.LEFT, ViewName.RIGHT)):
                time.sleep(1.5)
                before = group.health(ViewName.FRONT).reconnects
                start = time.monotonic()
                for view in views:
                    streams.fault(view, fault)
                told = max(waited(lambda v=view: group.health(v).error is not None) for view in views)  # type: ignore[misc]
                time.sleep(max(0.0, FAULT_SECONDS - (time.monotonic() - start)))
                counts = {v: group.health(v).frames for v in views}
                for view in views:
                    streams.fault(view, "none")
                back = max(
                    waited(lambda v=v, n=counts[v]: group.is_live(v) and group.health(v).frames > n + 1)  # type: ignore[misc]
                    for v in views
                )
                others = "undisturbed" if group.health(ViewName.FRONT).reconnects == before else "DISTURBED"
                names = " and ".join(views)
                sys.stdout.write(
                    f"{fault:>8} of {names}: told after {told:.1f} s, back {back:.2f} s after its return, front {others}\n"
                )
                sys.stdout.flush()


if __name__ == "__main__":
    main()
