"""A head with a random skin, drawn by our own rasteriser into small cameras: everything about it is known."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import cv2
import numpy as np

from facestudio.geometry.camera import screen
from facestudio.geometry.rasterize import interpolate, rasterize
from facestudio.geometry.rotations import exp_so3
from facestudio.geometry.shading import portrait_camera, vertex_normals
from facestudio.head.model import HeadModel
from facestudio.reconstruct.refine import RefineConfig, Refined, refine
from facestudio.types import BoolArray, Camera, Float32Array, Float64Array, Image, View, ViewName

NAMES = (ViewName.LEFT, ViewName.FRONT, ViewName.RIGHT)
QUICK = RefineConfig(robust_m=(0.004, 0.0015), focal_rounds=1, sweep_rounds=1, posterior_draws=16)


@dataclass(frozen=True)
class Capture:
    """A subject: vertices (V, 3) metres, and the views of it with their true cameras."""

    truth: Float64Array
    views: tuple[View, ...]


def make_capture(
    model: HeadModel, yaws: Sequence[float] = (40.0, 0.0, -40.0), seed: int = 3, size: int = 260, skin_seed: int = 1
) -> Capture:
    """A random identity (0.7 standard deviations) photographed at the yaws."""
    rng = np.random.default_rng(seed)
    beta = 0.7 * rng.normal(size=model.identity_basis.shape[2])
    truth = model.template.astype(np.float64) + model.identity_basis @ beta
    views = [photograph(model, truth, yaw, NAMES[min(i, 2)], size, skin_seed) for i, yaw in enumerate(yaws)]
    return Capture(truth, tuple(views))


def photograph(model: HeadModel, vertices: Float64Array, yaw: float, name: ViewName, size: int, skin_seed: int) -> View:
    """One view of vertices (V, 3): skin-coloured speckle on a plain wall, a different exposure in each view."""
    camera = portrait_camera(vertices, size, size, yaw_degrees=yaw, pitch_degrees=3.0, field_of_view_degrees=30.0)
    seen = rasterize(screen(camera, vertices), model.faces, size, size)
    uv = interpolate(seen, model.uv_faces, model.uv)
    skin = _speckle(skin_seed)
    shade = cv2.remap(skin, uv[..., 0] * 1023, (1 - uv[..., 1]) * 1023, cv2.INTER_LINEAR)
    gain = 1.0 + 0.1 * np.sin(yaw)
    picture = np.where(
        (seen.pix_to_face >= 0)[..., None], shade[..., None] * np.array([1.0, 0.78, 0.66]) * gain, np.array([70.0, 80.0, 95.0])
    )
    noise = np.random.default_rng(int(abs(yaw)) + 7).normal(0.0, 1.5, picture.shape)
    return View(name, Image(np.clip(picture + noise, 0, 255).astype(np.uint8)), camera)


def _speckle(seed: int) -> Float32Array:
    rng = np.random.default_rng(seed)
    layers = (cv2.resize(rng.normal(size=(n, n)), (1024, 1024), interpolation=cv2.INTER_CUBIC) for n in (96, 192, 384))
    mixed = np.sum(list(layers), axis=0)
    return np.asarray(np.clip(160.0 + 22.0 * mixed, 60, 240), np.float32)


def displaced(camera: Camera, shift: Float64Array, turn: Float64Array) -> Camera:
    """The camera with the head before it moved by a shift (metres) and a small turn (radians), both in the head frame."""
    return Camera(camera.K, camera.R @ exp_so3(turn), camera.R @ shift + camera.t, camera.width, camera.height)


def refined(
    model: HeadModel, capture: Capture, cameras: Sequence[Camera], calibrated: bool = True, config: RefineConfig = QUICK
) -> Refined:
    """Refine the average head to the capture."""
    zero, none = np.zeros(model.identity_basis.shape[2]), np.zeros(model.expression_basis.shape[2])
    return refine(capture.views, cameras, model, zero, none, [None] * len(cameras), config, calibrated=calibrated)


def front_of_face(model: HeadModel, vertices: Float64Array) -> BoolArray:
    """(V,) bool: the part of the face that several photos see."""
    return np.asarray(
        model.part_vertices("face") & (vertices[:, 2] > np.quantile(vertices[model.part_vertices("face"), 2], 0.3))
    )


def error_mm(model: HeadModel, capture: Capture, vertices: Float64Array, camera: Camera) -> Float64Array:
    """(N,), millimetres: how far a head, placed by its first camera, is from the truth along the truth's normals."""
    face, true_camera = front_of_face(model, capture.truth), capture.views[0].camera
    assert true_camera is not None
    seen = vertices[face] @ camera.R.T + camera.t
    true = capture.truth[face] @ true_camera.R.T + true_camera.t
    normals = vertex_normals(capture.truth, model.faces)[face] @ true_camera.R.T
    return np.asarray(np.abs(np.einsum("vi,vi->v", true - seen, normals)) * 1000.0)


def given_cameras(capture: Capture) -> list[Camera]:
    """The true cameras."""
    return [v.camera for v in capture.views if v.camera is not None]
