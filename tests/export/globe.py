"""A small head that no file is needed for: a sphere with a texture seam, five joints, and three expressions."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from facestudio.geometry.camera import default_focal_px
from facestudio.head.model import Embedding, HeadModel, check
from facestudio.types import (
    Camera,
    Float64Array,
    Image,
    IntArray,
    Landmarks,
    Reconstruction,
    Scale,
    Texture,
    View,
    ViewName,
    ViewQuality,
)

RINGS, SECTORS = 24, 36
RADIUS = 0.11
YAWS = {ViewName.LEFT: 40.0, ViewName.FRONT: 0.0, ViewName.RIGHT: -40.0}


def _sphere() -> tuple[Float64Array, IntArray, Float64Array, IntArray]:
    """A globe whose texture has a seam at the back: vertices, faces, uv, uv_faces."""
    latitude = np.linspace(0.05, np.pi - 0.05, RINGS)
    turn = 2 * np.pi * np.arange(SECTORS) / SECTORS + np.pi  # starts at the back, so that the seam lies there
    theta, phi = np.meshgrid(latitude, turn, indexing="ij")
    points = RADIUS * np.stack([np.sin(theta) * np.sin(phi), np.cos(theta), np.sin(theta) * np.cos(phi)], axis=-1)
    u, v = np.meshgrid(np.linspace(0, 1, SECTORS + 1), np.linspace(1, 0, RINGS), indexing="xy")
    i, j = (a.ravel() for a in np.meshgrid(np.arange(RINGS - 1), np.arange(SECTORS), indexing="ij"))

    def quads(columns: int, wrap: bool) -> IntArray:
        right = (j + 1) % SECTORS if wrap else j + 1
        a, b, c, d = i * columns + j, i * columns + right, (i + 1) * columns + j, (i + 1) * columns + right
        return np.concatenate([np.stack([a, c, b], 1), np.stack([b, c, d], 1)]).astype(np.int32)

    uv = np.stack([u.ravel(), v.ravel()], axis=1)
    return points.reshape(-1, 3), quads(SECTORS, wrap=True), uv, quads(SECTORS + 1, wrap=False)


def _joint_weights(points: Float64Array) -> Float64Array:
    """Smooth weights with all five joints somewhere at once, so that the cut to four is exercised."""
    centres = RADIUS * np.array([[0, -0.9, 0], [0, -0.5, 0], [0, -0.4, 0.8], [0.4, 0.3, 0.8], [-0.4, 0.3, 0.8]])
    distance = np.linalg.norm(points[:, None] - centres, axis=-1)
    near = np.exp(-((distance / (0.9 * RADIUS)) ** 2))
    return np.asarray(near / near.sum(axis=1, keepdims=True))


def globe_model() -> HeadModel:
    """(V, …) = 24 rings of 36 vertices, one vertex per ring on the seam."""
    points, faces, uv, uv_faces = _sphere()
    count = len(points)
    rng = np.random.default_rng(7)
    front = np.clip(points[:, 2] / RADIUS, 0, None)[:, None]
    expressions = np.zeros((count, 3, 3))
    expressions[:, :, 0] = 0.01 * front**8 * (0, -1, 0.2)  # local: a jaw
    expressions[:, :, 1] = 0.005 * np.clip(points[:, :1] / RADIUS, 0, None) * (1, 0, 0)  # half the head
    expressions[:, :, 2] = 0.002 * points / RADIUS  # everything: no gain from being sparse
    weights = _joint_weights(points)
    regressor = weights.T / weights.sum(axis=0)[:, None]
    nearest = [int(np.argmin(np.linalg.norm(points - RADIUS * np.array(p), axis=1))) for p in _LANDMARK_DIRECTIONS]
    face_of = np.array([int(np.flatnonzero((faces == v).any(axis=1))[0]) for v in nearest], dtype=np.int32)
    bary = (faces[face_of] == np.array(nearest)[:, None]).astype(np.float32)
    model = HeadModel(
        name="globe",
        licence="CC0-1.0",
        template=points.astype(np.float32),
        identity_basis=rng.normal(0, 0.001, (count, 3, 4)).astype(np.float32),
        expression_basis=expressions.astype(np.float32),
        expression_names=("jawOpen", "cheekPuff", "breathe"),
        pose_basis=np.zeros((36, count * 3), np.float32),
        joint_regressor=regressor.astype(np.float32),
        parents=np.array([-1, 0, 1, 1, 1], np.int32),
        skin_weights=weights.astype(np.float32),
        faces=faces,
        uv=uv.astype(np.float32),
        uv_faces=uv_faces,
        face_parts=np.zeros(len(faces), np.int32),
        part_names=("skin",),
        mirror=np.arange(count, dtype=np.int32),
        embeddings={"now7": Embedding(np.arange(7, dtype=np.int32), face_of, bary)},
        sha256="0" * 64,
    )
    check(model)
    return model


_LANDMARK_DIRECTIONS = [
    (-0.5, 0.3, 0.8), (-0.2, 0.3, 0.9), (0.2, 0.3, 0.9), (0.5, 0.3, 0.8), (0, -0.1, 1), (-0.3, -0.4, 0.85), (0.3, -0.4, 0.85),
]  # fmt: skip


def _camera(yaw_degrees: float) -> Camera:
    yaw = np.radians(yaw_degrees)
    back = np.array([np.sin(yaw), 0.0, np.cos(yaw)])
    R = np.stack([[np.cos(yaw), 0.0, -np.sin(yaw)], [0.0, -1.0, 0.0], -back])
    focal = default_focal_px(320, 240)
    K = np.array([[focal, 0, 159.5], [0, focal, 119.5], [0, 0, 1]])
    return Camera(K, R, -R @ (0.6 * back), 320, 240)


def globe_reconstruction(model: HeadModel, photos: Path) -> Reconstruction:
    """A head of this globe as three cameras of 320 x 240 see it; photos: the folder their pictures are said to come from."""
    rng = np.random.default_rng(3)
    identity = rng.normal(size=4)
    expression = np.array([0.3, 0.0, 0.1])
    vertices = model.template + model.identity_basis.astype(np.float64) @ identity
    posed = vertices + model.expression_basis.astype(np.float64) @ expression
    points = Landmarks(rng.uniform(100, 200, (7, 2)), "now7", np.ones(7))
    views = tuple(
        View(name, Image(np.full((240, 320, 3), 90, np.uint8), source=photos / f"{name}.jpg"), landmarks=points)
        for name in YAWS
    )
    return Reconstruction(
        head_model="globe",
        identity=identity,
        expression=expression,
        vertices=vertices,
        posed_vertices=posed,
        views=views,
        cameras=tuple(_camera(yaw) for yaw in YAWS.values()),
        scale=Scale.ASSUMED,
        quality=tuple(ViewQuality(name, 1.25, None, yaw) for name, yaw in YAWS.items()),
        notes=("The photos were given in another order.",),
        seconds={"fit": 0.4},
        mean_head_reprojection_px=5.5,
    )


def globe_texture(model: HeadModel) -> Texture:
    """64 x 64: red grows with u, green downwards; a quarter of each kind of provenance."""
    ramp = np.linspace(40, 220, 64).astype(np.uint8)
    albedo = np.stack([np.tile(ramp, (64, 1)), np.tile(ramp[:, None], (1, 64)), np.full((64, 64), 120, np.uint8)], axis=-1)
    provenance = np.repeat(np.arange(4, dtype=np.uint8), 16)[:, None] * np.ones((1, 64), np.uint8)
    return Texture(albedo, provenance, (np.arange(model.vertex_count) % 4).astype(np.uint8))
