"""What the Capture page knows at one moment."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum
from typing import TYPE_CHECKING

from facestudio.types import ViewName

if TYPE_CHECKING:
    from facestudio.capture.camera import Frame
    from facestudio.capture.channel import Health
    from facestudio.capture.checks import ViewReport

COUNTDOWNS = (0, 3, 5)  # seconds


class Phase(Enum):
    """Where the operator is.

    EMPTY: no camera is assigned. LIVE: previews run. COUNTING: from the shutter to its picture. REVIEW: a shot waits for keep or retake.
    KEEPING: it is being written; the pictures stay frozen until it is on the disk.
    """

    EMPTY = "empty"
    LIVE = "live"
    COUNTING = "counting"
    REVIEW = "review"
    KEEPING = "keeping"


@dataclass(frozen=True)
class Tile:
    """What one view shows. picture: BGR, small; None when there is none. name: of its camera, "" when none is assigned."""

    view: ViewName
    name: str
    picture: Frame | None
    health: Health | None
    report: ViewReport | None
