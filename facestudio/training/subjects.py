"""Photographs of random synthetic subjects with known landmarks' truth: the raw material of the detector studies."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from facestudio.geometry.rotations import exp_so3
from facestudio.head.model import HeadModel
from facestudio.training.synth.portrait import Wardrobe, portrait, random_look, webcam
from facestudio.types import ByteArray, Camera, Float64Array

PICTURE = (480, 640)  # rows, columns


@dataclass(frozen=True)
class StudyConfig:
    """Ranges the studied photographs are drawn from.

    focal_px and distances (metres) make a head of about 300 pixels. pitch, roll: standard deviations, degrees; yaw_jitter: half-range.
    expressions_active: share of the expressions that are slightly on, each by up to expression_most: nobody is perfectly neutral.
    """

    focal_px: float = 760.0
    distances: tuple[float, float] = (0.5, 0.7)
    pitch_sigma: float = 5.0
    roll_sigma: float = 2.5
    yaw_jitter: float = 5.0
    expressions_active: float = 0.08
    expression_most: float = 0.12


@dataclass(frozen=True)
class Photograph:
    """One synthetic photo: picture (H, W, 3) uint8, its camera, and the nominal yaw it stands for, degrees."""

    picture: ByteArray
    camera: Camera
    yaw: float


@dataclass(frozen=True)
class Subject:
    """One synthetic subject. vertices (V, 3) metres, head frame; identity (S,), expression (E,); its photographs."""

    vertices: Float64Array
    identity: Float64Array
    expression: Float64Array
    photographs: tuple[Photograph, ...]


def study_camera(yaw: float, rng: np.random.Generator, config: StudyConfig, centre: Float64Array) -> Camera:
    """A webcam at the given yaw, degrees, with random pitch, roll, distance and aim."""
    turned = yaw + rng.uniform(-config.yaw_jitter, config.yaw_jitter)
    pitch, roll = rng.normal(0, config.pitch_sigma), rng.normal(0, config.roll_sigma)
    R = (
        exp_so3(np.radians([0, 0, roll]))
        @ exp_so3(np.radians([pitch, 0, 0]))
        @ np.diag([1.0, -1.0, -1.0])
        @ exp_so3(np.radians([0, -turned, 0]))
    )
    H, W = PICTURE
    K = np.array([[config.focal_px, 0, (W - 1) / 2], [0, config.focal_px, (H - 1) / 2], [0, 0, 1.0]])
    place = np.array([rng.normal(0, 0.01), rng.normal(0, 0.01), rng.uniform(*config.distances)])
    return Camera(K, R, place - R @ centre, W, H)


def photograph_subject(
    model: HeadModel,
    wardrobe: Wardrobe,
    yaws: Sequence[float],
    seed: int,
    config: StudyConfig | None = None,
    mean_identity: bool = False,
) -> Subject:
    """Draw a subject (identity from the model's prior) and photograph it at each yaw. Deterministic by seed."""
    config, rng = config or StudyConfig(), np.random.default_rng(seed)
    identity = np.zeros(model.identity_basis.shape[2]) if mean_identity else rng.normal(size=model.identity_basis.shape[2])
    count = len(model.expression_names)
    expression = np.where(rng.random(count) < config.expressions_active, rng.uniform(0, config.expression_most, count), 0.0)
    vertices = model.template.astype(np.float64) + model.identity_basis @ identity + model.expression_basis @ expression
    look = random_look(wardrobe, rng)
    face = vertices[model.part_vertices("face", "lips", "skin")]
    centre = (face.min(0) + face.max(0)) / 2 if len(face) else vertices.mean(0)
    photographs = []
    for yaw in yaws:
        camera = study_camera(yaw, rng, config, centre)
        photographs.append(Photograph(webcam(portrait(model, vertices, look, wardrobe, camera), rng), camera, yaw))
    return Subject(vertices, identity, expression, tuple(photographs))
