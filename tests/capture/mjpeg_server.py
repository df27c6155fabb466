"""Three network cameras on this computer, with a counter in the pixels and faults on command: what the app's own reader is tested on.

Run as a program, so that it disturbs the program under test as little as a real camera would: prints its port, then serves
/left, /front and /right as MJPEG over HTTP on 127.0.0.1 until it is ended, or after LIFETIME_S at the latest.
/control?view=left&fault=stall sets a fault: none, stall (connected but silent), gone (connections are cut and refused), freeze, garbage.

Picture k of a stream is sent at `start + phase + k / fps` of the system's monotonic clock, which `time.perf_counter_ns` of every
process on Linux reads: so the true time of a picture follows from its counter.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import threading
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from urllib.parse import parse_qs, urlparse

import cv2
import numpy as np

from facestudio.types import ByteArray, ViewName

COUNTERS = 64
BITS = 6
LIFETIME_S = 3600.0
VIEWS = tuple(v.value for v in ViewName)


def block(width: int) -> int:
    """Side of a counter's square, pixels."""
    return max(16, width // 40)


def picture(base: ByteArray, counter: int) -> ByteArray:
    """The base picture, moved a little as a breathing subject does, with the counter's bits as squares at the top left."""
    shift = round(2.0 * np.sin(2 * np.pi * counter / COUNTERS))
    out = np.roll(base, shift, axis=1)
    side = block(base.shape[1])
    for bit in range(BITS):
        out[:side, bit * side : (bit + 1) * side] = 255 if counter >> bit & 1 else 0
    return out


def read_counter(bgr: ByteArray) -> int:
    """The counter within a decoded picture, modulo COUNTERS."""
    side = block(bgr.shape[1])
    middles = [bgr[side // 4 : 3 * side // 4, b * side + side // 4 : b * side + 3 * side // 4].mean() for b in range(BITS)]
    return sum(1 << b for b, value in enumerate(middles) if value > 127)


def noise(width: int, height: int, seed: int) -> ByteArray:
    """A picture with detail at all scales."""
    rng = np.random.default_rng(seed)
    out = np.zeros((height, width, 3), np.float32)
    for scale in (8, 32, 64):
        small = rng.uniform(0, 85, (max(2, height // scale), max(2, width // scale), 3)).astype(np.float32)
        out += cv2.resize(small, (width, height), interpolation=cv2.INTER_CUBIC)
    return np.clip(out, 0, 255).astype(np.uint8)


@dataclass
class Stream:
    """One camera. phase_s: its shift. fault: what is wrong with it now. sent: pictures sent so far."""

    jpegs: list[bytes]
    fps: float
    phase_s: float
    start_s: float
    fault: str = "none"
    sent: int = 0
    lock: threading.Lock = field(default_factory=threading.Lock)


class Handler(BaseHTTPRequestHandler):
    streams: dict[str, Stream]

    def log_message(self, *_: object) -> None:
        """Silence."""

    def do_GET(self) -> None:
        url = urlparse(self.path)
        if url.path == "/control":
            asked = {k: v[0] for k, v in parse_qs(url.query).items()}
            if "fault" in asked:
                self.streams[asked["view"]].fault = asked["fault"]
            body = json.dumps(
                {v: {"sent": s.sent, "start_s": s.start_s, "phase_s": s.phase_s} for v, s in self.streams.items()}
            )
            self.send_response(200)
            self.end_headers()
            self.wfile.write(body.encode())
            return
        stream = self.streams.get(url.path.strip("/"))
        if stream is None or stream.fault == "gone":
            self.send_error(503)
            return
        self.send_response(200)
        self.send_header("Content-Type", "multipart/x-mixed-replace; boundary=frame")
        self.end_headers()
        try:
            self._play(stream)
        except OSError:
            return

    def _play(self, stream: Stream) -> None:
        rng = np.random.default_rng(0)
        k = int(np.ceil((time.perf_counter() - stream.start_s - stream.phase_s) * stream.fps))
        frozen = None
        while True:
            due = stream.start_s + stream.phase_s + k / stream.fps
            time.sleep(max(0.0, due - time.perf_counter()))
            fault = stream.fault
            if fault == "gone":
                return
            frozen = (k if frozen is None else frozen) if fault == "freeze" else None
            if fault != "stall":
                jpeg = stream.jpegs[(k if frozen is None else frozen) % COUNTERS]
                body = rng.bytes(len(jpeg)) if fault == "garbage" else jpeg
                head = f"--frame\r\nContent-Type: image/jpeg\r\nContent-Length: {len(body)}\r\n\r\n"
                self.wfile.write(head.encode() + body + b"\r\n")
                stream.sent += 1
            # A slow reader loses pictures, as with any camera: the next one is the one that is due now.
            k = max(k + 1, int(np.ceil((time.perf_counter() - stream.start_s - stream.phase_s) * stream.fps - 0.5)))


def serve(width: int, height: int, fps: float, phases_ms: list[float], bases: list[str]) -> None:
    """Serve until ended."""
    start = time.perf_counter()
    Handler.streams = {}
    for i, view in enumerate(VIEWS):
        base = cv2.imread(bases[i]) if bases else noise(width, height, i)
        assert base is not None
        base = np.asarray(cv2.resize(base, (width, height), interpolation=cv2.INTER_AREA), dtype=np.uint8)
        jpegs = [cv2.imencode(".jpg", picture(base, k), [cv2.IMWRITE_JPEG_QUALITY, 90])[1].tobytes() for k in range(COUNTERS)]
        Handler.streams[view] = Stream(jpegs, fps, phases_ms[i] / 1e3, start)
    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    sys.stdout.write(f"{server.server_address[1]}\n")
    sys.stdout.flush()
    threading.Timer(LIFETIME_S, lambda: os._exit(0)).start()
    server.serve_forever()


class Streams:
    """The server as its tests see it."""

    def __init__(self, port: int, fps: float) -> None:
        self.port = port
        self.fps = fps

    def url(self, view: str) -> str:
        return f"http://127.0.0.1:{self.port}/{view}"

    def fault(self, view: str, fault: str) -> None:
        self._ask(f"?view={view}&fault={fault}")

    def sent(self) -> dict[str, int]:
        return {v: int(s["sent"]) for v, s in self._ask("").items()}

    def true_ns(self, view: str, counter: int, near_ns: int) -> int:
        """When the picture with this counter was sent: of all with it, the one nearest to `near_ns`."""
        if not hasattr(self, "_times"):
            self._times = self._ask("")
        zero = (self._times[view]["start_s"] + self._times[view]["phase_s"]) * 1e9
        period = 1e9 / self.fps
        k = round(((near_ns - zero) / period - counter) / COUNTERS) * COUNTERS + counter
        return round(zero + k * period)

    def _ask(self, query: str) -> dict[str, dict[str, float]]:
        with urllib.request.urlopen(f"http://127.0.0.1:{self.port}/control{query}", timeout=10) as answer:
            return json.loads(answer.read())


@contextmanager
def streaming(
    width: int = 320,
    height: int = 240,
    fps: float = 20.0,
    phases_ms: tuple[float, float, float] = (0.0, 11.0, 22.0),
    bases: tuple[Path, ...] = (),
) -> Iterator[Streams]:
    """A server of its own process, ended with the block."""
    command = [sys.executable, "-m", "tests.capture.mjpeg_server", str(width), str(height), str(fps)]
    command += ["--phases", *map(str, phases_ms), "--bases", *map(str, bases)]
    server = subprocess.Popen(command, stdout=subprocess.PIPE, text=True, cwd=Path(__file__).resolve().parents[2])
    try:
        assert server.stdout is not None
        yield Streams(int(server.stdout.readline()), fps)
    finally:
        server.terminate()
        server.wait(10)


if __name__ == "__main__":
    parser = argparse.ArgumentParser()
    parser.add_argument("width", type=int)
    parser.add_argument("height", type=int)
    parser.add_argument("fps", type=float)
    parser.add_argument("--phases", nargs=3, type=float, default=[0.0, 11.0, 22.0])
    parser.add_argument("--bases", nargs="*", default=[])
    given = parser.parse_args()
    serve(given.width, given.height, given.fps, given.phases, given.bases)
