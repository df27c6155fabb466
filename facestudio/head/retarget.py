"""One head in two topologies: OpenHead's and FLAME's, through the registration of the two models in `models/`.

The registration says where each vertex of one model lies on the other one's skin. Read off there, a head keeps its surface; where the
models have nothing in common (behind the lids, inside the mouth, at the neck's border) the field continues as a thin plate would.
Eyeballs are not read off triangle by triangle but placed whole, so that they stay round.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import lru_cache

import numpy as np

from facestudio.errors import HeadModelError
from facestudio.head.model import EYES, HeadModel
from facestudio.head.open_head.flame_correspondence import FlameCorrespondence, read_correspondence
from facestudio.head.open_head.scan_models import carry_islands, lip_pairs
from facestudio.head.registration import border_faces, extend_smoothly, similarity
from facestudio.types import BoolArray, Float32Array, Float64Array, FloatArray, IntArray

_ISLANDS = ("teeth", "tongue", *EYES)


@dataclass(frozen=True)
class RetargetSettings:
    """Constants of carrying a head over.

    stretch: edges that the registration shortens or lengthens by more are folds: their ends are not trusted.
    smooth_m: length to which the field is smoothed where it is trusted. gap_m: farther from the other model a vertex has no counterpart.
    noise_m: standard deviation against which identity coefficients with their unit prior are fitted.
    """

    stretch: tuple[float, float] = (0.4, 2.2)
    smooth_m: float = 0.0012
    gap_m: float = 0.0025
    noise_m: float = 0.0010


def carry_head(
    vertices: FloatArray, source: HeadModel, target: HeadModel, settings: RetargetSettings | None = None
) -> Float64Array:
    """Vertices (V_source, 3), metres, of one model's head as vertices (V_target, 3) float64 of the other's, in the same place.

    One of the two must be OpenHead, the other FLAME. Raises HeadModelError for other models.
    """
    config = settings or RetargetSettings()
    points = np.asarray(vertices, dtype=np.float64)
    if source.name == target.name:
        return points
    read, trusted = _reading(source, target, config)
    wish = read(points)
    # What the other model does not show is as the target's own statistics expect it from the rest.
    expected = target.template + target.identity_basis @ _ridge(
        wish - target.template, target.identity_basis, target.template, trusted, config.noise_m
    )
    _, turn, move = similarity(expected[trusted], wish[trusted], with_scale=False)
    base = expected @ turn.T + move
    field = extend_smoothly(
        np.where(trusted[:, None], wish - base, 0.0),
        trusted.astype(np.float64),
        base,
        target.faces,
        config.smooth_m,
        lip_pairs(target),
    )
    carried = base + carry_islands(target, field)
    for name in EYES:
        _place_ball(carried, target, name, points[source.part_vertices(name)])
    return carried


def carry_scalar(field: FloatArray, source: HeadModel, target: HeadModel) -> Float64Array:
    """A per-vertex number (V_source,) read at the other model's vertices (V_target,) float64."""
    if source.name == target.name:
        return np.asarray(field, dtype=np.float64)
    read, _ = _reading(source, target, RetargetSettings())
    return read(np.repeat(np.asarray(field, dtype=np.float64)[:, None], 3, axis=1))[:, 0]


def fit_identity(vertices: FloatArray, model: HeadModel, settings: RetargetSettings | None = None) -> Float64Array:
    """(S,) float64: the identity nearest to vertices (V, 3), metres, wherever they stand: ridge regression with the unit prior."""
    config = settings or RetargetSettings()
    skin = ~model.part_vertices(*_ISLANDS)
    return _ridge(
        np.asarray(vertices, dtype=np.float64) - model.template, model.identity_basis, model.template, skin, config.noise_m
    )


def fit_expression(change: FloatArray, model: HeadModel, settings: RetargetSettings | None = None) -> Float64Array:
    """(E,) float64: the expression whose offsets are nearest to a change of the neutral head (V, 3), metres; empty without expressions."""
    config = settings or RetargetSettings()
    if not model.expression_names:
        return np.zeros(0)
    skin = ~model.part_vertices(*_ISLANDS)
    return _ridge(np.asarray(change, dtype=np.float64), model.expression_basis, model.template, skin, config.noise_m)


def named_expressions(model: HeadModel) -> tuple[tuple[str, ...], Float32Array]:
    """ARKit's 52 names and offsets (52, V, 3) float32, metres at weight 1, for a model that lacks them; empty when it has them.

    FLAME's come from OpenHead's by the registration: vertex by vertex, so that lids and lips move as OpenHead's do.
    """
    if model.name != "flame" or "jawOpen" in model.expression_names:
        return (), np.zeros((0, model.vertex_count, 3), np.float32)
    from facestudio.head.store import load_head

    source = load_head("open")
    return source.expression_names, _carried_expressions(source, model)


def _carried_expressions(source: HeadModel, target: HeadModel) -> Float32Array:
    key = (source.sha256, target.sha256)
    if key not in _CARRIED:
        read, trusted = _reading(source, target, RetargetSettings())
        fields = np.stack([read(e) for e in np.moveaxis(source.expression_basis, -1, 0).astype(np.float64)], axis=-1)
        flat = fields.reshape(len(fields), -1)
        flat = extend_smoothly(
            np.where(trusted[:, None], flat, 0.0),
            trusted.astype(np.float64),
            target.template,
            target.faces,
            RetargetSettings.smooth_m,
        )
        fields = flat.reshape(fields.shape)
        for name in EYES:
            ball = target.part_vertices(name)
            fields[ball] = _turned_balls(source, target, name)
        fields[np.abs(fields) < 2e-6] = 0.0  # what only the smoothing moved: files stay small
        _CARRIED[key] = np.ascontiguousarray(np.moveaxis(fields, -1, 0), dtype=np.float32)
    return _CARRIED[key]


_CARRIED: dict[tuple[str, str], Float32Array] = {}  # by the two models' hashes: takes a second, and every export needs it


def _turned_balls(source: HeadModel, target: HeadModel, name: str) -> Float64Array:
    """(B, 3, 52): how the eyeball's vertices move with each expression: as a whole, by the turn that OpenHead's ball makes."""
    from facestudio.geometry.rotations import nearest_rotation

    ball, own = source.part_vertices(name), target.part_vertices(name)
    centre, radius = ball_of(source.template[ball])
    own_centre, _ = ball_of(target.template[own])
    before = (source.template[ball] - centre) / radius
    out = np.zeros((int(own.sum()), 3, len(source.expression_names)))
    for k in range(out.shape[2]):
        change = source.expression_basis[ball, :, k].astype(np.float64) / radius
        if np.abs(change).max() < 1e-4:
            continue
        turn = nearest_rotation((before + change).T @ before)
        out[:, :, k] = (target.template[own] - own_centre) @ (turn - np.eye(3)).T
    return out


def with_parts(model: HeadModel) -> HeadModel:
    """FLAME with OpenHead's parts (face, scalp, ears, neck, lips, …), which its own files do not tell apart; other models as they are.

    A face belongs to the part on which most of its corners lie by the registration; eyeballs stay what they are.
    """
    if model.name != "flame" or "scalp" in model.part_names or model.vertex_count != len(_links().on_openhead_faces):
        return model
    from facestudio.head.store import load_head

    source = load_head("open")
    if _links().on_openhead_faces.max() >= len(source.faces):
        return model
    votes = source.face_parts[_links().on_openhead_faces].astype(np.int64)[model.faces]
    # The middle of three votes is the majority wherever there is one.
    parts = np.sort(votes, axis=1)[:, 1]
    for name in EYES:
        parts[model.part_faces(name)] = source.part_names.index(name)
    return replace(model, face_parts=parts.astype(np.int32), part_names=source.part_names)


def ball_of(points: FloatArray) -> tuple[Float64Array, float]:
    """Centre (3,) and radius of the sphere nearest to points (N, 3) in the least squares of |p|^2 = 2 p c + (r^2 - |c|^2)."""
    p = np.asarray(points, dtype=np.float64)
    middle = p.mean(0)
    q = p - middle
    solution = np.linalg.lstsq(np.column_stack([2.0 * q, np.ones(len(q))]), (q * q).sum(1), rcond=None)[0]
    centre = solution[:3]
    return np.asarray(centre + middle), float(np.sqrt(max(solution[3] + centre @ centre, 0.0)))


def _place_ball(carried: Float64Array, target: HeadModel, name: str, source_ball: Float64Array) -> None:
    """Put the target's own eyeball, in place, where the source's is and make it as large."""
    own = target.part_vertices(name)
    if not own.any() or not len(source_ball):
        return
    centre, radius = ball_of(source_ball)
    own_centre, own_radius = ball_of(target.template[own])
    carried[own] = centre + (radius / own_radius) * (target.template[own] - own_centre)


@dataclass(frozen=True)
class _Reading:
    """Reads fields of one model's vertices at the other's."""

    faces: IntArray
    on_faces: IntArray
    bary: Float64Array

    def __call__(self, field: Float64Array) -> Float64Array:
        return np.asarray(np.einsum("nk,nkx->nx", self.bary, field[self.faces[self.on_faces]]))


def _reading(source: HeadModel, target: HeadModel, config: RetargetSettings) -> tuple[_Reading, BoolArray]:
    """How to read at the target's vertices, and which of them (V_target,) bool have a true counterpart."""
    if {source.name, target.name} != {"openhead", "flame"}:
        raise HeadModelError(
            f"A head cannot be carried from {source.name} to {target.name}.",
            "Only OpenHead and FLAME are registered to each other.",
        )
    links = _links()
    if target.name == "flame":
        if target.vertex_count != len(links.on_openhead_faces) or links.on_openhead_faces.max() >= len(source.faces):
            raise HeadModelError("The registration belongs to another OpenHead or FLAME.", "Reinstall FaceStudio.")
        read = _Reading(source.faces, links.on_openhead_faces, links.on_openhead_bary.astype(np.float64))
        trusted = np.ones(target.vertex_count, dtype=bool)
    else:
        if source.vertex_count != len(links.on_openhead_faces) or target.vertex_count != len(links.on_flame_faces):
            raise HeadModelError("The registration belongs to another OpenHead or FLAME.", "Reinstall FaceStudio.")
        read = _Reading(source.faces, links.on_flame_faces, links.on_flame_bary.astype(np.float64))
        trusted = links.gap < config.gap_m
    # At the other model's border lies whatever is nearest to what it lacks.
    trusted &= ~target.part_vertices(*_ISLANDS) & ~border_faces(source.faces)[read.on_faces]
    return read, trusted & ~_folded(read(source.template.astype(np.float64)), target, config)


@lru_cache(maxsize=1)
def _links() -> FlameCorrespondence:
    return read_correspondence()


def _folded(registered: Float64Array, target: HeadModel, config: RetargetSettings) -> BoolArray:
    """(V,) bool: vertices at an edge that the registration squeezes or stretches beyond reason."""
    faces = target.faces
    edges = np.unique(np.sort(np.concatenate([faces[:, [0, 1]], faces[:, [1, 2]], faces[:, [2, 0]]]), axis=1), axis=0)
    a, b = edges[:, 0], edges[:, 1]
    own = np.linalg.norm(target.template[a] - target.template[b], axis=1)
    ratio = np.linalg.norm(registered[a] - registered[b], axis=1) / np.maximum(own, 1e-9)
    bad = (ratio < config.stretch[0]) | (ratio > config.stretch[1])
    out = np.zeros(target.vertex_count, dtype=bool)
    out[edges[bad].ravel()] = True
    return out


def _ridge(change: Float64Array, basis: Float32Array, template: FloatArray, chosen: BoolArray, noise_m: float) -> Float64Array:
    """Coefficients (S,) with a unit prior that explain a change (V, 3) on the chosen vertices, up to a rigid motion."""
    points = np.asarray(template, dtype=np.float64)[chosen]
    centred = points - points.mean(0)
    motions = np.zeros((len(points), 3, 6))
    motions[:, :, :3] = np.eye(3)
    for axis in range(3):
        motions[:, :, 3 + axis] = np.cross(np.eye(3)[axis], centred)
    design = np.concatenate([basis[chosen].astype(np.float64), motions], axis=2).reshape(3 * len(points), -1)
    prior = np.concatenate([np.full(basis.shape[2], noise_m**2), np.full(6, 1e-12)])
    # A vertex is no independent measurement: neighbours err together, about 25 vertices to a patch.
    prior[: basis.shape[2]] *= 25.0
    solved = np.linalg.solve(design.T @ design + np.diag(prior), design.T @ change[chosen].ravel())
    return np.asarray(solved[: basis.shape[2]])
