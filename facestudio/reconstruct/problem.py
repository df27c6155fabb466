"""What dense refinement works on: the photos and the head model, made ready once, and the unknowns that change from round to round."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import partial

import numpy as np

from facestudio.geometry.camera import project, scaled
from facestudio.geometry.shading import vertex_normals
from facestudio.head.model import HeadModel
from facestudio.progress import CancelToken, begun, ended, side_by_side
from facestudio.reconstruct.contour import OutlineParts, outline_parts
from facestudio.reconstruct.displace import Field, blurred, prior_field
from facestudio.reconstruct.identity_evidence import IdentityEvidence
from facestudio.reconstruct.landmark_evidence import LandmarkTerm
from facestudio.reconstruct.photo import prepare_photo
from facestudio.reconstruct.pose import undistorted
from facestudio.reconstruct.refinement import RefineConfig
from facestudio.reconstruct.sighting import Photo, Sighting, sight
from facestudio.types import Camera, Float32Array, Float64Array, IntArray, View

# What a match on each part is worth: hair covers the scalp, clothes the neck; eyes are glass, and the mouth's inside moves.
PART_TRUST = {"face": 1.0, "skin": 1.0, "lips": 0.6, "eyelids": 0.4, "neck": 0.3, "scalp": 0.15, "ears": 0.25}


@dataclass(frozen=True)
class Head:
    """The unknowns. lift: (V,) metres along the model's normals. focal: (views,) log, relative to the prior's focal."""

    identity: Float64Array
    expression: Float64Array
    lift: Float64Array
    cameras: tuple[Camera, ...]
    focal: Float64Array


@dataclass(frozen=True)
class Level:
    """The photos at one size.

    scale: of a photo's pixels, 1 or 1/2. photos: per view, free of distortion. flow_field, sweep_field: prior of the displacement, as
    either way of matching sees it in them (the same where nothing is swept).
    """

    scale: float
    photos: tuple[Photo, ...]
    flow_field: Field
    sweep_field: Field

    def cameras(self, head: Head) -> tuple[Camera, ...]:
        """The head's cameras, for photos of this size."""
        return head.cameras if self.scale == 1.0 else tuple(scaled(c, self.scale) for c in head.cameras)


@dataclass(frozen=True)
class Problem:
    """What does not change while refining.

    views: with landmarks free of distortion. fine, coarse: the photos as they are, and, for unknown cameras, half as large. pairs: ordered,
    of views to match.
    part_trust: (F,) float32. linear: (V, 3, S + E) float32, identity and expression basis side by side. landmarks: the terms of those
    that the views carry. anchors: (A,) int, vertices that stand in for landmarks when there are none; homes: per view (A, 2) float64,
    pixels, where the given head shows them. focal_sigma: (views,) relative. measured: what is known of the identity before any photo
    is matched, beside the prior. expected: (E,) expression weights (`expected_expression`).
    """

    model: HeadModel
    views: tuple[View, ...]
    fine: Level
    coarse: Level
    pairs: tuple[tuple[int, int], ...]
    part_trust: Float32Array
    outline_parts: OutlineParts
    linear: Float32Array
    landmarks: tuple[LandmarkTerm, ...]
    anchors: IntArray
    homes: tuple[Float64Array, ...]
    focal_sigma: Float64Array
    calibrated: bool
    config: RefineConfig
    measured: IdentityEvidence | None
    expected: Float64Array


def prepare(
    views: Sequence[View],
    cameras: Sequence[Camera],
    model: HeadModel,
    start: Head,
    masks: Sequence[Float32Array | None],
    landmarks: Sequence[LandmarkTerm],
    calibrated: bool,
    config: RefineConfig,
    measured: IdentityEvidence | None,
    cancel: CancelToken,
) -> Problem:
    """Make photos, pairs and priors ready; arguments as in `refine.refine`. start: the given head. Raises Cancelled."""
    vertices, given = posed(model, start), zip(views, cameras, start.cameras, masks, strict=True)
    pixels_per_metre = float(np.mean([c.K[0, 0] / np.median((vertices @ c.R.T + c.t)[:, 2]) for c in start.cameras]))
    scales = (1.0,) if calibrated else (1.0, 0.5)
    priors = begun(partial(_fields, model, surface(model, start), config, tuple(s * pixels_per_metre for s in scales)))
    photos = side_by_side(
        [partial(prepare_photo, v, c, i, vertices, model, m, config.blur_px, cancel) for v, c, i, m in given], cancel
    )
    plain = tuple(_undistorted_landmarks(v, c) for v, c in zip(views, cameras, strict=True))
    fields = ended(priors, cancel)
    fine = Level(1.0, tuple(photos), *fields[0])
    coarse = fine if calibrated else Level(0.5, tuple(p.halved(config.blur_px) for p in photos), *fields[1])
    anchors = np.flatnonzero(model.part_vertices("face", "skin", "lips"))[::40]
    return Problem(
        model=model,
        views=plain,
        fine=fine,
        coarse=coarse,
        pairs=choose_pairs(start.cameras, config.pair_degrees),
        part_trust=part_trust(model),
        outline_parts=outline_parts(model),
        linear=np.concatenate([model.identity_basis, model.expression_basis], axis=2),
        landmarks=tuple(landmarks) if any(v.landmarks is not None for v in views) else (),
        anchors=anchors,
        homes=tuple(project(c, vertices[anchors]) for c in start.cameras),
        focal_sigma=np.array([config.focal_sigma_known if v.image.focal_px else config.focal_sigma_assumed for v in views]),
        calibrated=calibrated,
        config=config,
        measured=measured,
        expected=expected_expression(model, start.expression, config.solve.expression_sure),
    )


def _fields(
    model: HeadModel, vertices: Float64Array, config: RefineConfig, pixels_per_metre: Sequence[float]
) -> list[tuple[Field, Field]]:
    """The displacement's prior on vertices (V, 3), metres, as flow and sweep see it in photos of each size."""
    field = prior_field(vertices, model.faces, config.surface, model.mirror)
    fields = [blurred(field, config.flow.blur_px / per_metre) for per_metre in pixels_per_metre]
    swept = blurred(field, config.sweep.blur_px / pixels_per_metre[0]) if config.sweep_rounds else fields[0]
    return [(fields[0], swept), *((f, f) for f in fields[1:])]


def expected_expression(model: HeadModel, fitted: Float64Array, sure: float) -> Float64Array:
    """(E,) the expression before photos are matched: none, but for weights that the landmarks find beyond `sure`.

    Photos that agree show a shape, and cannot tell a smile from a wide mouth: without this, matching makes identity of every expression.
    Of named expressions only: those that are principal components have no neutral noise to stay below.
    """
    return np.where(np.abs(fitted) > sure, fitted, 0.0) if "jawOpen" in model.expression_names else np.zeros_like(fitted)


def part_trust(model: HeadModel) -> Float32Array:
    """(F,) float32 in [0, 1]: what a match on each triangle is worth, by its part."""
    return np.asarray(np.array([PART_TRUST.get(n, 0.0) for n in model.part_names], np.float32)[model.face_parts])


def choose_pairs(cameras: Sequence[Camera], degrees: tuple[float, float], partners: int = 4) -> tuple[tuple[int, int], ...]:
    """Ordered pairs (source, target) of views that see the head from directions far enough apart to measure, near enough to match.

    Of many views each is matched with so many `partners`, those in the middle of the range of angles, and with whose partner it is.
    """
    axes = np.array([c.R[2] for c in cameras])
    angle = np.degrees(np.arccos(np.clip(axes @ axes.T, -1.0, 1.0)))
    near = (angle > degrees[0]) & (angle < degrees[1])
    off = np.where(near, np.abs(angle - np.mean(degrees)), np.inf)
    near &= off.argsort(axis=1).argsort(axis=1) < partners
    near |= near.T
    return tuple((int(a), int(b)) for a, b in np.argwhere(near))


def sightings(problem: Problem, head: Head, level: Level) -> list[Sighting | None]:
    """The head as each photo, at one size, sees it; None where it lies outside the picture."""
    vertices, faces = posed(problem.model, head), problem.model.faces
    normals = vertex_normals(vertices, faces)
    given = zip(level.photos, level.cameras(head), strict=True)
    return side_by_side([partial(sight, p, c, vertices, faces, normals) for p, c in given])


def surface(model: HeadModel, head: Head) -> Float64Array:
    """(V, 3) float64, metres: the model's surface, with expression, without displacement."""
    identity, expression = head.identity.astype(np.float32), head.expression.astype(np.float32)  # the bases are no finer
    return np.asarray(model.template.astype(np.float64) + model.identity_basis @ identity + model.expression_basis @ expression)


def posed(model: HeadModel, head: Head) -> Float64Array:
    """(V, 3) float64, metres: the head as photographed, with expression and displacement."""
    plain = surface(model, head)
    return np.asarray(plain + vertex_normals(plain, model.faces) * head.lift[:, None])


def ideal(camera: Camera) -> Camera:
    """The camera without its lens distortion, which the photos are freed of."""
    return replace(camera, distortion=np.zeros(5))


def _undistorted_landmarks(view: View, camera: Camera) -> View:
    if view.landmarks is None or not np.any(camera.distortion):
        return view
    return replace(view, landmarks=replace(view.landmarks, points=undistorted(camera, view.landmarks.points)))
