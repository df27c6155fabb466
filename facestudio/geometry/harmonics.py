"""Light as nine numbers per colour: real spherical harmonics up to degree 2, as a matt surface receives them.

What a Lambertian surface of normal n reflects under distant light is, to 99 %, a combination of nine functions of n (Ramamoorthi &
Hanrahan 2001; Basri & Jacobs 2003). Ours are the orthonormal real harmonics Y_k times the Lambertian kernel A_l / pi (1, 2/3, 1/4 for
degree 0, 1, 2), so that the light's coefficients are those of its radiance: a white sky of radiance 1 is (sqrt(4 pi), 0, …, 0), and
under it every surface shows exactly its albedo.

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

_KERNEL = (1.0, 2.0 / 3.0, 1.0 / 4.0)
_Y0 = 0.5 * math.sqrt(1.0 / math.pi)
_Y1 = math.sqrt(3.0 / (4.0 * math.pi))
_Y2 = 0.5 * math.sqrt(15.0 / math.pi)
_Y20 = 0.25 * math.sqrt(5.0 / math.pi)


def terms(x: _Array, y: _Array, z: _Array) -> list[_Array]:
    """The nine H_k, each of the shape of the unit normals' components x, y, z (numpy or torch, differentiable)."""
    l1, l2 = _KERNEL[1], _KERNEL[2]
    return [
        _KERNEL[0] * _Y0 + 0.0 * x,
        l1 * _Y1 * y,
        l1 * _Y1 * z,
        l1 * _Y1 * x,
        l2 * _Y2 * x * y,
        l2 * _Y2 * y * z,
        l2 * _Y20 * (3.0 * z * z - 1.0),
        l2 * _Y2 * x * z,
        l2 * 0.5 * _Y2 * (x * x - y * y),
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
    plain = basis(n) / np.repeat(_KERNEL, (1, 3, 5))
    return np.asarray(4.0 * math.pi / len(n) * plain.T @ np.asarray(radiance, dtype=np.float64))


def _directions() -> Float64Array:
    """(64, 3): directions spread evenly over the sphere (a Fibonacci spiral)."""
    k = np.arange(64) + 0.5
    z, turn = 1.0 - 2.0 * k / 64, np.pi * (1.0 + math.sqrt(5.0)) * k
    radius = np.sqrt(1.0 - z * z)
    return np.stack([radius * np.cos(turn), radius * np.sin(turn), z], axis=1)
