"""Whether three cameras fit on the USB before any is opened: the one that does not fit fails last and says least."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass

from facestudio.capture.camera import CameraSettings
from facestudio.types import ViewName

_UNCOMPRESSED = {"YUYV", "YUY2", "UYVY", "NV12", ""}


@dataclass(frozen=True)
class BandwidthConfig:
    """What is known of USB 2.

    bus_mbit: what one root port carries in isochronous transfers. overhead: what a camera reserves for each bit that it sends: one
    640 x 480 YUYV stream at 30 per second sends 147 and reserves about 196 Mbit/s. mjpg_bits: bits a pixel of a busy MJPG picture.
    """

    bus_mbit: float = 384.0
    overhead: float = 1.33
    raw_bits: float = 16.0
    mjpg_bits: float = 2.0


@dataclass(frozen=True)
class Forecast:
    """mbit: expected load of each bus, Mbit/s. fits: no bus is overloaded. sentence: for the operator."""

    mbit: Mapping[str, float]
    fits: bool
    sentence: str


def forecast(
    ports: Mapping[ViewName, str], settings: Mapping[ViewName, CameraSettings], config: BandwidthConfig | None = None
) -> Forecast:
    """The expected USB load. ports: each camera's path; cameras whose bus the path does not tell are assumed to share one."""
    config = config or BandwidthConfig()
    load: dict[str, float] = defaultdict(float)
    for view, path in ports.items():
        s = settings[view]
        bits = config.raw_bits if s.fourcc.upper() in _UNCOMPRESSED else config.mjpg_bits
        load[bus_of(path)] += s.width * s.height * s.fps * bits * config.overhead / 1e6
    worst = max(load.values(), default=0.0)
    fits = worst <= config.bus_mbit
    if fits:
        sentence = f"The cameras need about {worst:.0f} of {config.bus_mbit:.0f} Mbit/s of their USB bus."
    else:
        sentence = (
            f"The cameras need about {worst:.0f} Mbit/s, but one USB 2 bus carries {config.bus_mbit:.0f}. "
            "Use MJPG, a smaller picture or fewer pictures per second, or plug a camera into another USB controller."
        )
    return Forecast(dict(load), fits, sentence)


def bus_of(path: str) -> str:
    """The USB root port within a camera's path, or "shared" when the path does not tell.

    Linux: ".../pci-0000:00:14.0-usb-0:2.1:1.0-video-index0" is port 2 (then a hub's port 1) of controller 0000:00:14.0.
    """
    linux = re.search(r"pci-([0-9a-f:.]+)-usb(?:v\d)?-\d+:(\d+)", path)
    if linux:
        return f"{linux[1]} port {linux[2]}"
    return "shared"
