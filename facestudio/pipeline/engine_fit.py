"""The engines that rest on landmarks: `fit` stops there, `auto` goes on to match the photos densely."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from facestudio.geometry.frames import yaw_degrees
from facestudio.pipeline.all_photos import of_triplet, with_all_photos
from facestudio.pipeline.check_fit import check_fit, check_one_head
from facestudio.pipeline.evidence import evidence_places, evidence_points
from facestudio.pipeline.job import Job
from facestudio.reconstruct.fit import FitConfig, fit_landmarks, head_to_world
from facestudio.reconstruct.gaze import estimate_gaze, turned_eyes
from facestudio.reconstruct.hair import hair_shell, with_hair
from facestudio.reconstruct.landmark_evidence import LandmarkTerm
from facestudio.reconstruct.lids import fit_lids
from facestudio.reconstruct.quality import landmark_residual, mean_head_reprojection, rigid, view_qualities
from facestudio.reconstruct.refine import Refined, refine, refine_config
from facestudio.reconstruct.scale import assumed_scale
from facestudio.types import BoolArray, Float64Array, Reconstruction, Scale


def by_landmarks(job: Job) -> Reconstruction:
    """Engine `fit`: cameras and shape from the landmarks alone, of any number of photos."""
    named, job = len(job.triplet.views), with_all_photos(job)
    return of_triplet(human_sized(with_eyes(_judged(landmark_head(job), job), job), job), named)


def by_matching(job: Job) -> Reconstruction:
    """Engine `auto`: the landmark fit, then dense matching between the photos, of any number, wherever there are two of them."""
    named, job = len(job.triplet.views), with_all_photos(job)
    found = landmark_head(job)
    if len(found.views) > 1:
        job.partial(of_triplet(human_sized(found, job), named))
        with job.clock.stage("refine"):
            found = _refined(found, job)
    return of_triplet(human_sized(with_eyes(_judged(found, job), job), job), named)


def with_eyes(found: Reconstruction, job: Job) -> Reconstruction:
    """A head whose lids lie where the photos show them, and whose posed eyes look where they looked."""
    lids = fit_lids(job.model, found.posed_vertices, found.cameras, found.views, job.mediapipe_error)
    posed = found.posed_vertices + lids
    gaze = estimate_gaze(job.model, posed, found.cameras, found.views)
    turned = posed if gaze is None else turned_eyes(job.model, posed, gaze)
    return replace(found, vertices=found.vertices + lids, posed_vertices=turned, gaze=gaze)


def landmark_head(job: Job) -> Reconstruction:
    """The landmark fit as a head, not yet brought to human size."""
    views, basis, error = job.triplet.views, job.basis, job.error
    with job.clock.stage("fit"):
        fit = fit_landmarks(views, basis, error, None, job.progress, job.cancel)
        notes = (*job.triplet.notes, *check_fit(views, fit.reprojection_px, job.triplet.calibrated))
    if job.triplet.calibrated and len(views) == 1:  # from one side, a small head nearby looks like a large one far away
        notes = (*notes, "One calibrated photo does not measure size; two do. The size is that of an average head.")
    with job.clock.stage("quality"):
        baseline = mean_head_reprojection(views, basis, error)
        seen = view_qualities(views, fit, basis, error, FitConfig(), job.cancel)
    neutral = job.model.template.astype(np.float64) + job.model.identity_basis @ fit.identity
    return Reconstruction(
        head_model=job.model.name,
        identity=fit.identity,
        expression=fit.expression,
        vertices=neutral,
        posed_vertices=neutral + job.model.expression_basis @ fit.expression,
        views=views,
        cameras=fit.cameras,
        scale=Scale.METRIC if job.triplet.calibrated and len(views) > 1 else Scale.ASSUMED,
        quality=seen,
        engine="fit",
        notes=notes,
        mean_head_reprojection_px=baseline,
        world_from_head=fit.world_from_head,
    )


def _judged(found: Reconstruction, job: Job) -> Reconstruction:
    """With notes when a head from landmarks alone does not explain them, or they are not one head's: they are all that it knows."""
    if found.engine != "fit":  # dense matching has better evidence, which may well disagree with the landmarks
        return found
    with job.clock.stage("quality"):
        notes = (*found.notes, *check_one_head(found.views, job.basis, job.error, job.cancel))
    baseline = found.mean_head_reprojection_px
    if baseline is not None and float(np.mean([q.reprojection_px for q in found.quality])) > baseline:
        notes = (
            *notes,
            "The head explains the landmarks no better than the average head does: treat the shape as an average.",
        )
    return replace(found, notes=notes)


def _refined(fitted: Reconstruction, job: Job) -> Reconstruction:
    """The landmark fit improved by dense matching, or as it was, with the reason, when the photos do not support that."""
    found = refine(
        fitted.views,
        fitted.cameras,
        job.model,
        fitted.identity,
        fitted.expression,
        job.masks,
        refine_config(job.quality),
        calibrated=job.triplet.calibrated,
        landmarks=[LandmarkTerm(job.basis, evidence_places(job.model, job.basis), job.error)],
        measured=job.measured,
        progress=job.progress,
        cancel=job.cancel,
    )
    job.cancel.check()
    if not found.accepted:
        return replace(fitted, notes=(*fitted.notes, f"The photos were not matched densely: {found.reason}"))
    if not job.triplet.calibrated:
        found = _at_the_size_of(fitted.vertices, found, job.model.part_vertices("face", "skin", "lips"))
    lift = hair_shell(job.model, found.posed_vertices, found.cameras, job.masks, cancel=job.cancel)
    found = with_hair(found, lift, job.model.faces)
    head = rigid(job.basis, evidence_points(job.model, found.posed_vertices, job.basis))
    views = zip(fitted.quality, fitted.views, found.cameras, strict=True)
    quality_now = tuple(
        replace(q, reprojection_px=landmark_residual(v, c, head, job.error), yaw_degrees=yaw_degrees(c)) for q, v, c in views
    )
    first, world = fitted.views[0].camera, fitted.world_from_head
    if first is not None and world is not None:
        world = head_to_world(first, (found.cameras[0].R, found.cameras[0].t))
    return replace(
        fitted,
        identity=found.identity,
        expression=found.expression,
        vertices=found.vertices,
        posed_vertices=found.posed_vertices,
        cameras=found.cameras,
        quality=quality_now,
        engine="auto",
        world_from_head=world,
        sigma=found.sigma_m,
    )


def _at_the_size_of(reference: Float64Array, found: Refined, face: BoolArray) -> Refined:
    """A refined head and its cameras at the size of a reference (V, 3), compared on the face (V,) bool.

    Photos without calibration say nothing about size, so matching them lets it drift; the landmark fit is held to the prior's size.
    """
    spread = [float(np.linalg.norm(v[face] - v[face].mean(0))) for v in (reference, found.vertices)]
    factor = spread[0] / spread[1]
    return replace(
        found,
        vertices=found.vertices * factor,
        posed_vertices=found.posed_vertices * factor,
        cameras=tuple(replace(c, t=c.t * factor) for c in found.cameras),
        sigma_m=found.sigma_m * factor,
    )


def human_sized(r: Reconstruction, job: Job) -> Reconstruction:
    """A head at the size it is given out: as it is when its cameras measured it, else as average anatomy suggests, cameras moved along."""
    if job.triplet.calibrated:
        return r
    eyes = (job.model.joint_regressor @ r.posed_vertices)[[4, 3]]
    factor = assumed_scale(r.views, r.cameras, eyes, [q.yaw_degrees for q in r.quality])
    return replace(
        r,
        vertices=r.vertices * factor,
        posed_vertices=r.posed_vertices * factor,
        cameras=tuple(replace(c, t=c.t * factor) for c in r.cameras),
        sigma=None if r.sigma is None else r.sigma * factor,
        points=None if r.points is None else replace(r.points, points=(r.points.points * factor).astype(np.float32)),
    )
