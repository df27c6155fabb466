"""Light as nine numbers per colour: real spherical harmonics up to degree 2, as a matt surface receives them.

What a Lambertian surface of normal n reflects under distant light is, to 99 %, a combination of nine functions of n (Ramamoorthi &
Hanrahan 2001; Basri & Jacobs 2003): colour = albedo * sum_k l_k H_k(n). Our H_k are the orthonormal real harmonics; the light l is
that of the irradiance over pi, so that under a white sky of radiance 1, (sqrt(4 pi), 0, …, 0), every surface shows its bare albedo.

Order (l, m): 1 | y, z, x | xy, yz, 3z^2-1, xz, x^2-y^2, in the frame of the normals.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, TypeVar

import numpy as np

from facestudio.types import Float64Array

if TYPE_CHECKING:
    import torch

    from facestudio.types import Float32Array

COUNT = 9
WHITE = math.sqrt(4.0 * math.pi)  # the first coefficient of a white sky of radiance 1

_Array = TypeVar("_Array", "Float32Array", "Float64Array", "torch.Tensor")

_KERNEL = np.repeat([1.0, 2.0 / 3.0, 1.0 / 4.0], (1, 3, 5))  # the clamped cosine over pi, by degree
_Y0 = 0.5 * math.sqrt(1.0 / math.pi)
_Y1 = math.sqrt(3.0 / (4.0 * math.pi))
_Y2 = 0.5 * math.sqrt(15.0 / math.pi)
_Y20 = 0.25 * math.sqrt(5.0 / math.pi)


def terms(x: _Array, y: _Array, z: _Array) -> list[_Array]:
    """The nine H_k, each of the shape of the unit normals' components x, y, z (numpy or torch, differentiable)."""
    return [
        _Y0 + 0.0 * x,
        _Y1 * y,
        _Y1 * z,
        _Y1 * x,
        _Y2 * x * y,
        _Y2 * y * z,
        _Y20 * (3.0 * z * z - 1.0),
        _Y2 * x * z,
        0.5 * _Y2 * (x * x - y * y),
    ]


def basis(normals: Float64Array) -> Float64Array:
    """H_k of unit normals (…, 3): (…, 9) float64."""
    n = np.asarray(normals, dtype=np.float64)
    return np.stack(terms(n[..., 0], n[..., 1], n[..., 2]), axis=-1)


def shade(normals: Float64Array, light: Float64Array) -> Float64Array:
    """What reaches surfaces of unit normals (…, 3) under light (9, C): (…, C) float64, 1 = a white sky (MFNet eq. 2, the sum)."""
    return np.asarray(basis(normals) @ np.asarray(light, dtype=np.float64))


def turned(light: Float64Array, R: Float64Array) -> Float64Array:
    """The same light (9, C) seen from a frame whose axes are R's rows: shade(n @ R.T, turned(light, R)) == shade(n, light).

    R: (3, 3) rotation, old frame to new. Each degree is a space of its own under rotation (exact, by least squares on fixed directions).
    """
    directions = _directions()
    there, here = basis(directions @ np.asarray(R, dtype=np.float64).T), basis(directions)
    return np.asarray(np.linalg.lstsq(there, here @ np.asarray(light, dtype=np.float64), rcond=None)[0])


def project(directions: Float64Array, radiance: Float64Array) -> Float64Array:
    """The light (9, C) of an environment sampled evenly over the sphere: unit directions (M, 3), radiance (M, C) from each."""
    n = np.asarray(directions, dtype=np.float64)
    received = 4.0 * math.pi / len(n) * basis(n).T @ np.asarray(radiance, dtype=np.float64)
    return np.asarray(_KERNEL[:, None] * received)


def _directions() -> Float64Array:
    """(64, 3): directions spread evenly over the sphere (a Fibonacci spiral)."""
    k = np.arange(64) + 0.5
    z, turn = 1.0 - 2.0 * k / 64, np.pi * (1.0 + math.sqrt(5.0)) * k
    radius = np.sqrt(1.0 - z * z)
    return np.stack([radius * np.cos(turn), radius * np.sin(turn), z], axis=1)
