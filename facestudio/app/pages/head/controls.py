"""The sliders of a face: which there are, and the expression and pose that their values mean. No Qt."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from facestudio.app.pages.head.expression_names import EXPRESSIONS
from facestudio.app.strings import mark
from facestudio.head.model import HeadModel
from facestudio.head.posing import EYE_LEFT, EYE_RIGHT, JAW, NECK
from facestudio.types import Float64Array

IDENTITY_SHOWN = 12  # components; the later ones move less than a millimetre each
IDENTITY_GROUP = mark("Identity (not exported)")
_POSE_GROUP = mark("Jaw, gaze and neck")
# Named expressions by how their names begin, in the order of the page: from the forehead down.
_GROUPS = (
    (mark("Brows"), ("brow",)),
    (mark("Eyes"), ("eye",)),
    (mark("Cheeks and nose"), ("cheek", "nose")),
    (mark("Jaw"), ("jaw",)),
    (mark("Mouth"), ("mouth", "tongue")),
)
_OTHER_GROUP = mark("Expressions")


@dataclass(frozen=True)
class Control:
    """One slider. key: what it is called in a face's values. label: English. low, high: its ends, 0 is at rest. unit: "" or "°"."""

    key: str
    label: str
    group: str
    low: float
    high: float
    unit: str = ""


_POSE = (
    Control("pose:jaw_open", mark("Jaw open"), _POSE_GROUP, 0.0, 30.0, "°"),
    Control("pose:jaw_side", mark("Jaw to the side"), _POSE_GROUP, -10.0, 10.0, "°"),
    Control("pose:gaze_side", mark("Gaze to the side"), _POSE_GROUP, -30.0, 30.0, "°"),
    Control("pose:gaze_up", mark("Gaze up"), _POSE_GROUP, -20.0, 20.0, "°"),
    Control("pose:neck_turn", mark("Neck turn"), _POSE_GROUP, -45.0, 45.0, "°"),
    Control("pose:neck_nod", mark("Neck nod"), _POSE_GROUP, -30.0, 30.0, "°"),
    Control("pose:neck_tilt", mark("Neck tilt"), _POSE_GROUP, -30.0, 30.0, "°"),
)


def controls(model: HeadModel) -> tuple[Control, ...]:
    """All sliders of a head model in the order of the page: pose, named expressions by group, identity."""
    named = [Control(f"expression:{i}", spoken(n), _group(n), *_ends(n)) for i, n in enumerate(model.expression_names)]
    order = [label for label, _ in _GROUPS] + [_OTHER_GROUP]
    named.sort(key=lambda control: order.index(control.group))
    count = min(IDENTITY_SHOWN, model.identity_basis.shape[2])
    identity = [Control(f"identity:{i}", f"{i + 1}", IDENTITY_GROUP, -3.0, 3.0, "σ") for i in range(count)]
    return (*_POSE, *named, *identity)


def spoken(name: str) -> str:
    """A name as people write it: mouthSmileLeft becomes Mouth smile left, in English."""
    if name in EXPRESSIONS:
        return EXPRESSIONS[name]
    words = re.sub(r"(?<=[a-z0-9])(?=[A-Z])|_", " ", name).strip()
    return words[:1].upper() + words[1:].lower()


def expression_of(values: Mapping[str, float], count: int) -> Float64Array:
    """(E,) weights."""
    return _numbered(values, "expression", count)


def identity_of(values: Mapping[str, float], count: int) -> Float64Array:
    """(S,) what is added to the head's identity, standard deviations."""
    return _numbered(values, "identity", count)


def pose_of(values: Mapping[str, float]) -> Float64Array:
    """(5, 3) axis-angle, radians, in the order of `head.model.JOINT_NAMES`. Left is the subject's left (+X); up is +Y."""

    def turn(key: str) -> float:
        return float(np.radians(values.get(f"pose:{key}", 0.0)))

    pose = np.zeros((5, 3))
    pose[JAW] = (turn("jaw_open"), turn("jaw_side"), 0.0)
    pose[[EYE_LEFT, EYE_RIGHT]] = (-turn("gaze_up"), turn("gaze_side"), 0.0)
    pose[NECK] = (turn("neck_nod"), turn("neck_turn"), -turn("neck_tilt"))
    return pose


def values_of(expression: Float64Array) -> dict[str, float]:
    """The slider values that show an expression (E,)."""
    return {f"expression:{i}": float(weight) for i, weight in enumerate(expression) if weight}


def _numbered(values: Mapping[str, float], kind: str, count: int) -> Float64Array:
    result = np.zeros(count)
    for key, value in values.items():
        name, _, number = key.partition(":")
        if name == kind:
            result[int(number)] = value
    return result


def _group(name: str) -> str:
    lower = name.lower()
    return next((label for label, starts in _GROUPS if lower.startswith(starts)), _OTHER_GROUP)


def _ends(name: str) -> tuple[float, float]:
    # Named expressions go from off to full; components without a meaning go both ways, in standard deviations.
    return (0.0, 1.0) if _group(name) != _OTHER_GROUP else (-3.0, 3.0)
