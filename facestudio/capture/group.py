"""The three cameras read at once: a thread for each, a ring of the last second, and a watchdog that brings lost cameras back.

Nothing here waits for a camera. A reader whose driver hangs is abandoned: it is told by its generation number that it is no longer
wanted, a new one takes over, and the old one closes its camera if it ever wakes.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping
from concurrent.futures import Future
from dataclasses import dataclass
from typing import TypeVar

from facestudio.capture.camera import Frame, LiveCamera
from facestudio.capture.channel import Channel, ChannelState, GroupConfig, Health
from facestudio.capture.clock import Clock, RealClock
from facestudio.capture.sync import Spread, running_spread
from facestudio.errors import CameraError, FaceStudioError
from facestudio.types import ViewName

T = TypeVar("T")
MakeCamera = Callable[
    [], LiveCamera
]  # makes the camera anew for each opening, so that a device is found wherever it is plugged in now


@dataclass
class _Seat:
    """One view's place: its channel, how its camera is made, and its current and abandoned readers."""

    channel: Channel
    make: MakeCamera
    generation: int = 0
    reader: threading.Thread | None = None
    abandoned: tuple[threading.Thread, ...] = ()


class CameraGroup:
    """Start, look, stop. All methods may be called from any thread, and none waits for a camera."""

    def __init__(
        self, cameras: Mapping[ViewName, MakeCamera], config: GroupConfig | None = None, clock: Clock | None = None
    ) -> None:
        self.config = config or GroupConfig()
        self._clock = clock or RealClock()
        self._seats = {view: _Seat(Channel(self.config), make) for view, make in cameras.items()}
        self._stop = threading.Event()
        self._watchdog: threading.Thread | None = None

    @property
    def views(self) -> tuple[ViewName, ...]:
        """The views that have a camera."""
        return tuple(self._seats)

    def start(self) -> None:
        """Begin to open and read all cameras; returns at once."""
        if self._watchdog is not None:
            return
        self._stop.clear()
        for view in self._seats:
            self._launch(view)
        self._watchdog = threading.Thread(target=self._watch, name="camera watchdog", daemon=True)
        self._watchdog.start()

    def stop(self, timeout_s: float = 2.0) -> None:
        """Stop reading and close the cameras. A camera that hangs is left to its thread."""
        self._stop.set()
        if self._watchdog is not None:
            self._watchdog.join(timeout_s)
            self._watchdog = None
        for seat in self._seats.values():
            seat.generation += 1
        for seat in self._seats.values():
            if seat.reader is not None:
                seat.reader.join(timeout_s)
            seat.channel.stopped()

    def __enter__(self) -> CameraGroup:
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    def now_ns(self) -> int:
        """The clock that frames are stamped by."""
        return self._clock.now_ns()

    def rings(self) -> dict[ViewName, tuple[Frame, ...]]:
        """The last second of every camera, oldest first."""
        return {view: seat.channel.ring() for view, seat in self._seats.items()}

    def latest(self, view: ViewName) -> Frame | None:
        """The newest picture of a view."""
        return self._seats[view].channel.latest()

    def preview(self, view: ViewName) -> Frame | None:
        """The newest small picture of a view."""
        return self._seats[view].channel.preview()

    def is_live(self, view: ViewName) -> bool:
        """True while a view's camera sends pictures."""
        return self._seats[view].channel.state is ChannelState.LIVE

    def health(self, view: ViewName) -> Health:
        """How a view's camera does."""
        return self._seats[view].channel.health(self.now_ns())

    def spread(self) -> Spread | None:
        """How far apart in time the views' nearest pictures are; None until all live cameras send."""
        live = {v: s.channel.ring() for v, s in self._seats.items() if s.channel.state is ChannelState.LIVE}
        return running_spread(live)

    def call(self, view: ViewName, action: Callable[[LiveCamera], T]) -> Future[T]:
        """Run something with a camera in its own thread, between two pictures (drivers allow no other). Fails when it is lost."""
        future: Future[T] = Future()
        channel = self._seats[view].channel
        if channel.state is ChannelState.LIVE:
            channel.requests.append((action, future))
        else:
            future.set_exception(CameraError(f"The {view} camera is not running.", "Wait until it shows a picture."))
        return future

    def wait_live(self, timeout_s: float) -> bool:
        """Wait until every camera has sent a picture; False when the time is over."""
        deadline = self._clock.now_ns() + round(timeout_s * 1e9)
        while self._clock.now_ns() < deadline and not self._stop.wait(0.02):
            if all(s.channel.state is ChannelState.LIVE and s.channel.latest() is not None for s in self._seats.values()):
                return True
        return False

    def _launch(self, view: ViewName) -> None:
        seat = self._seats[view]
        seat.generation += 1
        seat.channel.connecting(self.now_ns())
        seat.reader = threading.Thread(
            target=self._read, args=(seat, seat.generation), name=f"{view} camera {seat.generation}", daemon=True
        )
        seat.reader.start()

    def _wanted(self, seat: _Seat, generation: int) -> bool:
        return seat.generation == generation and not self._stop.is_set()

    def _read(self, seat: _Seat, generation: int) -> None:
        """A reader thread's life: wait its turn, open, read until something fails, and again."""
        channel = seat.channel
        while self._wanted(seat, generation):
            if channel.attempts and self._stop.wait(self._backoff(channel.attempts)):
                return
            if not self._wanted(seat, generation):
                return
            channel.connecting(self.now_ns())
            try:
                self._read_one_opening(seat, generation)
            except FaceStudioError as error:
                reason = error
            except Exception as error:  # a driver's surprise must not end the thread that would bring the camera back
                reason = CameraError(f"The camera failed ({type(error).__name__}: {error}).", "It is tried again.")
            else:
                return
            if self._wanted(seat, generation):
                channel.lost(reason, self.now_ns())

    def _read_one_opening(self, seat: _Seat, generation: int) -> None:
        """Returns when no longer wanted; raises when the camera fails."""
        camera, channel = seat.make(), seat.channel
        try:
            info = camera.open()
            if not self._wanted(seat, generation):
                return
            channel.opened(info, camera.repeats, self.now_ns())
            while self._wanted(seat, generation):
                frame = camera.read()
                if not self._wanted(seat, generation):
                    return
                channel.push(frame)
                if channel.too_damaged:
                    raise CameraError(f"The camera {camera.name} sends damaged pictures.", "Try another cable or USB port.")
                while channel.requests:
                    action, future = channel.requests.popleft()
                    try:
                        future.set_result(action(camera))
                    except Exception as error:  # belongs to who asked, not to the reader
                        future.set_exception(error)
        finally:
            camera.close()

    def _backoff(self, attempts: int) -> float:
        first, longest = self.config.backoff_s
        return min(longest, first * 2.0 ** min(attempts - 1, 10))

    def _watch(self) -> None:
        while not self._stop.wait(self.config.watch_s):
            for view, seat in self._seats.items():
                error = self._fault(seat.channel, view)
                if error is not None:
                    self._replace(view, error)
                elif seat.reader is None:
                    self._relaunch(view)

    def _fault(self, channel: Channel, view: ViewName) -> CameraError | None:
        """Why a reader has to be replaced: those that fail by themselves need no help."""
        now, c = self.now_ns(), self.config
        if channel.state is ChannelState.CONNECTING and (now - channel.since_ns) / 1e9 > c.open_s:
            return CameraError(f"The {view} camera does not open.", "Unplug it, wait five seconds and plug it in again.")
        if channel.state is not ChannelState.LIVE:
            return None
        if channel.silent_s(now) > c.stall_s:
            return CameraError(f"The {view} camera sends no pictures.", "Check its cable; it is reopened by itself.")
        if channel.frozen_s(now) > c.freeze_s:
            return CameraError(f"The {view} camera repeats one picture.", "Check its cable; it is reopened by itself.")
        return None

    def _replace(self, view: ViewName, error: CameraError) -> None:
        """Abandon a view's reader and let another take over."""
        seat = self._seats[view]
        seat.generation += 1
        seat.channel.lost(error, self.now_ns())
        if seat.reader is not None:
            seat.abandoned = (*seat.abandoned, seat.reader)
            seat.reader = None
        self._relaunch(view)

    def _relaunch(self, view: ViewName) -> None:
        """Start a reader, unless so many hang in this camera's driver that one more would only cost memory."""
        seat = self._seats[view]
        seat.abandoned = tuple(t for t in seat.abandoned if t.is_alive())
        if len(seat.abandoned) <= self.config.abandoned:
            self._launch(view)
