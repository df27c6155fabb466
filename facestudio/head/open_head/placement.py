"""Where OpenHead stands: MakeHuman's decimetres to metres in the head frame.

The three constants were measured once against FLAME 2023's mean face, by point-to-plane ICP of the average adult's face over scale,
turn about X and translation in the symmetry plane (`python -m facestudio.head.open_head.align --flame FILE` repeats it); the build
itself needs only `anny`.
"""

from __future__ import annotations

from functools import lru_cache

import numpy as np

from facestudio.head.open_head.openings import settle
from facestudio.head.open_head.source import average_vertices
from facestudio.head.open_head.topology import carry, place
from facestudio.types import Float64Array

# FLAME's mean asks for 1.06, ICT-FaceKit's for 1.09; the residual is flat (1.39 mm at 1.04, 1.38 mm at 1.06), FLAME is our reference.
SCALE = 1.06
TURN_X = -2.86  # degrees
TRANSLATION = (0.0, -0.76039, -0.06462)  # metres
_DECIMETRE = 0.1


def turn() -> Float64Array:
    """(3, 3) float64 rotation from the base frame to the head frame."""
    angle = np.radians(TURN_X)
    c, s = float(np.cos(angle)), float(np.sin(angle))
    return np.array([[1.0, 0.0, 0.0], [0.0, c, -s], [0.0, s, c]])


def to_head(points: Float64Array) -> Float64Array:
    """Points (N, 3) float64, decimetres, base frame, to metres, head frame."""
    return np.asarray(_DECIMETRE * SCALE * points @ turn().T + TRANSLATION)


@lru_cache(maxsize=1)
def template() -> Float64Array:
    """(V, 3) float64, metres, head frame: the average adult; the eyeballs look straight along +Z."""
    return settle(to_head(place(average_vertices(), turn().T)))


def delta_to_head(delta: Float64Array) -> Float64Array:
    """A base offset (19158, 3) float64, decimetres, as the model's (V, 3) float64, metres, head frame."""
    return np.asarray(_DECIMETRE * SCALE * carry(delta) @ turn().T)
