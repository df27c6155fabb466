"""Is this picture worth taking? Each view's checks, in words, and those between the views."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from enum import StrEnum

import cv2
import numpy as np

from facestudio.capture.camera import Frame
from facestudio.capture.sight import Sight
from facestudio.types import ByteArray, ViewName


class CheckName(StrEnum):
    """What is checked. The last two compare the views."""

    FACE = "face"
    TURNED = "turned"
    SIZE = "size"
    SHARP = "sharp"
    EXPOSURE = "exposure"
    EYES = "eyes"
    COLOUR = "colour"
    EXPRESSION = "expression"


class Verdict(StrEnum):
    """GOOD, DOUBTFUL: the picture can be used but could be better. BAD: it can hardly be used. UNKNOWN: it could not be told."""

    GOOD = "good"
    DOUBTFUL = "doubtful"
    BAD = "bad"
    UNKNOWN = "unknown"


@dataclass(frozen=True)
class Check:
    """One answer. words: short, for under the picture ("turned 38°"). advice: what to do; "" when all is well."""

    name: CheckName
    verdict: Verdict
    words: str
    advice: str = ""


@dataclass(frozen=True)
class CheckConfig:
    """Limits, from the bench's 36 good pictures (tests/capture/test_checks.py holds them to it).

    yaw: degrees from, to, for each view. size: height of the face's landmarks as a share of the picture's: bad below, doubtful below,
    doubtful above. sharp: detail of the face relative to its contrast: bad below, doubtful below. dark: mean brightness of the face of 255,
    bad below, doubtful below. white: share of the face's pixels that are clipped: doubtful above, bad above. eyes: opening below which eyes
    count as closed, as narrow. mouth: opening above which the mouth counts as open. colour: difference of the faces' red or blue against
    green between views. mouths: difference of mouth openings between views.
    """

    yaw: Mapping[ViewName, tuple[float, float]] | None = None
    size: tuple[float, float, float] = (0.15, 0.25, 0.75)
    sharp: tuple[float, float] = (2.0, 4.0)
    dark: tuple[float, float] = (30.0, 60.0)
    white: tuple[float, float] = (0.12, 0.35)
    eyes: tuple[float, float] = (0.13, 0.18)
    mouth: float = 0.06
    colour: float = 0.15
    mouths: float = 0.04

    def yaw_band(self, view: ViewName) -> tuple[float, float]:
        """The band of a view, degrees."""
        bands = self.yaw or {ViewName.LEFT: (22.0, 60.0), ViewName.FRONT: (-14.0, 14.0), ViewName.RIGHT: (-60.0, -22.0)}
        return bands[view]


@dataclass(frozen=True)
class ViewReport:
    """What was found in one view's picture. t_ns: of the picture. tint: (2,) red and blue of the face over its green."""

    view: ViewName
    t_ns: int
    checks: tuple[Check, ...]
    sight: Sight | None
    tint: tuple[float, float] | None = None
    brightness: float | None = None

    @property
    def worst(self) -> Verdict:
        """The worst verdict among the checks."""
        order = (Verdict.BAD, Verdict.DOUBTFUL, Verdict.UNKNOWN, Verdict.GOOD)
        return next((v for v in order if any(c.verdict is v for c in self.checks)), Verdict.UNKNOWN)


def check_view(view: ViewName, frame: Frame, sight: Sight | None, config: CheckConfig | None = None) -> ViewReport:
    """All checks that need one picture only."""
    c = config or CheckConfig()
    if sight is None:
        advice = "Put one face into the oval, well lit, not in full profile."
        return ViewReport(view, frame.t_ns, (Check(CheckName.FACE, Verdict.BAD, "no face", advice),), None)
    face = crop(frame.bgr, sight)
    colour = face.reshape(-1, 3).mean(axis=0)
    tint = (float(colour[2] / max(colour[1], 1.0)), float(colour[0] / max(colour[1], 1.0)))
    brightness = float(cv2.cvtColor(face, cv2.COLOR_BGR2GRAY).mean())
    checks = (
        _face(sight),
        _turned(view, sight, c),
        _size(sight, frame.bgr.shape[0], c),
        _sharp(face, c),
        _exposure(face, brightness, c),
        _eyes(sight, c),
    )
    return ViewReport(view, frame.t_ns, checks, sight, tint, brightness)


def check_between(reports: Mapping[ViewName, ViewReport], config: CheckConfig | None = None) -> tuple[Check, ...]:
    """The checks that compare the views: equal colour, equal expression. Views without a face are left out."""
    c = config or CheckConfig()
    seen = [r for r in reports.values() if r.sight is not None and r.tint is not None]
    if len(seen) < 2:
        return ()
    tints = np.array([r.tint for r in seen])
    unequal = float(np.ptp(tints, axis=0).max()) > c.colour * float(tints.mean())
    colour = (
        Check(
            CheckName.COLOUR,
            Verdict.DOUBTFUL,
            "colours differ",
            "Lock the white balance of all cameras, and use one kind of light.",
        )
        if unequal
        else Check(CheckName.COLOUR, Verdict.GOOD, "same colours")
    )
    mouths = [r.sight.mouth_opening for r in seen if r.sight is not None]
    if max(mouths) - min(mouths) > c.mouths:
        return colour, Check(CheckName.EXPRESSION, Verdict.BAD, "expressions differ", "Ask the subject to keep still.")
    if max(mouths) > c.mouth:
        return colour, Check(CheckName.EXPRESSION, Verdict.DOUBTFUL, "mouth open", "Ask for a calm face with the mouth closed.")
    return colour, Check(CheckName.EXPRESSION, Verdict.GOOD, "same expression")


def blocking(
    reports: Mapping[ViewName, ViewReport], between: Collection[Check], stoppers: Collection[CheckName]
) -> tuple[str, ...]:
    """Why the shutter stays closed: bad answers to the checks that the operator chose to block it. Empty: go ahead."""
    found = [
        f"{view}: {c.words}. {c.advice}"
        for view, report in reports.items()
        for c in report.checks
        if c.verdict is Verdict.BAD and c.name in stoppers
    ]
    return (*found, *(f"{c.words}. {c.advice}" for c in between if c.verdict is Verdict.BAD and c.name in stoppers))


def crop(picture: ByteArray, sight: Sight) -> ByteArray:
    """The face's part of a picture (H, W, 3)."""
    height, width = picture.shape[:2]
    x0, y0, x1, y1 = (round(float(v)) for v in sight.box)
    x0, y0 = min(max(x0, 0), width - 2), min(max(y0, 0), height - 2)
    return picture[y0 : max(y1, y0 + 2), x0 : max(x1, x0 + 2)]


def detail(face: ByteArray) -> float:
    """Fine detail of a face (H, W, 3) relative to its contrast, so that light and skin matter little.

    Variance of the Laplacian at 256 pixels over the variance of the brightness, times 1000.
    """
    grey = cv2.resize(cv2.cvtColor(face, cv2.COLOR_BGR2GRAY), (256, 256), interpolation=cv2.INTER_AREA)
    smooth = cv2.GaussianBlur(grey, (0, 0), 0.8)
    return 1000.0 * float(cv2.Laplacian(smooth, cv2.CV_64F).var()) / max(float(grey.std()) ** 2, 1.0)


def _face(sight: Sight) -> Check:
    if sight.rivals:
        return Check(
            CheckName.FACE, Verdict.DOUBTFUL, f"{sight.rivals + 1} faces", "Only the subject should be in the picture."
        )
    return Check(CheckName.FACE, Verdict.GOOD, "face found")


def _turned(view: ViewName, sight: Sight, c: CheckConfig) -> Check:
    low, high = c.yaw_band(view)
    words = f"turned {abs(sight.yaw_degrees):.0f}°"
    if low <= sight.yaw_degrees <= high:
        return Check(CheckName.TURNED, Verdict.GOOD, words)
    if view is ViewName.FRONT:
        return Check(CheckName.TURNED, Verdict.DOUBTFUL, words, "Ask the subject to look at the front camera.")
    if sight.yaw_degrees * (low + high) < 0 and abs(sight.yaw_degrees) > 14:
        return Check(
            CheckName.TURNED, Verdict.BAD, "other side", "This camera shows the other side of the face: swap left and right."
        )
    aside = abs(sight.yaw_degrees) < min(abs(low), abs(high))
    where = "to the side" if aside else "to the front"
    return Check(CheckName.TURNED, Verdict.DOUBTFUL, words, f"Move this camera further {where}: about 40° is best.")


def _size(sight: Sight, height: int, c: CheckConfig) -> Check:
    share = float(sight.box[3] - sight.box[1]) / height
    bad, small, large = c.size
    if share > large:
        return Check(
            CheckName.SIZE, Verdict.DOUBTFUL, "too close", "Move the camera back, so that the whole head is in the picture."
        )
    if share < small:
        verdict = Verdict.BAD if share < bad else Verdict.DOUBTFUL
        return Check(CheckName.SIZE, verdict, "too far", "Move the camera closer: the head should fill the oval.")
    return Check(CheckName.SIZE, Verdict.GOOD, "good size")


def _sharp(face: ByteArray, c: CheckConfig) -> Check:
    bad, doubtful = c.sharp
    value = detail(face)
    if value >= doubtful:
        return Check(CheckName.SHARP, Verdict.GOOD, "sharp")
    advice = "Focus the camera, or use more light and ask the subject to keep still."
    return Check(CheckName.SHARP, Verdict.BAD if value < bad else Verdict.DOUBTFUL, "blurred", advice)


def _exposure(face: ByteArray, brightness: float, c: CheckConfig) -> Check:
    white = float((face.max(axis=2) >= 250).mean())
    if white > c.white[0]:
        verdict = Verdict.BAD if white > c.white[1] else Verdict.DOUBTFUL
        return Check(CheckName.EXPOSURE, verdict, "too bright", "Use less light, or a shorter exposure.")
    if brightness < c.dark[1]:
        verdict = Verdict.BAD if brightness < c.dark[0] else Verdict.DOUBTFUL
        return Check(CheckName.EXPOSURE, verdict, "too dark", "Use more light, or a longer exposure.")
    return Check(CheckName.EXPOSURE, Verdict.GOOD, "exposure good")


def _eyes(sight: Sight, c: CheckConfig) -> Check:
    closed, narrow = c.eyes
    if sight.eye_opening < closed:
        return Check(
            CheckName.EYES, Verdict.BAD, "eyes closed", "Wait for open eyes; the burst picks such a moment if there is one."
        )
    if sight.eye_opening < narrow:
        return Check(CheckName.EYES, Verdict.DOUBTFUL, "eyes narrow", "Ask the subject to open the eyes.")
    return Check(CheckName.EYES, Verdict.GOOD, "eyes open")
