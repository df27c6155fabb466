"""The engine `mfnet`: the shape straight from the network of the first paper, in a fraction of a second.

The network says shape and poses. The poses are then settled by the landmarks, with the shape held: that takes calibrated cameras at their
word, and gives the same report about every engine.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from facestudio.errors import FaceStudioError
from facestudio.geometry.frames import yaw_degrees
from facestudio.pipeline.check_fit import check_fit, check_one_head
from facestudio.pipeline.engine_fit import human_sized, with_eyes
from facestudio.pipeline.evidence import evidence_points
from facestudio.pipeline.job import Job
from facestudio.reconstruct.fit import Fit, fit_landmarks
from facestudio.reconstruct.quality import mean_head_reprojection, rigid
from facestudio.types import Float64Array, Reconstruction, Scale, ViewQuality

_SIZES = (0.8, 1.25)  # how much larger or smaller than the network's guess a head may be that calibrated cameras measure


def by_network(job: Job) -> Reconstruction:
    """Engine `mfnet`. Raises HeadModelError when no network is shipped for the head model."""
    found = network_head(job)
    with job.clock.stage("quality"):
        notes = (*found.notes, *check_one_head(found.views, job.basis, job.error, job.cancel))
    return human_sized(with_eyes(replace(found, notes=notes), job), job)


def first_look(job: Job) -> Job:
    """Shows the network's head, to look at while the better one is made, and gives the job with what it says of the identity.

    The job as it was where there is no network (another head model, no weights).
    """
    from facestudio.reconstruct.mfnet.predict import measured_by  # imports torch

    try:
        with job.clock.stage("preview"):
            head = human_sized(network_head(job), job)
            measured = measured_by(head.identity)
    except FaceStudioError:
        return job
    job.partial(head)
    return replace(job, measured=measured)


def network_head(job: Job) -> Reconstruction:
    """The network's head, not yet brought to human size when nothing measured it."""
    from facestudio.reconstruct.mfnet.predict import predict_head  # imports torch

    views, model = job.triplet.views, job.model
    with job.clock.stage("network"):
        job.progress("network", 0.0, "")
        said = predict_head(views, model, cancel=job.cancel)
        job.cancel.check()
    neutral = model.template.astype(np.float64) + model.identity_basis @ said.identity
    posed = neutral + model.expression_basis @ said.expression
    measured = job.triplet.calibrated and len(views) > 1
    with job.clock.stage("fit"):
        size = _measured_size(job, posed) if measured else 1.0
        neutral, posed = neutral * size, posed * size
        fit = _placed(job, posed)
        notes = (*job.triplet.notes, *check_fit(views, fit.reprojection_px, job.triplet.calibrated))
        baseline = mean_head_reprojection(views, job.basis, job.error)
    seen = zip(views, fit.reprojection_px, fit.cameras, strict=True)
    return Reconstruction(
        head_model=model.name,
        identity=said.identity,
        expression=said.expression,
        vertices=neutral,
        posed_vertices=posed,
        views=views,
        cameras=fit.cameras,
        scale=Scale.METRIC if measured else Scale.ASSUMED,
        quality=tuple(ViewQuality(v.name, float(px), None, yaw_degrees(c)) for v, px, c in seen),
        engine="mfnet",
        notes=notes,
        mean_head_reprojection_px=baseline,
        world_from_head=fit.world_from_head,
    )


def _placed(job: Job, posed: Float64Array) -> Fit:
    """Cameras (or the head's place before given ones) for a finished head (V, 3), metres."""
    return fit_landmarks(job.triplet.views, rigid(job.basis, _landmarks(job, posed)), job.error, None, cancel=job.cancel)


def _measured_size(job: Job, posed: Float64Array) -> float:
    """The factor on the head's size that calibrated cameras agree with best: a golden section on the landmarks' cost."""
    points = _landmarks(job, posed)
    ratio = (5.0**0.5 - 1.0) / 2.0
    low, high = np.log(_SIZES)

    def cost(log_size: float) -> float:
        basis = rigid(job.basis, points * np.exp(log_size))
        return fit_landmarks(job.triplet.views, basis, job.error, None, cancel=job.cancel).cost

    a, b = high - ratio * (high - low), low + ratio * (high - low)
    cost_a, cost_b = cost(a), cost(b)
    while high - low > 0.002:
        if cost_a < cost_b:
            high, b, cost_b = b, a, cost_a
            a = high - ratio * (high - low)
            cost_a = cost(a)
        else:
            low, a, cost_a = a, b, cost_b
            b = low + ratio * (high - low)
            cost_b = cost(b)
    return float(np.exp((low + high) / 2.0))


def _landmarks(job: Job, posed: Float64Array) -> Float64Array:
    """The landmarks that the fit uses, (N, 3), on a posed head."""
    return evidence_points(job.model, posed, job.basis)
