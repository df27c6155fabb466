"""Who a synthetic subject is, and what they look like: everything about them drawn from one random generator, before any geometry."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from facestudio.geometry.rotations import exp_so3, log_so3
from facestudio.head.model import JOINT_NAMES, HeadModel
from facestudio.training.synth import shade
from facestudio.training.synth.assets import Closet
from facestudio.types import Float32Array, Float64Array

_SKIN_TONES = np.array(
    [
        [0.66, 0.46, 0.37],
        [0.56, 0.36, 0.27],
        [0.45, 0.265, 0.18],
        [0.33, 0.18, 0.11],
        [0.20, 0.10, 0.058],
        [0.105, 0.052, 0.031],
        [0.06, 0.031, 0.02],
    ]
)  # linear, from the lightest to the darkest
_HAIR_COLOURS = np.array(
    [
        [0.012, 0.010, 0.009],
        [0.022, 0.014, 0.010],
        [0.045, 0.026, 0.016],
        [0.090, 0.052, 0.029],
        [0.170, 0.105, 0.056],
        [0.330, 0.230, 0.120],
        [0.190, 0.062, 0.024],
        [0.230, 0.225, 0.220],
        [0.520, 0.510, 0.490],
        [0.250, 0.040, 0.100],
    ]
)
_HAIR_SHARES = np.array([0.22, 0.2, 0.17, 0.12, 0.08, 0.07, 0.03, 0.07, 0.03, 0.01])
_IRISES = np.array(
    [
        [0.055, 0.024, 0.010],
        [0.10, 0.052, 0.02],
        [0.10, 0.15, 0.22],
        [0.10, 0.13, 0.07],
        [0.15, 0.17, 0.18],
        [0.02, 0.01, 0.006],
    ]
)


@dataclass(frozen=True)
class PeopleConfig:
    """wider: share of identities drawn `wide` times as far from the mean. lively: share with a real expression.

    neutral_active, neutral_most: share and strength of the units that are a little on in the others. bald, glasses, occluded: shares.
    rare: hair styles that cover much of the face, and how often they are taken.
    """

    wider: float = 0.25
    wide: float = 1.35
    lively: float = 0.5
    neutral_active: float = 0.10
    neutral_most: float = 0.15
    bald: float = 0.14
    glasses: float = 0.16
    occluded: float = 0.06
    rare: tuple[tuple[str, float], ...] = (("bob02", 0.12), ("short03", 0.35), ("long01", 0.5))


@dataclass(frozen=True)
class Person:
    """identity (K,), expression (E,), pose (J, 3). skin, hair, brows, lashes: places in the closet, -1 none. clothes: seed of their cut.

    colours (COLOURS, 3), values (VALUES,): as `shade` names them. glasses: seed of a frame, -1 none. thing: seed of an occluder, -1 none.
    roots: how much of the hair's colour the scalp has.
    """

    identity: Float64Array
    expression: Float64Array
    pose: Float64Array
    skin: int
    hair: int
    brows: int
    lashes: int
    roots: float
    colours: Float32Array
    values: Float32Array
    clothes: int
    glasses: int
    thing: int


def random_person(model: HeadModel, closet: Closet, rng: np.random.Generator, config: PeopleConfig | None = None) -> Person:
    """Draw a person. The same generator state gives the same person, whatever was drawn before."""
    config = config or PeopleConfig()
    size = model.identity_basis.shape[2]
    identity = rng.normal(size=size) * (config.wide if rng.random() < config.wider else 1.0)
    expression = _expression(model, rng, config)
    pose = _pose(rng)
    melanin = rng.beta(1.0, 1.1) * (len(_SKIN_TONES) - 1)
    tone = np.exp([np.interp(melanin, np.arange(len(_SKIN_TONES)), np.log(_SKIN_TONES[:, c])) for c in range(3)])
    tone = tone * np.exp(rng.normal(0, 0.05, 3) * [0.6, 1.0, 1.4]) * np.exp(rng.normal(0, 0.08))
    wanted = [i for i, s in enumerate(closet.skins) if s.dark == (melanin > 3.4 + rng.normal(0, 0.5))]
    hair_colour = _HAIR_COLOURS[rng.choice(len(_HAIR_COLOURS), p=_HAIR_SHARES)] * np.exp(
        rng.normal(0, 0.2) + rng.normal(0, 0.05, 3)
    )
    if melanin > 3.6 and rng.random() < 0.85:
        hair_colour = _HAIR_COLOURS[rng.choice([0, 1, 7], p=[0.65, 0.25, 0.1])] * np.exp(rng.normal(0, 0.15))
    # Brows are darker than the hair, and on light hair never as light.
    brow_colour = np.minimum(0.6 * hair_colour, 0.22 * tone + 0.25 * hair_colour) * np.exp(rng.normal(0, 0.2)) + 0.003
    shares = np.array([dict(config.rare).get(h.name, 1.0) for h in closet.hair])
    bald = rng.random() < config.bald or not closet.hair
    colours = np.zeros((shade.COLOURS, 3))
    colours[shade.TONE], colours[shade.HAIR_COLOUR], colours[shade.BROW_COLOUR] = tone, hair_colour, brow_colour
    iris = _IRISES[rng.choice(len(_IRISES) - 1)] if melanin < 2.5 else _IRISES[rng.choice([0, 0, 1, 5])]
    colours[shade.IRIS] = iris * np.exp(rng.normal(0, 0.2))
    colours[shade.SCLERA] = np.array([0.42, 0.385, 0.36]) * rng.uniform(0.7, 1.1)
    colours[shade.CLOTH_A] = _cloth(rng)
    colours[shade.CLOTH_B] = _cloth(rng)
    colours[shade.FRAME_COLOUR] = rng.choice([0.008, 0.02, 0.06, 0.3]) * np.exp(rng.normal(0, 0.3, 3))
    colours[shade.THING_COLOUR] = tone * np.array([1.0, 0.95, 0.95]) if rng.random() < 0.6 else _cloth(rng)
    # Natural lips are a little darker and redder than the skin; some wear a lipstick.
    painted = rng.random() < 0.2
    lips = tone * [0.88, 0.56, 0.58] * np.exp(rng.normal(0, 0.1))
    colours[shade.LIP_COLOUR] = np.array([0.35, 0.05, 0.07]) * np.exp(rng.normal(0, 0.4)) if painted else lips
    colours[shade.SCALP] = 0.8 * hair_colour + 0.12 * tone
    values = np.zeros(shade.VALUES)
    values[shade.GLOSS] = rng.uniform(0.03, 0.28)
    values[shade.SHARP] = rng.uniform(8, 34)
    values[shade.CONTRAST] = rng.uniform(0.75, 1.25)
    values[shade.BEARD] = (
        0.0 if rng.random() < 0.6 else rng.choice([rng.uniform(0.08, 0.35), rng.uniform(0.5, 0.95)], p=[0.7, 0.3])
    )
    values[shade.LIPS] = rng.uniform(0.5, 0.9) if painted else rng.uniform(0.25, 0.7)
    values[shade.IRIS_EDGE], values[shade.PUPIL] = rng.uniform(0.95, 1.04), rng.uniform(0.27, 0.46)
    values[shade.PATTERN] = rng.choice(4, p=[0.6, 0.12, 0.12, 0.16])
    values[shade.PATTERN_SIZE] = np.exp(rng.uniform(np.log(120), np.log(700)))
    values[shade.FOLDS] = rng.uniform(0.2, 0.9)
    values[shade.HAIR_SHINE] = 0.01 + rng.uniform(0.15, 0.8) * float(hair_colour.mean()) + rng.uniform(0.0, 0.04)
    values[shade.BLOTCH] = rng.uniform(0.0, 0.12)
    values[shade.GLINT] = rng.choice([rng.uniform(0, 0.3), rng.uniform(0.3, 1.2)], p=[0.7, 0.3])
    return Person(
        identity=identity,
        expression=expression,
        pose=pose,
        skin=int(rng.choice(wanted)) if wanted else int(rng.integers(len(closet.skins))),
        hair=-1 if bald else int(rng.choice(len(closet.hair), p=shares / shares.sum())),
        brows=int(rng.integers(len(closet.brows))) if closet.brows else -1,
        lashes=int(rng.integers(len(closet.lashes))) if closet.lashes else -1,
        roots=(rng.choice([0.0, rng.uniform(0.2, 0.9)]) if bald else 0.92),
        colours=colours.astype(np.float32),
        values=values.astype(np.float32),
        clothes=int(rng.integers(1 << 30)),
        glasses=int(rng.integers(1 << 30)) if rng.random() < config.glasses else -1,
        thing=int(rng.integers(1 << 30)) if rng.random() < config.occluded else -1,
    )


def _cloth(rng: np.random.Generator) -> Float64Array:
    """A colour of clothes, linear: mostly grey, dark or white, sometimes strong."""
    value = np.exp(rng.uniform(np.log(0.015), np.log(0.6)))
    return np.asarray(np.clip(value * np.exp(rng.normal(0, rng.choice([0.08, 0.5]), 3)), 0.004, 0.8))


def _expression(model: HeadModel, rng: np.random.Generator, config: PeopleConfig) -> Float64Array:
    names = model.expression_names
    usable = np.array([not n.startswith(("eyeLook", "tongue")) for n in names])
    on = rng.random(len(names)) < config.neutral_active
    weights = np.where(on & usable, rng.uniform(0, config.neutral_most, len(names)), 0.0)
    if rng.random() >= config.lively:
        return weights

    def add(name: str, value: float) -> None:
        if name in names:
            weights[names.index(name)] = min(max(weights[names.index(name)], value), 1.0)

    def both(name: str, value: float) -> None:
        for side in ("Left", "Right"):
            add(name + side, value * rng.uniform(0.8, 1.2))

    kind = rng.choice(5, p=[0.3, 0.2, 0.15, 0.15, 0.2])
    if kind == 0:  # a smile
        strength = rng.uniform(0.2, 1.0)
        both("mouthSmile", strength)
        both("cheekSquint", 0.6 * strength * rng.random())
        both("eyeSquint", 0.5 * strength * rng.random())
        if rng.random() < 0.4:
            both("mouthUpperUp", 0.5 * rng.random())
            add("jawOpen", rng.uniform(0.03, 0.25))
    elif kind == 1:  # speaking, or an open mouth
        add("jawOpen", rng.uniform(0.1, 0.9))
        for name in ("mouthFunnel", "mouthPucker"):
            add(name, max(rng.uniform(-0.5, 0.6), 0.0))
    elif kind == 2:  # a blink, a squint, eyes wide
        name, most = [("eyeBlink", 1.0), ("eyeSquint", 0.8), ("eyeWide", 0.8)][rng.choice(3, p=[0.6, 0.2, 0.2])]
        both(name, rng.uniform(0.2, most))
    elif kind == 3:  # brows
        name = rng.choice(["browDown", "browOuterUp"])
        both(str(name), rng.uniform(0.2, 0.9))
        add("browInnerUp", max(rng.uniform(-0.5, 0.8), 0.0))
        both("mouthFrown", max(rng.uniform(-0.5, 0.6), 0.0))
    else:  # anything
        for index in rng.choice(np.flatnonzero(usable), 6, replace=False):
            weights[index] = max(weights[index], rng.uniform(0.1, 0.6))
    return np.asarray(weights)


def _pose(rng: np.random.Generator) -> Float64Array:
    """Axis-angles (J, 3): neck a little, jaw rarely, both eyes the same way."""
    pose = np.zeros((len(JOINT_NAMES), 3))
    pose[1] = np.radians(rng.normal(0, [3.0, 3.0, 2.0]))
    if rng.random() < 0.1:
        pose[2] = np.radians([rng.uniform(0, 8), rng.normal(0, 1.5), 0])
    gaze = np.radians(rng.normal(0, [2.5, 3.5] if rng.random() < 0.7 else [5.0, 9.0]))
    pose[3] = pose[4] = log_so3(
        exp_so3(np.array([0.0, np.clip(gaze[1], -0.45, 0.45), 0.0])) @ exp_so3(np.array([np.clip(gaze[0], -0.25, 0.25), 0, 0]))
    )
    return pose
