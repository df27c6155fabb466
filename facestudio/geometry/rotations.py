"""Rotations: axis-angle and matrices, with the derivative that Gauss-Newton needs."""

from __future__ import annotations

import numpy as np

from facestudio.types import Float64Array

_SMALL_ANGLE = 1e-8


def skew(v: Float64Array) -> Float64Array:
    """Cross-product matrices: (…, 3) to (…, 3, 3) with skew(v) @ w == cross(v, w)."""
    v = np.asarray(v, dtype=np.float64)
    zero = np.zeros_like(v[..., 0])
    x, y, z = v[..., 0], v[..., 1], v[..., 2]
    rows = [np.stack([zero, -z, y], -1), np.stack([z, zero, -x], -1), np.stack([-y, x, zero], -1)]
    return np.stack(rows, -2)


def exp_so3(w: Float64Array) -> Float64Array:
    """Rotation matrix (3, 3) of an axis-angle vector (3,), radians (Rodrigues' formula)."""
    w = np.asarray(w, dtype=np.float64)
    angle = float(np.linalg.norm(w))
    K = skew(w)
    if angle < _SMALL_ANGLE:
        return np.asarray(np.eye(3) + K)
    a, b = np.sin(angle) / angle, (1.0 - np.cos(angle)) / angle**2
    return np.asarray(np.eye(3) + a * K + b * (K @ K))


def log_so3(R: Float64Array) -> Float64Array:
    """Axis-angle vector (3,), radians in [0, pi], of a rotation matrix (3, 3)."""
    R = np.asarray(R, dtype=np.float64)
    # Through the unit quaternion: accurate for every angle, pi included.
    diagonal = np.array([R[0, 0], R[1, 1], R[2, 2], np.trace(R)])
    i = int(np.argmax(diagonal))
    q = np.zeros(4)  # x, y, z, w
    if i == 3:
        q[3] = 1.0 + diagonal[3]
        q[:3] = [R[2, 1] - R[1, 2], R[0, 2] - R[2, 0], R[1, 0] - R[0, 1]]
    else:
        j, k = (i + 1) % 3, (i + 2) % 3
        q[i] = 1.0 + R[i, i] - R[j, j] - R[k, k]
        q[j], q[k] = R[j, i] + R[i, j], R[k, i] + R[i, k]
        q[3] = R[k, j] - R[j, k]
    q /= np.linalg.norm(q)
    if q[3] < 0:
        q = -q
    s = float(np.linalg.norm(q[:3]))
    if s < _SMALL_ANGLE:
        return np.asarray(2.0 * q[:3])
    return np.asarray(q[:3] * (2.0 * np.arctan2(s, q[3]) / s))


def nearest_rotation(M: Float64Array) -> Float64Array:
    """The proper rotation (3, 3) nearest to M (3, 3) in the Frobenius norm."""
    U, _, Vt = np.linalg.svd(M)
    D = np.diag([1.0, 1.0, float(np.sign(np.linalg.det(U @ Vt)))])
    return np.asarray(U @ D @ Vt)
