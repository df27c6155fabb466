"""The engine `sfm`: deep structure from motion measures points, and a head is fitted to them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from facestudio.geometry.frames import yaw_degrees
from facestudio.geometry.shading import vertex_normals
from facestudio.head.dense import dense_on_face
from facestudio.head.landmarks import LandmarkBasis
from facestudio.head.model import HeadModel
from facestudio.landmarks.mediapipe_detector import POINTS
from facestudio.paths import models_dir
from facestudio.pipeline.all_photos import of_triplet, with_all_photos
from facestudio.pipeline.engine_fit import human_sized, landmark_head, with_eyes
from facestudio.pipeline.evidence import evidence_points
from facestudio.pipeline.job import Job
from facestudio.progress import CancelToken, Progress, silent
from facestudio.reconstruct.detector_error import DetectorError
from facestudio.reconstruct.fit import head_to_world
from facestudio.reconstruct.quality import landmark_residual, rigid
from facestudio.reconstruct.sfm.frames import Frame, without_distortion
from facestudio.reconstruct.sfm.head_fit import FittedHead, fit_head
from facestudio.reconstruct.sfm.infer import InferConfig, Measured, load_net, measure
from facestudio.reconstruct.sfm.marks import marks_in_space
from facestudio.types import BoolArray, Camera, Float32Array, Float64Array, PointCloud, Reconstruction, View

TURNED_AWAY = 0.2  # least cosine between the normal at a landmark and the ray to it, for the landmark to count as seen


@dataclass(frozen=True)
class PointHead:
    """What the engine finds: head and cameras in the head model's frame, and the points it rests on, there too."""

    fitted: FittedHead
    cameras: tuple[Camera, ...]
    cloud: PointCloud
    measured: Measured


def by_points(job: Job) -> Reconstruction:
    """Engine `sfm`: cameras from the landmarks, depth of every photo by the network, points, and a head fitted to them.

    All photos of the job are measured; the head comes with those of its triplet, and a note says how many there were.
    """
    named = len(job.triplet.views)
    whole = with_all_photos(job)
    fit = landmark_head(whole)
    if len(fit.views) < 2:
        note = "Deep SfM needs two photos: the head comes from the landmarks of the one there is."
        return human_sized(replace(fit, notes=(*fit.notes, note)), job)
    job.partial(human_sized(of_triplet(fit, named), job))
    with job.clock.stage("points"):
        basis = best_landmarks(job.basis)
        found = points_and_head(
            job.model,
            basis,
            frames_of(fit.views, fit.cameras, job.model, basis, job.error),
            whole.masks,
            free_size=not job.triplet.calibrated,
            expected=(fit.identity, fit.expression),
            progress=job.progress,
            cancel=job.cancel,
        )
    head = rigid(job.basis, evidence_points(job.model, found.fitted.posed, job.basis))
    views = zip(fit.quality, fit.views, found.cameras, strict=True)
    quality = tuple(
        replace(q, reprojection_px=landmark_residual(v, c, head, job.error), yaw_degrees=yaw_degrees(c)) for q, v, c in views
    )
    first, world = fit.views[0].camera, fit.world_from_head
    if first is not None and world is not None:
        world = head_to_world(first, (found.cameras[0].R, found.cameras[0].t))
    neutral = job.model.template.astype(np.float64) + job.model.identity_basis @ found.fitted.identity
    result = replace(
        fit,
        identity=found.fitted.identity,
        expression=found.fitted.expression,
        vertices=neutral,
        posed_vertices=found.fitted.posed,
        cameras=found.cameras,
        quality=quality,
        engine="sfm",
        world_from_head=world,
        points=found.cloud,
    )
    return human_sized(with_eyes(of_triplet(result, named), job), job)


def best_landmarks(basis: LandmarkBasis) -> LandmarkBasis:
    """Of the landmarks that the fit rests on (`pipeline.evidence`) the dense ones, where there are any: they cover the whole head."""
    dense = basis.ids >= POINTS
    if not dense.any():
        return basis
    return LandmarkBasis(basis.ids[dense], basis.mean[dense], basis.identity[dense], basis.expression[dense], basis.named)


def points_and_head(
    model: HeadModel,
    basis: LandmarkBasis,
    frames: Sequence[Frame],
    masks: Sequence[Float32Array] | None,
    free_size: bool,
    expected: tuple[Float64Array, Float64Array] | None = None,
    config: InferConfig | None = None,
    progress: Progress = silent,
    cancel: CancelToken | None = None,
) -> PointHead:
    """Points of two or more frames and the head in them. frames: their landmarks are the rows of the basis, their cameras are trusted.

    masks: (H, W) per frame, 1 where the person is. expected: identity and expression of the landmark fit, as in `fit_head`.

    Raises FitError, HeadModelError when the networks are missing, Cancelled.
    """
    net, size = load_net(models_dir())
    measured = measure(net, size, frames, masks, config, progress, cancel)
    marks, known = marks_in_space(measured, [f.visible for f in frames])
    fitted = fit_head(measured.cloud, model, basis, marks, known, free_size, expected=expected, cancel=cancel)
    return PointHead(
        fitted,
        tuple(_from_model(c, fitted) for c in measured.cameras),
        _in_model(measured.cloud, fitted),
        measured,
    )


def frames_of(
    views: Sequence[View], cameras: Sequence[Camera], model: HeadModel, basis: LandmarkBasis, error: DetectorError
) -> list[Frame]:
    """Views as frames: lens distortion undone, the detector's known bias taken off, hidden landmarks and those that face away not seen."""
    frames = []
    for view, camera in zip(views, cameras, strict=True):
        assert view.landmarks is not None
        per_metre = camera.K[0, 0] / float(camera.t[2])
        pixels = view.landmarks.points[basis.ids] - per_metre * error.at(yaw_degrees(camera), basis.ids).bias
        seen = facing(model, basis, camera)
        if view.landmarks.seen is not None:
            seen &= view.landmarks.seen[basis.ids] > 0.5
        frames.append(without_distortion(view.image.pixels, camera, pixels, seen, _on_face(model, basis)))
    return frames


def _on_face(model: HeadModel, basis: LandmarkBasis) -> BoolArray | None:
    """(N,) bool: which landmarks lie on the face; None: all, as mediapipe's do."""
    if not (basis.ids >= POINTS).all() or model.name != "openhead":
        return None
    return np.asarray(dense_on_face(model)[basis.ids - POINTS])


def facing(model: HeadModel, basis: LandmarkBasis, camera: Camera) -> BoolArray:
    """(N,) bool: which landmarks of the average head turn towards a camera."""
    n = evidence_points(model, vertex_normals(model.template, model.faces), basis)
    ray = camera.centre - basis.mean
    cosine = (n * ray).sum(1) / (np.linalg.norm(n, axis=1) * np.linalg.norm(ray, axis=1))
    return np.asarray(cosine > TURNED_AWAY)


def _from_model(camera: Camera, head: FittedHead) -> Camera:
    """A camera of the cloud's frame as one of the model's frame: the picture stays the same, distances are divided by the scale."""
    return replace(camera, R=camera.R @ head.R, t=(camera.R @ head.t + camera.t) / head.scale)


def _in_model(cloud: PointCloud, head: FittedHead) -> PointCloud:
    points: Float64Array = (cloud.points - head.t) @ head.R / head.scale
    return replace(cloud, points=points.astype(np.float32), normals=(cloud.normals @ head.R).astype(np.float32))
