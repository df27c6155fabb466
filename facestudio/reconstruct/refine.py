"""Dense refinement: a head and its cameras improved until the photos agree through it.

    repeat   draw the head into every view (`sighting`)
             texture it from photo a, draw that into view b, flow to photo b, for every pair that shares surface (`correspondence`)
             in the last rounds, search along each ray alone, which is finer (`sweep`)
             compare its outline with the photo's, where one photo alone sees the surface (`contour`)
             solve for identity, expression and the head's pose (or every camera, when they are unknown) together with a smooth
             displacement along the normals (`solve`, `displace`), beside what the landmarks (`landmark_evidence`) and a network that
             saw the photos (`identity_evidence`) say
    accept   only when the photos agree better through the new head than through the one that was given

Held against the bas-relief ambiguity, when cameras are unknown: focal lengths keep their prior, identity its own, and the first rounds,
on photos of half the size, move poses, identity and expression while focals and displacement stand still.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from functools import partial
from typing import TypeVar, cast

import numpy as np

from facestudio.geometry.rotations import exp_so3
from facestudio.geometry.shading import vertex_normals
from facestudio.head.model import HeadModel
from facestudio.head.retarget import with_parts
from facestudio.progress import CancelToken, Progress, side_by_side, silent
from facestudio.reconstruct.contour import Outline, outline, outline_rows
from facestudio.reconstruct.correspondence import Matches, likeness, match
from facestudio.reconstruct.identity_evidence import IdentityEvidence
from facestudio.reconstruct.landmark_evidence import LandmarkTerm, landmark_information
from facestudio.reconstruct.outcome import finished, kept
from facestudio.reconstruct.problem import Head, Level, Problem, choose_pairs, ideal, posed, prepare, sightings, surface
from facestudio.reconstruct.refinement import Quality, RefineConfig, Refined, Support, refine_config
from facestudio.reconstruct.sighting import Sighting
from facestudio.reconstruct.solve import Evidence, Solution, System, Unknowns, add_anchors, layout, rows
from facestudio.reconstruct.sweep import sweep
from facestudio.types import Camera, Float32Array, Float64Array, View

__all__ = ["Quality", "RefineConfig", "Refined", "Support", "choose_pairs", "refine", "refine_config"]

T = TypeVar("T")
_LEAST_SAMPLES = 200  # of whole photos, below which there is nothing to refine by
_AT_ONCE = 25_000  # samples that enter the equations between two looks at whether to stop


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
    landmarks: Sequence[LandmarkTerm] = (),
    measured: IdentityEvidence | None = None,
    progress: Progress = silent,
    cancel: CancelToken | None = None,
) -> Refined:
    """Refine a head and, unless calibrated, its cameras.

    views: two or more, with pictures. landmarks: a term for every detector whose landmarks the views carry. measured: what a network
    that saw the photos says of the identity. cameras: head frame to each photo, as `fit_landmarks` gives them. masks: per view (H, W)
    float in [0, 1], 1 where the person is, or None. calibrated: the cameras keep their places relative to each other and the head moves
    before them; else poses and focals are refined too.
    Never raises for photos that cannot be matched: it returns the given head and says why. Raises Cancelled.
    """
    config, cancel, model = config or RefineConfig(), cancel or CancelToken(), with_parts(model)
    start = Head(identity, expression, np.zeros(model.vertex_count), tuple(ideal(c) for c in cameras), np.zeros(len(cameras)))
    problem = prepare(views, cameras, model, start, masks, landmarks, calibrated, config, measured, cancel)
    if not problem.pairs:
        return kept(start, cameras, problem, "No two photos see the face from directions that can be matched.")
    head, before, solution = start, 0.0, None
    plan = _plan(config, calibrated)
    for i, turn in enumerate(plan):
        progress("refine", i / (len(plan) + 1), f"round {i + 1} of {len(plan)}")
        cancel.check()
        level = problem.coarse if turn.coarse else problem.fine
        seen = sightings(problem, head, level)
        matches = _observe(problem, seen, cancel)
        if i == 0:
            before = _mean(m.likeness for m in matches)
        if sum(len(m.flow) for m in matches) < _LEAST_SAMPLES * level.scale**2:
            return kept(start, cameras, problem, "The photos share too little visible skin to be matched.")
        if turn.sweep:
            matches = [_doubted(m, config.sweep_flow_inflation) for m in matches] + _swept(problem, seen, cancel)
        head, solution = _step(problem, level, head, matches, _outlines(problem, seen), turn, cancel)
    assert solution is not None
    seen = sightings(problem, head, problem.fine)
    matches = _observe(problem, seen, cancel)
    agreement, across = (_mean(values) for values in zip(*((m.agreement, m.across_px) for m in matches), strict=True))
    after = _mean(m.likeness for m in matches)
    if plan[0].coarse:  # like with like: small photos look more alike
        after = _likeness(problem, sightings(problem, head, problem.coarse), cancel)
    progress("refine", 1.0, "")
    if reason := _objection(problem, head, agreement, across, before, after):
        return replace(kept(start, cameras, problem, reason), agreement=agreement, across_px=across, likeness=(before, after))
    cancel.check()
    return finished(problem, head, seen, solution, cameras, (agreement, across, before, after), cancel)


@dataclass(frozen=True)
class _Turn:
    """One round.

    robust_m: see `RefineConfig`. cameras, focals: whether they may move by themselves. sweep: search along the rays, too. coarse: on the
    half-size photos. still: the displacement stays as it is.
    """

    robust_m: float
    cameras: bool
    focals: bool
    sweep: bool
    coarse: bool
    still: bool


def _plan(config: RefineConfig, calibrated: bool) -> list[_Turn]:
    """The rounds. Unknown cameras are settled by the flow, which sees across the epipolar lines, before the sweep takes them as known."""
    robust = config.robust_m if calibrated else (config.robust_m[0],) * config.camera_rounds + config.robust_m
    focals_from = len(robust) - config.focal_rounds
    coarse = 0 if calibrated else config.camera_rounds
    still = coarse + config.still_rounds
    turns = [
        _Turn(r, not calibrated, not calibrated and i >= focals_from, sweep=False, coarse=i < coarse, still=i < still)
        for i, r in enumerate(robust)
    ]
    swept = _Turn(robust[-1], cameras=False, focals=False, sweep=True, coarse=False, still=False)
    return turns + [swept] * config.sweep_rounds


def _observe(problem: Problem, sightings: Sequence[Sighting | None], cancel: CancelToken) -> list[Matches]:
    look = partial(match, config=problem.config.flow, part_trust=problem.part_trust, cancel=cancel)
    return [m for found in _pair_by_pair(problem, sightings, look, cancel) for m in found]


def _likeness(problem: Problem, sightings: Sequence[Sighting | None], cancel: CancelToken) -> float:
    """How alike the photos are through the head, over all pairs and layers."""
    look = partial(likeness, config=problem.config.flow, part_trust=problem.part_trust)
    return _mean(value for found in _pair_by_pair(problem, sightings, look, cancel) for value in found)


def _swept(problem: Problem, sightings: Sequence[Sighting | None], cancel: CancelToken) -> list[Matches]:
    config = problem.config
    look = partial(sweep, config=config.sweep, flow=config.flow, part_trust=problem.part_trust, cancel=cancel)
    return _pair_by_pair(problem, sightings, look, cancel)


def _pair_by_pair(
    problem: Problem,
    sightings: Sequence[Sighting | None],
    look: Callable[[Sequence[Sighting], int, int], T],
    cancel: CancelToken,
) -> list[T]:
    """What a way to look at two views says of every pair whose photos both show the head."""
    seen = cast(Sequence[Sighting], sightings)
    pairs = [(a, b) for a, b in problem.pairs if sightings[a] is not None and sightings[b] is not None]
    return side_by_side([partial(look, seen, a, b) for a, b in pairs], cancel)


def _in_parts(matches: Matches) -> Iterator[Matches]:
    """The samples of a pair in parts of some ten thousand: between two of them one may stop."""
    names = ("face", "bary", "points", "normals", "flow", "sigma_px", "trust")
    for start in range(0, len(matches.flow), _AT_ONCE):
        yield replace(matches, **{name: getattr(matches, name)[start : start + _AT_ONCE] for name in names})


def _doubted(matches: Matches, inflation: float) -> Matches:
    return replace(matches, sigma_px=matches.sigma_px * np.float32(inflation))


def _outlines(problem: Problem, sightings: Sequence[Sighting | None]) -> list[Outline]:
    config = problem.config.contour
    return [outline(s, i, problem.outline_parts, config) for i, s in enumerate(sightings) if s is not None]


def _step(
    problem: Problem,
    level: Level,
    head: Head,
    matches: Sequence[Matches],
    outlines: Sequence[Outline],
    turn: _Turn,
    cancel: CancelToken,
) -> tuple[Head, Solution | None]:
    """One Gauss-Newton step of everything; where the displacement stands still, there is no solution for it."""
    model, config = problem.model, problem.config
    unknowns = layout(len(head.identity), len(head.expression), len(head.cameras), not turn.cameras)
    normals = vertex_normals(surface(model, head), model.faces).astype(np.float32)
    normal_basis = np.einsum("vi,vik->vk", normals, problem.linear)
    field = level.sweep_field if turn.sweep else level.flow_field
    cameras, area = level.cameras(head), (config.flow.stride / level.scale) ** 2
    lift = field.seen(head.lift)
    system = System.of_prior(unknowns, field.precision)
    _add_priors(system, problem, head, unknowns, turn.focals)
    evidence = Evidence.none(model.vertex_count, unknowns)
    for m in (part for whole in matches for part in _in_parts(whole)):
        cancel.check()
        found = rows(m, cameras, model.faces, model.vertex_count, unknowns, area, config.solve)
        cancel.check()
        evidence.add(found, lift, turn.robust_m, config.solve)
    for edge in outlines:  # sharper than the flow sees, but one field has one eye, and outlines are few
        found = outline_rows(edge, cameras[edge.view], model.faces, model.vertex_count, unknowns, config.contour)
        evidence.add(found, lift, max(turn.robust_m, config.contour.robust_m), config.solve)
    cancel.check()
    system.add(evidence, field.seen(normal_basis), unknowns)
    cancel.check()
    vertices = posed(model, head)
    for term in problem.landmarks:
        inflation = config.landmark_inflation
        A, g = landmark_information(term, problem.views, head.cameras, vertices, model.faces, unknowns, inflation=inflation)
        system.tt += A
        system.t += g
    if not problem.landmarks:
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
    if turn.still:
        return _moved(head, system.solve_still(lift), head.lift, unknowns), None
    solution = system.solve(normal_basis, field.spread, cancel)
    return _moved(head, solution.step, solution.lift, unknowns), solution


def _add_priors(system: System, problem: Problem, head: Head, unknowns: Unknowns, free_focals: bool) -> None:
    solve = problem.config.solve
    precision = np.zeros(unknowns.size)
    value = np.zeros(unknowns.size)
    precision[unknowns.identity], value[unknowns.identity] = solve.identity_sigma**-2, head.identity
    if (said := problem.measured) is not None:  # the product of two Gaussians
        k = slice(0, len(said.value))
        weight = said.precision / problem.config.network_inflation**2
        both = precision[k] + weight
        value[k] -= weight / both * said.value
        precision[k] = both
    off = head.expression - problem.expected
    precision[unknowns.expression] = solve.expression_sigma**-2 / (1.0 + (off / solve.expression_tail) ** 2)
    value[unknowns.expression] = off
    for i, column in enumerate(unknowns.focal):
        precision[column] = problem.focal_sigma[i] ** -2 if free_focals else 1e12
        value[column] = head.focal[i] if free_focals else 0.0
    system.tt[np.diag_indices_from(system.tt)] += precision
    system.t -= precision * value


def _moved(head: Head, step: Float64Array, lift: Float64Array, unknowns: Unknowns) -> Head:
    cameras = []
    for i, camera in enumerate(head.cameras):
        turn, shift = step[unknowns.pose[i]][:3], step[unknowns.pose[i]][3:]
        K = camera.K.copy()
        if unknowns.focal:
            K[[0, 1], [0, 1]] *= np.exp(step[unknowns.focal[i]])
        cameras.append(replace(camera, K=K, R=camera.R @ exp_so3(turn), t=camera.R @ shift + camera.t))
    focal = head.focal + step[list(unknowns.focal)] if unknowns.focal else head.focal
    return Head(
        head.identity + step[unknowns.identity],
        head.expression + step[unknowns.expression],
        lift,
        tuple(cameras),
        focal,
    )


def _objection(problem: Problem, head: Head, agreement: float, across: float, before: float, after: float) -> str:
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


def _mean(values: Iterable[float]) -> float:
    found = list(values)
    return float(np.mean(found)) if found else 0.0
