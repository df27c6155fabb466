"""Light on a synthetic subject: a sky of nine spherical harmonics per colour, and a key light with a soft shadow.

Irradiance in spherical harmonics: Ramamoorthi and Hanrahan 2001, "An efficient representation for irradiance environment maps".
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from facestudio.geometry.harmonics import WHITE, basis
from facestudio.types import Float64Array

_KERNEL = np.pi * np.repeat([1.0, 2.0 / 3.0, 0.25], (1, 3, 5))  # the clamped cosine's own harmonics by degree


@dataclass(frozen=True)
class Light:
    """sky (9, 3): irradiance over pi by normal, SH coefficients. key (3,): direction to the key, head frame. key_colour (3,).

    softness: radius of the shadow's edge, metres. All linear light before the camera's exposure.
    """

    sky: Float64Array
    key: Float64Array
    key_colour: Float64Array
    softness: float

    def coefficients(self) -> Float64Array:
        """(9, 3): sky and unshadowed key together, so that colour = albedo * sum_k l_k H_k(normal)."""
        return self.sky + lobe(self.key, self.key_colour)


def lobe(direction: Float64Array, colour: Float64Array) -> Float64Array:
    """(9, 3): the irradiance of one distant lamp that lights a surface facing it with `colour` (clamped cosine, to second order)."""
    return np.asarray((_KERNEL * basis(direction))[:, None] * colour)


def warmth(rng: np.random.Generator, sigma: float = 0.12) -> Float64Array:
    """(3,): a random colour between candle and blue sky of mean about 1."""
    t, tint = rng.normal(0.0, sigma), rng.normal(0.0, 0.25 * sigma)
    colour = np.exp(np.array([t, tint, -1.15 * t]))
    return np.asarray(colour / colour.mean())


def random_light(rng: np.random.Generator) -> Light:
    """A room: a soft box in front, a window at a side, an office's ceiling, a lamp, or a screen's glow."""
    kind = rng.choice(5, p=[0.3, 0.25, 0.2, 0.15, 0.1])
    side = rng.choice([-1.0, 1.0])
    azimuth, height, key, softness = [
        (rng.normal(0, 25), rng.uniform(0, 40), rng.uniform(0.2, 0.7), rng.uniform(0.012, 0.03)),
        (side * rng.uniform(45, 100), rng.uniform(-5, 35), rng.uniform(0.6, 1.6), rng.uniform(0.01, 0.03)),
        (rng.normal(0, 50), rng.uniform(50, 80), rng.uniform(0.3, 1.0), rng.uniform(0.01, 0.03)),
        (rng.uniform(-120, 120), rng.uniform(-10, 60), rng.uniform(0.5, 1.5), rng.uniform(0.004, 0.012)),
        (rng.normal(0, 20), rng.uniform(-30, 0), rng.uniform(0.2, 0.6), rng.uniform(0.012, 0.03)),
    ][kind]
    a, h = np.radians(azimuth), np.radians(height)
    direction = np.array([np.sin(a) * np.cos(h), np.sin(h), np.cos(a) * np.cos(h)])
    sky = np.zeros((9, 3))
    sky[0] = rng.uniform(0.12, 0.4) * WHITE * warmth(rng, 0.08)
    sky += lobe(np.array([0.0, 1.0, 0.0]), rng.uniform(0.05, 0.4) * warmth(rng, 0.1))
    for _ in range(int(rng.integers(1, 5))):
        towards = rng.normal(size=3) + np.array([0, 0.3, 0.4])
        sky += lobe(towards / np.linalg.norm(towards), rng.uniform(0.03, 0.35) * warmth(rng, 0.15))
    return Light(sky, direction, key * warmth(rng, 0.12), float(softness))
