"""What dense refinement gives back: the new head with its uncertainty, or the given one and why it was kept."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from facestudio.geometry.shading import vertex_normals
from facestudio.progress import CancelToken
from facestudio.reconstruct.displace import conditional_sigma
from facestudio.reconstruct.problem import Head, Problem, posed, sightings, surface
from facestudio.reconstruct.refinement import Refined, Support
from facestudio.reconstruct.sighting import Sighting, vertices_visible
from facestudio.reconstruct.solve import Solution
from facestudio.types import ByteArray, Camera, Float64Array


def finished(
    problem: Problem,
    head: Head,
    seen: Sequence[Sighting | None],
    solution: Solution,
    given: Sequence[Camera],
    measures: tuple[float, ...],
    cancel: CancelToken,
) -> Refined:
    """The new head, its uncertainty from the last solve, and what each vertex rests on.

    seen: the head in each photo (`sightings`). given: the cameras with their distortion.
    """
    model, config = problem.model, problem.config
    field = problem.fine.sweep_field if config.sweep_rounds else problem.fine.flow_field
    given_theta = conditional_sigma(field, solution.data, solution.factor, config.posterior_draws, np.random.default_rng(0))
    cancel.check()
    spread = solution.reach() @ np.linalg.cholesky(solution.covariance + 1e-15 * np.eye(len(solution.covariance)))
    sigma = config.sigma_scale * np.sqrt(given_theta**2 + (spread[:, : len(head.identity) + len(head.expression)] ** 2).sum(1))
    neutral = model.template.astype(np.float64) + model.identity_basis @ head.identity
    plain = surface(model, head)
    offset = vertex_normals(plain, model.faces) * head.lift[:, None]
    cancel.check()
    views = _views_seeing(problem, plain + offset, seen)
    support = np.where(views == 0, Support.UNSEEN, np.where(views == 1, Support.ONE_VIEW, Support.UNMATCHED))
    support[(solution.data > 0.25 / config.surface.sigma_m**2) & (views > 1)] = Support.MEASURED
    agreement, across, before, after = measures
    return Refined(
        identity=head.identity,
        expression=head.expression,
        vertices=np.asarray(neutral + offset),
        posed_vertices=plain + offset,
        cameras=tuple(replace(c, distortion=g.distortion) for c, g in zip(head.cameras, given, strict=True)),
        sigma_m=sigma,
        views=views,
        support=support.astype(np.uint8),
        accepted=True,
        reason="",
        agreement=agreement,
        across_px=across,
        likeness=(before, after),
    )


def kept(start: Head, given: Sequence[Camera], problem: Problem, reason: str) -> Refined:
    """The head as it was given, with the prior's own uncertainty: the model's and the displacement's standard deviation."""
    model = problem.model
    neutral = model.template.astype(np.float64) + model.identity_basis @ start.identity
    prior = np.sqrt((model.identity_basis.astype(np.float64) ** 2).sum((1, 2)) / 3.0 + problem.config.surface.sigma_m**2)
    views = _views_seeing(problem, posed(model, start), sightings(problem, start, problem.fine))
    support = np.where(views == 0, Support.UNSEEN, np.where(views == 1, Support.ONE_VIEW, Support.UNMATCHED)).astype(np.uint8)
    return Refined(
        start.identity,
        start.expression,
        neutral,
        surface(model, start),
        tuple(given),
        prior,
        views,
        support,
        accepted=False,
        reason=reason,
    )


def _views_seeing(problem: Problem, vertices: Float64Array, seen: Sequence[Sighting | None]) -> ByteArray:
    """(V,) uint8: in how many photos each vertex (V, 3), metres, head frame, is visible. seen: the same head in each photo."""
    normals, flattest = vertex_normals(vertices, problem.model.faces), problem.config.flow.steepest_cosine
    visible = [vertices_visible(s, vertices, normals, flattest) for s in seen if s is not None]
    return np.sum(visible, axis=0).astype(np.uint8) if visible else np.zeros(len(vertices), np.uint8)
