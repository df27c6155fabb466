"""Dense refinement: a head and its cameras improved until the photos agree through it.

    repeat   draw the head into every view (`sighting`)
             texture it from photo a, draw that into view b, flow to photo b, for every pair that shares surface (`correspondence`)
             compare its outline with the photo's, where one photo alone sees the surface (`contour`)
             solve for identity, expression and the head's pose (or every camera, when they are unknown) together with a smooth
             displacement along the normals (`solve`, `displace`), beside what the landmarks say (`landmark_evidence`)
    accept   only when the photos agree better through the new head than through the one that was given

Held against the bas-relief ambiguity, when cameras are unknown: focal lengths keep their prior, identity its own, and the first rounds
move poses, identity and expression while focals stand still.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace

import numpy as np

from facestudio.geometry.camera import project
from facestudio.geometry.rotations import exp_so3
from facestudio.geometry.shading import vertex_normals
from facestudio.head.landmarks import LandmarkBasis, landmark_basis, on_surface
from facestudio.head.model import HeadModel
from facestudio.head.retarget import with_parts
from facestudio.progress import CancelToken, Progress, silent
from facestudio.reconstruct.contour import Outline, OutlineParts, outline, outline_parts, outline_rows
from facestudio.reconstruct.correspondence import Matches, match
from facestudio.reconstruct.detector_error import DetectorError
from facestudio.reconstruct.displace import Field, conditional_sigma, prior_field
from facestudio.reconstruct.landmark_evidence import landmark_information
from facestudio.reconstruct.photo import prepare_photo
from facestudio.reconstruct.pose import undistorted
from facestudio.reconstruct.refinement import Quality, RefineConfig, Refined, Support, refine_config
from facestudio.reconstruct.sighting import Photo, Sighting, sight, vertices_visible
from facestudio.reconstruct.solve import (
    Solution,
    System,
    Unknowns,
    add_anchors,
    add_evidence,
    layout,
    rows,
)
from facestudio.types import ByteArray, Camera, Float32Array, Float64Array, IntArray, View

__all__ = ["Quality", "RefineConfig", "Refined", "Support", "choose_pairs", "refine", "refine_config"]

# What a match on each part is worth: hair covers the scalp, clothes the neck; eyes are glass, and the mouth's inside moves.
PART_TRUST = {"face": 1.0, "skin": 1.0, "lips": 0.6, "eyelids": 0.4, "neck": 0.3, "scalp": 0.15, "ears": 0.25}


@dataclass(frozen=True)
class _Head:
    """The unknowns. lift: (V,) metres along the model's normals. focal: (views,) log, relative to the prior's focal."""

    identity: Float64Array
    expression: Float64Array
    lift: Float64Array
    cameras: tuple[Camera, ...]
    focal: Float64Array


@dataclass(frozen=True)
class _Problem:
    """What does not change while refining."""

    model: HeadModel
    views: tuple[View, ...]
    photos: tuple[Photo, ...]
    pairs: tuple[tuple[int, int], ...]
    part_trust: Float32Array
    outline_parts: OutlineParts
    linear: Float32Array
    landmarks: LandmarkBasis | None
    error: DetectorError | None
    anchors: IntArray
    homes: tuple[Float64Array, ...]
    field: Field
    focal_sigma: Float64Array
    calibrated: bool
    config: RefineConfig


def refine(
    views: Sequence[View],
    cameras: Sequence[Camera],
    model: HeadModel,
    identity: Float64Array,
    expression: Float64Array,
    masks: Sequence[Float32Array | None],
    config: RefineConfig | None = None,
    *,
    calibrated: bool,
    error: DetectorError | None = None,
    progress: Progress = silent,
    cancel: CancelToken | None = None,
) -> Refined:
    """Refine a head and, unless calibrated, its cameras.

    views: two or more, with pictures; landmarks, when there, join with the detector's `error` model. cameras: head frame to each photo,
    as `fit_landmarks` gives them. masks: per view (H, W) float in [0, 1], 1 where the person is, or None. calibrated: the cameras keep
    their places relative to each other and the head moves before them; else poses and focals are refined too.
    Never raises for photos that cannot be matched: it returns the given head and says why. Raises Cancelled.
    """
    config, cancel, model = config or RefineConfig(), cancel or CancelToken(), with_parts(model)
    start = _Head(identity, expression, np.zeros(model.vertex_count), tuple(_ideal(c) for c in cameras), np.zeros(len(cameras)))
    problem = _prepare(views, cameras, model, start, masks, error, calibrated, config, cancel)
    if not problem.pairs:
        return _kept(start, cameras, problem, "No two photos see the face from directions that can be matched.")
    head, before, solution = start, 0.0, None
    rounds = config.robust_m if calibrated else (config.robust_m[0],) * config.camera_rounds + config.robust_m
    for i, robust in enumerate(rounds):
        progress("refine", i / (len(rounds) + 1), f"round {i + 1} of {len(rounds)}")
        cancel.check()
        sightings = _sightings(problem, head)
        matches = _observe(problem, sightings, cancel)
        if i == 0:
            before = _mean(m.likeness for m in matches)
        if sum(len(m.flow) for m in matches) < 200:
            return _kept(start, cameras, problem, "The photos share too little visible skin to be matched.")
        free_focals = i >= len(rounds) - config.focal_rounds
        head, solution = _step(problem, head, matches, _outlines(problem, sightings), robust, free_focals, cancel)
    assert solution is not None
    matches = _observe(problem, _sightings(problem, head), cancel)
    agreement, across, after = (
        _mean(values) for values in zip(*((m.agreement, m.across_px, m.likeness) for m in matches), strict=True)
    )
    progress("refine", 1.0, "")
    if reason := _objection(problem, head, agreement, across, before, after):
        kept = _kept(start, cameras, problem, reason)
        return replace(kept, agreement=agreement, across_px=across, likeness=(before, after))
    cancel.check()
    return _finished(problem, head, solution, matches, cameras, (agreement, across, before, after), cancel)


def choose_pairs(cameras: Sequence[Camera], degrees: tuple[float, float]) -> tuple[tuple[int, int], ...]:
    """Ordered pairs (source, target) of views that see the head from directions far enough apart to measure, near enough to match."""
    axes = np.array([c.R[2] for c in cameras])
    angle = np.degrees(np.arccos(np.clip(axes @ axes.T, -1.0, 1.0)))
    near = (angle > degrees[0]) & (angle < degrees[1])
    return tuple((int(a), int(b)) for a, b in np.argwhere(near))


def _prepare(
    views: Sequence[View],
    cameras: Sequence[Camera],
    model: HeadModel,
    start: _Head,
    masks: Sequence[Float32Array | None],
    error: DetectorError | None,
    calibrated: bool,
    config: RefineConfig,
    cancel: CancelToken,
) -> _Problem:
    vertices, photos = _vertices(model, start), []
    for v, given, ideal, m in zip(views, cameras, start.cameras, masks, strict=True):
        cancel.check()
        photos.append(prepare_photo(v, given, ideal, vertices, model, m, config.blur_px))
    cancel.check()
    plain = tuple(_undistorted_landmarks(v, c) for v, c in zip(views, cameras, strict=True))
    landmarks = None
    if error is not None and any(v.landmarks is not None for v in views):
        full = landmark_basis(model, "mediapipe478")
        on_skin = full.ids < 468  # irises move with the gaze
        landmarks = LandmarkBasis(full.ids[on_skin], full.mean[on_skin], full.identity[on_skin], full.expression[on_skin])
    anchors = np.flatnonzero(model.part_vertices("face", "skin", "lips"))[::40]
    return _Problem(
        model=model,
        views=plain,
        photos=tuple(photos),
        pairs=choose_pairs(start.cameras, config.pair_degrees),
        part_trust=np.array([PART_TRUST.get(n, 0.0) for n in model.part_names], np.float32)[model.face_parts],
        outline_parts=outline_parts(model),
        linear=np.concatenate([model.identity_basis, model.expression_basis], axis=2),
        landmarks=landmarks,
        error=error,
        anchors=anchors,
        homes=tuple(project(c, vertices[anchors]) for c in start.cameras),
        field=prior_field(_plain(model, start), model.faces, config.surface),
        focal_sigma=np.array([config.focal_sigma_known if v.image.focal_px else config.focal_sigma_assumed for v in views]),
        calibrated=calibrated,
        config=config,
    )


def _observe(problem: _Problem, sightings: Sequence[Sighting | None], cancel: CancelToken) -> list[Matches]:
    matches: list[Matches] = []
    for a, b in problem.pairs:
        cancel.check()
        if sightings[a] is not None and sightings[b] is not None:
            matches += match(sightings, a, b, problem.config.flow, problem.part_trust)  # type: ignore[arg-type]
    return matches


def _outlines(problem: _Problem, sightings: Sequence[Sighting | None]) -> list[Outline]:
    config = problem.config.contour
    return [outline(s, i, problem.outline_parts, config) for i, s in enumerate(sightings) if s is not None]


def _sightings(problem: _Problem, head: _Head) -> list[Sighting | None]:
    vertices = _vertices(problem.model, head)
    return [sight(p, c, vertices, problem.model.faces) for p, c in zip(problem.photos, head.cameras, strict=True)]


def _step(
    problem: _Problem,
    head: _Head,
    matches: Sequence[Matches],
    outlines: Sequence[Outline],
    robust_m: float,
    free_focals: bool,
    cancel: CancelToken,
) -> tuple[_Head, Solution]:
    """One Gauss-Newton step of everything."""
    model, config = problem.model, problem.config
    unknowns = layout(len(head.identity), len(head.expression), len(head.cameras), problem.calibrated)
    normals = vertex_normals(_plain(model, head), model.faces).astype(np.float32)
    normal_basis = np.einsum("vi,vik->vk", normals, problem.linear)
    system = System.of_prior(unknowns, problem.field.precision)
    _add_priors(system, problem, head, unknowns, free_focals)
    for m in matches:
        cancel.check()
        evidence = rows(m, head.cameras, normal_basis, model.faces, unknowns, config.flow.stride**2, config.solve)
        cancel.check()
        add_evidence(system, evidence, head.lift, robust_m, config.solve)
    for edge in outlines:
        evidence = outline_rows(edge, head.cameras[edge.view], normal_basis, model.faces, unknowns, config.contour)
        add_evidence(system, evidence, head.lift, max(robust_m, config.contour.robust_m), config.solve)
    vertices = _vertices(model, head)
    if problem.landmarks is not None and problem.error is not None:
        points = on_surface(vertices, model.faces, model.embeddings["mediapipe478"])[model.embeddings["mediapipe478"].ids < 468]
        A, g = landmark_information(
            problem.views, head.cameras, points, problem.landmarks, problem.error, unknowns, inflation=config.landmark_inflation
        )
        system.tt += A
        system.t += g
    else:
        chosen = problem.anchors
        add_anchors(
            system.tt,
            system.t,
            vertices[chosen],
            problem.linear[chosen].astype(np.float64),
            problem.homes,
            head.cameras,
            unknowns,
            config.solve,
        )
    solution = system.solve(normal_basis, cancel)
    return _moved(head, solution, unknowns), solution


def _add_priors(system: System, problem: _Problem, head: _Head, unknowns: Unknowns, free_focals: bool) -> None:
    solve = problem.config.solve
    precision = np.zeros(unknowns.size)
    value = np.zeros(unknowns.size)
    precision[unknowns.identity], value[unknowns.identity] = solve.identity_sigma**-2, head.identity
    precision[unknowns.expression] = solve.expression_sigma**-2 / (1.0 + (head.expression / solve.expression_tail) ** 2)
    value[unknowns.expression] = head.expression
    for i, column in enumerate(unknowns.focal):
        precision[column] = problem.focal_sigma[i] ** -2 if free_focals else 1e12
        value[column] = head.focal[i] if free_focals else 0.0
    system.tt[np.diag_indices_from(system.tt)] += precision
    system.t -= precision * value


def _moved(head: _Head, solution: Solution, unknowns: Unknowns) -> _Head:
    step, cameras = solution.step, []
    for i, camera in enumerate(head.cameras):
        turn, shift = step[unknowns.pose[i]][:3], step[unknowns.pose[i]][3:]
        K = camera.K.copy()
        if unknowns.focal:
            K[[0, 1], [0, 1]] *= np.exp(step[unknowns.focal[i]])
        cameras.append(replace(camera, K=K, R=camera.R @ exp_so3(turn), t=camera.R @ shift + camera.t))
    focal = head.focal + step[list(unknowns.focal)] if unknowns.focal else head.focal
    return _Head(
        head.identity + step[unknowns.identity],
        head.expression + step[unknowns.expression],
        solution.lift,
        tuple(cameras),
        focal,
    )


def _objection(problem: _Problem, head: _Head, agreement: float, across: float, before: float, after: float) -> str:
    """Why a result must not be used, or nothing."""
    if not all(np.isfinite(a).all() for a in (head.identity, head.lift, head.cameras[0].t)):
        return "The refinement found no solution."
    if agreement < problem.config.least_agreement:
        return "The photos do not match each other through any head: they may show different people, or much of the face is covered."
    if problem.calibrated and across > problem.config.most_across_px:
        return (
            "The photos contradict the cameras: the subject moved between them, or a camera was moved since it was calibrated."
        )
    if after < before:
        return "The refined head explains the photos no better than the landmark fit does."
    return ""


def _finished(
    problem: _Problem,
    head: _Head,
    solution: Solution,
    matches: Sequence[Matches],
    given: Sequence[Camera],
    measures: tuple[float, ...],
    cancel: CancelToken,
) -> Refined:
    model, config = problem.model, problem.config
    given_theta = conditional_sigma(
        problem.field, solution.data, solution.factor, config.posterior_draws, np.random.default_rng(0)
    )
    cancel.check()
    spread = solution.reach @ np.linalg.cholesky(solution.covariance + 1e-15 * np.eye(len(solution.covariance)))
    sigma = config.sigma_scale * np.sqrt(given_theta**2 + (spread[:, : len(head.identity) + len(head.expression)] ** 2).sum(1))
    neutral = model.template.astype(np.float64) + model.identity_basis @ head.identity
    offset = vertex_normals(_plain(model, head), model.faces) * head.lift[:, None]
    cancel.check()
    views = _views_seeing(problem, head)
    support = np.where(views == 0, Support.UNSEEN, np.where(views == 1, Support.ONE_VIEW, Support.UNMATCHED))
    support[(solution.data > 0.25 / config.surface.sigma_m**2) & (views > 1)] = Support.MEASURED
    agreement, across, before, after = measures
    return Refined(
        identity=head.identity,
        expression=head.expression,
        vertices=np.asarray(neutral + offset),
        posed_vertices=_plain(model, head) + offset,
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


def _kept(start: _Head, given: Sequence[Camera], problem: _Problem, reason: str) -> Refined:
    """The head as it was given, with the prior's own uncertainty: the model's and the displacement's standard deviation."""
    model = problem.model
    neutral = model.template.astype(np.float64) + model.identity_basis @ start.identity
    prior = np.sqrt((model.identity_basis.astype(np.float64) ** 2).sum((1, 2)) / 3.0 + problem.config.surface.sigma_m**2)
    views = _views_seeing(problem, start)
    support = np.where(views == 0, Support.UNSEEN, np.where(views == 1, Support.ONE_VIEW, Support.UNMATCHED)).astype(np.uint8)
    return Refined(
        start.identity,
        start.expression,
        neutral,
        _plain(model, start),
        tuple(given),
        prior,
        views,
        support,
        accepted=False,
        reason=reason,
    )


def _views_seeing(problem: _Problem, head: _Head) -> ByteArray:
    """(V,) uint8: in how many photos each vertex is visible."""
    vertices = _vertices(problem.model, head)
    normals = vertex_normals(vertices, problem.model.faces)
    seen = [
        vertices_visible(s, vertices, normals, problem.config.flow.steepest_cosine)
        for s in _sightings(problem, head)
        if s is not None
    ]
    return np.sum(seen, axis=0).astype(np.uint8) if seen else np.zeros(len(vertices), np.uint8)


def _plain(model: HeadModel, head: _Head) -> Float64Array:
    """(V, 3): the model's surface, with expression, without displacement."""
    return np.asarray(
        model.template.astype(np.float64) + model.identity_basis @ head.identity + model.expression_basis @ head.expression
    )


def _vertices(model: HeadModel, head: _Head) -> Float64Array:
    plain = _plain(model, head)
    return np.asarray(plain + vertex_normals(plain, model.faces) * head.lift[:, None])


def _ideal(camera: Camera) -> Camera:
    return replace(camera, distortion=np.zeros(5))


def _undistorted_landmarks(view: View, camera: Camera) -> View:
    if view.landmarks is None or not np.any(camera.distortion):
        return view
    return replace(view, landmarks=replace(view.landmarks, points=undistorted(camera, view.landmarks.points)))


def _mean(values: Iterable[float]) -> float:
    found = list(values)
    return float(np.mean(found)) if found else 0.0
