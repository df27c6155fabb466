"""Unevenness that no coefficient of a head model can express."""

from __future__ import annotations

import numpy as np

from facestudio.types import Float64Array


def bumps(
    vertices: Float64Array, count: int, widths_m: tuple[float, float], height_m: float, rng: np.random.Generator
) -> Float64Array:
    """(V,) metres: a random smooth height over vertices (V, 3), of so many Gaussian bumps.

    widths_m: range of two standard deviations of a bump, metres. height_m: standard deviation of the whole.
    """
    centres = vertices[rng.integers(len(vertices), size=count)]
    widths, signs = rng.uniform(*widths_m, size=count) / 2.0, rng.normal(size=count)
    far = ((vertices[:, None] - centres[None]) ** 2).sum(-1)
    height = (signs * np.exp(-0.5 * far / widths**2)).sum(1)
    return np.asarray(height_m * height / height.std())
