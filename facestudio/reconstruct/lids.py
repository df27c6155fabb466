"""The eyes' openings: lids brought to where the photos show their edges, within fractions of a millimetre.

An eye is open by ten millimetres, so one millimetre of error changes a face's look, and paints lids onto eyeballs. The detector's lid
landmarks (mediapipe's contours) are its most exact ones; but a fit of the whole head weighs them like all others, and what a model's lids
are is a matter of a few vertices. Here what is left between them and the head, across the lids and without what the detector is known to
get wrong, is explained in least squares under a prior: per eye by one shift along the head's vertical axis, of ball and lids together,
and for each lid by a turn about the eyeball's joint, different at inner corner, middle and outer corner. A lid that turns about the joint
keeps its distance from the ball.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import cv2
import numpy as np

from facestudio.geometry.camera import project
from facestudio.geometry.frames import yaw_degrees
from facestudio.geometry.rasterize import rasterize
from facestudio.head.landmarks import on_surface
from facestudio.head.model import EYES, JOINT_NAMES, HeadModel
from facestudio.head.retarget import with_parts
from facestudio.reconstruct.detector_error import DetectorError
from facestudio.reconstruct.solve import projection
from facestudio.types import MEDIAPIPE, Camera, Float64Array, IntArray, View

# Mediapipe's contours without the corners: upper and lower lid of the subject's left eye, then of the right one.
_LIDS = (
    ((398, 384, 385, 386, 387, 388, 466), (382, 381, 380, 374, 373, 390, 249)),
    ((173, 157, 158, 159, 160, 161, 246), (155, 154, 153, 145, 144, 163, 7)),
)
_KNOTS = 3
_UNKNOWNS = 1 + 2 * _KNOTS + 2  # a shift, upper and lower turns, and the detector's bias on either lid
_RADIUS_M = 0.0145  # of an eyeball with its lid
_ALONG = 181  # columns of the map of the opening, one a degree


@dataclass(frozen=True)
class LidConfig:
    """Constants. Lengths on the head in metres.

    sigma_m: standard deviation of a landmark, beside the detector's; bias_m: of what all landmarks on a lid share. correlated: landmarks of
    one lid in one photo that count as one. steepest: cosine of the angle to the eye's axis below
    which a photo says nothing. shift_m, turn_m: standard deviations of an eye's shift, and of a lid's travel. robust: a sample fades from
    so many standard deviations on. rounds: of solving. near_m, far_m: distances from the eyeball's joint up to which everything moves, and
    from which nothing does.
    """

    sigma_m: float = 0.0006
    bias_m: float = 0.0003
    correlated: float = 3.0
    steepest: float = 0.6
    shift_m: float = 0.0018
    turn_m: float = 0.0012
    robust: float = 3.0
    rounds: int = 3
    near_m: float = 0.0175
    far_m: float = 0.029


@dataclass(frozen=True)
class _Eye:
    """joint (3,) metres; top, bottom (_ALONG,): elevations of the opening by azimuth, radians; ends: its azimuths."""

    joint: Float64Array
    top: Float64Array
    bottom: Float64Array
    ends: tuple[float, float]


def fit_lids(
    model: HeadModel,
    posed_vertices: Float64Array,
    cameras: Sequence[Camera],
    views: Sequence[View],
    error: DetectorError,
    config: LidConfig | None = None,
) -> Float64Array:
    """(V, 3) float64, metres, head frame: what to add to vertices (V, 3) so that the lids' edges lie on the photos' contours.

    cameras: head frame to each photo, one per view. error: what the detector is known to get wrong. All zeros without
    mediapipe landmarks, or for a model without eyeballs.
    """
    config, model = config or LidConfig(), with_parts(model)
    spots = model.embeddings.get(MEDIAPIPE)
    start = np.asarray(posed_vertices, dtype=np.float64)
    vertices, so_far = start, np.zeros((2, _UNKNOWNS))
    known = [(c, points) for v, c in zip(views, cameras, strict=True) if (points := v.mediapipe()) is not None]
    for _ in range(config.rounds if known and spots is not None else 0):
        assert spots is not None
        moved, points = vertices.copy(), on_surface(vertices, model.faces, spots)
        for side in (0, 1):
            eye = _eye(model, vertices, side)
            if eye is None:
                continue
            rows = [_rows(points, spots.ids, eye, camera, found, error, side, config) for camera, found in known]
            A, b = np.concatenate([r[0] for r in rows]), np.concatenate([r[1] for r in rows])
            if len(b):
                step = _solve(A, b, so_far[side], config)
                so_far[side] += step
                moved += _displacement(model, vertices, eye, step, config)
        vertices = moved
    return vertices - start


def _eye(model: HeadModel, vertices: Float64Array, side: int) -> _Eye | None:
    """What of the eyeball is seen from all around it: the head drawn in azimuth and elevation about its joint."""
    ball = model.part_faces(EYES[side])
    if not ball.any():
        return None
    joint = np.asarray(model.joint_regressor[JOINT_NAMES.index(EYES[side])] @ vertices, np.float64)
    azimuth, elevation, distance = _polar(vertices - joint)
    middle = (_ALONG - 1) / 2
    degrees = np.degrees(np.stack([azimuth, -elevation], axis=-1)) + middle
    near = (distance < 0.03)[model.faces].all(axis=1) & (np.abs(azimuth) < 1.6)[model.faces].all(axis=1)
    places = np.column_stack([degrees, 0.1 - distance])
    drawn = rasterize(places, model.faces[near], _ALONG, _ALONG)
    seen = (drawn.pix_to_face >= 0) & ball[near][np.maximum(drawn.pix_to_face, 0)]
    # Beside and above the lids the ball is open to the head's inside: the opening is the patch around where the eye looks.
    _, patches = cv2.connectedComponents(seen.astype(np.uint8), connectivity=4)
    rows, across = np.nonzero(seen)
    if not len(rows):
        return None
    nearest = np.argmin((rows - middle) ** 2 + (across - middle) ** 2)
    seen = patches == patches[rows[nearest], across[nearest]]
    columns = np.flatnonzero(seen.any(axis=0))
    if len(columns) < 10:
        return None
    top = np.argmax(seen, axis=0).astype(np.float64)
    bottom = _ALONG - 1.0 - np.argmax(seen[::-1], axis=0)
    along = np.arange(_ALONG)
    top, bottom = (np.interp(along, columns, row[columns]) for row in (top, bottom))
    ends = np.radians(columns[[0, -1]] - middle)
    return _Eye(joint, np.radians(middle - top), np.radians(middle - bottom), (float(ends[0]), float(ends[1])))


def _polar(points: Float64Array) -> tuple[Float64Array, Float64Array, Float64Array]:
    """Azimuth, elevation in radians and distance, (N,) each, of points (N, 3) about the origin; azimuth 0 looks along +z."""
    distance = np.linalg.norm(points, axis=-1)
    azimuth = np.arctan2(points[..., 0], points[..., 2])
    return azimuth, np.arcsin(np.clip(points[..., 1] / np.maximum(distance, 1e-9), -1.0, 1.0)), distance


def _hats(eye: _Eye, azimuth: Float64Array) -> Float64Array:
    """(N, _KNOTS): linear weights of a lid's knots at azimuths (N,)."""
    s = np.clip((azimuth - eye.ends[0]) / (eye.ends[1] - eye.ends[0]), 0.0, 1.0) * (_KNOTS - 1)
    return np.maximum(1.0 - np.abs(s[:, None] - np.arange(_KNOTS)), 0.0)


def _rows(
    points: Float64Array,
    ids: IntArray,
    eye: _Eye,
    camera: Camera,
    landmarks: Float64Array,
    error: DetectorError,
    side: int,
    config: LidConfig,
) -> tuple[Float64Array, Float64Array]:
    """One photo's landmarks of one eye: rows (N, _UNKNOWNS) and by how much the head is off (N,), over their standard deviation.

    points: (M, 3) metres, where the landmarks `ids` (M,) are on the head. landmarks: (478, 2) pixels.
    """
    to_eye = camera.centre - eye.joint
    distance = float(np.linalg.norm(to_eye))
    ahead = float(to_eye[2]) / distance
    px_per_m = float(camera.K[0, 0]) / distance
    rows, off = [np.zeros((0, _UNKNOWNS))], [np.zeros(0)]
    for lid, wanted in enumerate(_LIDS[side] if ahead > config.steepest else ()):
        chosen = np.flatnonzero(np.isin(ids, wanted))
        known = error.at(yaw_degrees(camera), ids[chosen]).scaled(px_per_m)
        q = points[chosen]
        J = projection(camera, q)[0]
        up = J @ np.array([0.0, 1.0, 0.0])
        outward = (1.0 if lid == 0 else -1.0) * up / np.linalg.norm(up, axis=1, keepdims=True)
        part = np.zeros((len(q), _UNKNOWNS))
        part[:, 0] = np.einsum("ni,ni->n", outward, up)
        turned = np.einsum("ni,nij,nj->n", outward, J, _tangent(q - eye.joint))
        part[:, 1 + lid * _KNOTS : 1 + (lid + 1) * _KNOTS] = turned[:, None] * _hats(eye, _polar(q - eye.joint)[0])
        part[:, 1 + 2 * _KNOTS + lid] = px_per_m
        residual = landmarks[ids[chosen]] - known.bias - project(camera, q)
        # Seen from aside, a lid's edge hides behind itself and the detector guesses.
        sigma = np.hypot(config.sigma_m * px_per_m, np.einsum("ni,ni->n", np.abs(outward), known.sigma)) / ahead**2
        weight = 1.0 / (sigma * np.sqrt(config.correlated))
        rows.append(part * weight[:, None])
        off.append(np.einsum("ni,ni->n", outward, residual) * weight)
    return np.concatenate(rows), np.concatenate(off)


def _tangent(q: Float64Array) -> Float64Array:
    """(N, 3): where points (N, 3) about the joint move per radian of an upward turn about the head's x axis."""
    return np.stack([np.zeros(len(q)), q[:, 2], -q[:, 1]], axis=-1)


def _solve(A: Float64Array, b: Float64Array, so_far: Float64Array, config: LidConfig) -> Float64Array:
    """(_UNKNOWNS,): the step in reweighted least squares, under a prior on the sum of all steps."""
    prior = np.array([config.shift_m] + [config.turn_m / _RADIUS_M] * (2 * _KNOTS) + [config.bias_m] * 2) ** -2.0
    x = np.zeros(len(prior))
    for _ in range(5):
        w = 1.0 / (1.0 + ((b - A @ x) / config.robust) ** 2)
        x = np.linalg.solve((A * w[:, None]).T @ A + np.diag(prior), (A * w[:, None]).T @ b - prior * so_far)
    return np.asarray(x)


def _displacement(model: HeadModel, vertices: Float64Array, eye: _Eye, x: Float64Array, config: LidConfig) -> Float64Array:
    """(V, 3) metres: the shift and the turns, fading away from the eye; between the lids' edges the turns blend into each other."""
    azimuth, elevation, distance = _polar(vertices - eye.joint)
    t = np.clip((config.far_m - distance) / (config.far_m - config.near_m), 0.0, 1.0)
    near = t * t * (3.0 - 2.0 * t)
    column = np.degrees(azimuth) + (_ALONG - 1) / 2
    top, bottom = (np.interp(column, np.arange(_ALONG), row) for row in (eye.top, eye.bottom))
    half = np.maximum(0.5 * (top - bottom), np.radians(3.0))
    t = np.clip((elevation - 0.5 * (top + bottom)) / half, -1.0, 1.0)
    hats = _hats(eye, azimuth)
    upper, lower = hats @ x[1 : 1 + _KNOTS], hats @ x[1 + _KNOTS : 1 + 2 * _KNOTS]
    angle = near * (lower + 0.5 * (upper - lower) * (1.0 + t))
    angle[model.part_vertices(*EYES)] = 0.0
    q = vertices - eye.joint
    turned = np.stack(
        [q[:, 0], q[:, 1] * np.cos(angle) + q[:, 2] * np.sin(angle), q[:, 2] * np.cos(angle) - q[:, 1] * np.sin(angle)], -1
    )
    moved = turned - q
    moved[:, 1] += near * x[0]
    return np.asarray(moved)
