"""What the Capture page says: the short words of checks and states, in the operator's language."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import TYPE_CHECKING

from facestudio.app.from_below import said
from facestudio.app.strings import tr
from facestudio.types import ViewName

if TYPE_CHECKING:
    from facestudio.app.pages.capture.state import Tile
    from facestudio.capture.checks import Check
    from facestudio.capture.device import Identity


def view_title(view: ViewName) -> str:
    """What a view is called: left is the subject's left."""
    return {ViewName.LEFT: tr("Left"), ViewName.FRONT: tr("Front"), ViewName.RIGHT: tr("Right")}[view]


def check_words(check: Check) -> str:
    """A check's short words."""
    known = {
        "no face": tr("no face"),
        "face found": tr("face found"),
        "other side": tr("other side"),
        "too close": tr("too close"),
        "too far": tr("too far"),
        "good size": tr("good size"),
        "sharp": tr("sharp"),
        "blurred": tr("blurred"),
        "too bright": tr("too bright"),
        "too dark": tr("too dark"),
        "exposure good": tr("exposure good"),
        "eyes open": tr("eyes open"),
        "eyes closed": tr("eyes closed"),
        "eyes narrow": tr("eyes narrow"),
        "colours differ": tr("colours differ"),
        "same colours": tr("same colours"),
        "expressions differ": tr("expressions differ"),
        "same expression": tr("same expression"),
        "mouth open": tr("mouth open"),
    }
    if check.words in known:
        return known[check.words]
    turned = re.fullmatch(r"turned (\d+)°", check.words)
    if turned:
        return tr("turned {degrees}°", degrees=turned[1])
    faces = re.fullmatch(r"(\d+) faces", check.words)
    return tr("{count} faces", count=faces[1]) if faces else check.words


def state_words(tile: Tile) -> str:
    """What stands in a tile instead of a live picture; "" when all is well."""
    if not tile.name:
        return tr("No camera chosen")
    if tile.health is None:
        return "" if tile.picture is not None else tr("Connecting…")
    if tile.health.error is not None and tile.health.state.value != "live":
        return said(f"{tile.health.error.what}\n{tile.health.error.remedy}")
    return "" if tile.picture is not None else tr("Connecting…")


def check_title(name: str) -> str:
    """What a check looks at, while it has no answer."""
    return {
        "face": tr("face"),
        "turned": tr("turn"),
        "size": tr("size"),
        "sharp": tr("sharpness"),
        "exposure": tr("exposure"),
        "eyes": tr("eyes"),
    }[name]


def spread_words(milliseconds: float) -> str:
    """How synchronous the pictures are, in words; never "synchronised" when they were not."""
    if milliseconds <= 10:
        return tr("{ms:.0f} ms apart · good", ms=milliseconds)
    if milliseconds <= 25:
        return tr("{ms:.0f} ms apart · keep still", ms=milliseconds)
    return tr("{ms:.0f} ms apart · too far", ms=milliseconds)


def usb_words(assignment: Mapping[ViewName, Identity], size: str) -> str:
    """What the USB cameras among these need of their bus; "" when there are none. size: as in the settings."""
    from facestudio.capture.bandwidth import forecast
    from facestudio.capture.camera import CameraSettings
    from facestudio.capture.device import is_address

    ports = {v: i.path for v, i in assignment.items() if not is_address(i)}
    width, height = (int(part) for part in size.split("x"))
    return said(forecast(ports, dict.fromkeys(ports, CameraSettings(width, height))).sentence) if ports else ""
