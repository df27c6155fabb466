"""Three 720p cameras at 30 a second over loopback: how many pictures are read, and how far apart the chosen ones really are.

python tests/benchmarks/bench_capture.py [SHOTS] [WIDTH HEIGHT FPS]
"""

from __future__ import annotations

import os
import sys
import time
from pathlib import Path

import numpy as np

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

from facestudio.capture.group import CameraGroup
from facestudio.capture.source import camera_maker
from facestudio.capture.sync import best_triplet
from facestudio.types import BoolArray, Float64Array, ViewName
from tests.capture.mjpeg_server import Streams, read_counter, streaming


def measure(streams: Streams, shots: int) -> None:
    """Print what was measured."""
    with CameraGroup({v: camera_maker(streams.url(v)) for v in ViewName}) as group:
        assert group.wait_live(20), "the cameras do not start"
        time.sleep(2.0)
        frames0, sent0, t0 = {v: group.health(v).frames for v in ViewName}, streams.sent(), time.perf_counter()
        true, told, sure, stamps = [], [], [], []
        for _ in range(shots):
            time.sleep(1.0)  # a burst
            now = time.perf_counter_ns()
            choice = best_triplet(group.rings(), (now - 1_000_000_000, now))
            assert choice is not None
            times = {v: streams.true_ns(v, read_counter(f.bgr), f.t_ns) for v, f in choice.frames.items()}
            stamps += [(choice.frames[v].t_ns - t) / 1e6 for v, t in times.items()]
            true.append((max(times.values()) - min(times.values())) / 1e6)
            told.append(choice.spread_ms)
            sure.append(choice.certain)
        seconds = time.perf_counter() - t0
        frames1, sent1 = {v: group.health(v).frames for v in ViewName}, streams.sent()
    counts = {v: (frames1[v] - frames0[v], sent1[v] - sent0[v]) for v in ViewName}
    report(streams, counts, seconds, np.array(true), np.array(told), np.array(sure))
    lag = np.array(stamps)
    say(
        f"stamp after sending: median {np.median(lag):.1f} ms, p5 {np.percentile(lag, 5):.1f}, p95 {np.percentile(lag, 95):.1f}"
    )


def report(
    streams: Streams,
    counts: dict[ViewName, tuple[int, int]],
    seconds: float,
    true: Float64Array,
    told: Float64Array,
    sure: BoolArray,
) -> None:
    """In words. A shot whose times were not trusted said so to the operator; both kinds are counted."""
    for view, (read, sent) in counts.items():
        due = seconds * streams.fps
        say(f"{view:>6}: read {read} of {sent} sent ({read / max(sent, 1):.1%}); {due:.0f} were due in {seconds:.1f} s")
    period = 1e3 / streams.fps
    for name, these in (("all shots", np.ones(len(sure), dtype=bool)), ("shots told as certain", sure)):
        if not these.any():
            say(f"{name}: none")
            continue
        apart, wrong = true[these], np.abs(true - told)[these]
        say(f"{name} ({len(apart)}): true spread median {np.median(apart):.1f} ms, largest {apart.max():.1f} ms")
        say(f"  within one frame: {np.sum(apart <= period + 0.01)}; told within 3 ms of the truth: {np.sum(wrong <= 3)}")


def say(line: str) -> None:
    """To the console."""
    sys.stdout.write(line + "\n")


if __name__ == "__main__":
    number = int(sys.argv[1]) if len(sys.argv) > 1 else 100
    width, height, fps = (int(a) for a in sys.argv[2:5]) if len(sys.argv) > 4 else (1280, 720, 30)
    say(f"load of the computer before: {os.getloadavg()[0]:.1f} on {os.cpu_count()} cores")
    with streaming(width, height, float(fps)) as running:
        measure(running, number)
