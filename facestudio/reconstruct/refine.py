"""Dense refinement: a head and its cameras improved until renders of the textured head and the photos agree (engine `refine`).

repeat   draw the head into every view (`sighting`)
         texture it from photo a, draw it into view b, flow to photo b, for every pair that shares surface (`correspondence`)
         solve for identity, expression and the head's pose, or for every camera when they are unknown (`solve`)
repeat   the same, then a smooth displacement along the normals where there is evidence (`displace`)
accept   only when the photos agree better through the new head than through the one given
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace

import cv2
import numpy as np

from facestudio.geometry.camera import project
from facestudio.geometry.rotations import exp_so3
from facestudio.geometry.shading import vertex_normals
from facestudio.head.model import HeadModel
from facestudio.progress import CancelToken, Progress, silent
from facestudio.reconstruct.correspondence import FlowConfig, Matches, match, normal_displacement
from facestudio.reconstruct.displace import (
    Displacement,
    Field,
    FieldConfig,
    Measurements,
    displacement,
    posterior_sigma,
    prior_field,
)
from facestudio.reconstruct.masks import skin_trust
from facestudio.reconstruct.sighting import Photo, Sighting, sight
from facestudio.reconstruct import solve as sv
from facestudio.types import Camera, Float32Array, Float64Array, View

PART_TRUST = {"face": 1.0, "lips": 0.6, "eyelids": 0.4, "neck": 0.3, "scalp": 0.15, "ears": 0.25}


@dataclass(frozen=True)
class RefineConfig:
    model_sigmas_m: tuple[float, ...] = (0.0015, 0.0012, 0.0010, 0.0008, 0.0007, 0.0006)
    displacement_steps: int = 3
    flow: FlowConfig = field(default_factory=FlowConfig)
    solve: sv.SolveConfig = field(default_factory=sv.SolveConfig)
    surface: FieldConfig = field(default_factory=FieldConfig)
    blur_px: float = 0.8
    pair_degrees: tuple[float, float] = (8.0, 62.0)


@dataclass(frozen=True)
class Head:
    """The unknowns while refining. lift: (V,) metres, displacement along the normals of the model's surface."""

    identity: Float64Array
    expression: Float64Array
    lift: Float64Array
    cameras: tuple[Camera, ...]


def surface(model: HeadModel, head: Head) -> Float64Array:
    return model.template.astype(np.float64) + model.identity_basis @ head.identity + model.expression_basis @ head.expression


def lifted(model: HeadModel, head: Head) -> Float64Array:
    plain = surface(model, head)
    return plain + vertex_normals(plain, model.faces) * head.lift[:, None]


def refine(
    views, cameras, model, identity, expression, masks, config=None, calibrated=True, progress=silent, cancel=None, trace=None
):
    config, cancel = config or RefineConfig(), cancel or CancelToken()
    head = Head(identity, expression, np.zeros(model.vertex_count), tuple(cameras))
    faces = model.faces
    part_trust = np.array([PART_TRUST.get(n, 0.0) for n in model.part_names], np.float32)[model.face_parts]
    vertices = lifted(model, head)
    photos = [prepare(v, c, vertices, model, m, config) for v, c, m in zip(views, cameras, masks, strict=True)]
    pairs = choose_pairs(cameras, config.pair_degrees)
    unknowns = sv.layout(len(identity), len(expression), len(views), calibrated)
    anchors = (
        np.unique(
            model.embeddings["mediapipe478"].faces[:, None] * 0 + model.faces[model.embeddings["mediapipe478"].faces][:, :1]
        )
        if "mediapipe478" in model.embeddings
        else np.flatnonzero(model.part_vertices("face"))[::20]
    )
    homes = [project(replace(c, distortion=np.zeros(5)), vertices[anchors]) for c in head.cameras]
    basis = np.concatenate([model.identity_basis, model.expression_basis], 2).astype(np.float64)
    if trace:
        trace("start", head, None)
    for sigma in config.model_sigmas_m:
        cancel.check()
        matches = observe(photos, head, model, pairs, part_trust, config)
        head = model_step(head, model, matches, basis, unknowns, anchors, homes, sigma, config)
        if trace:
            trace("model", head, matches)
    fld = prior_field(surface(model, head), faces, config.surface)
    found = None
    for _ in range(config.displacement_steps):
        cancel.check()
        matches = observe(photos, head, model, pairs, part_trust, config)
        found = displacement(fld, head.lift, [measured(m, head, model, config) for m in matches], config.surface)
        head = replace(head, lift=found.value)
        if trace:
            trace("lift", head, matches)
    return head, fld, found, matches


def prepare(
    view: View, camera: Camera, vertices: Float64Array, model: HeadModel, mask: Float32Array | None, config: RefineConfig
) -> Photo:
    pixels = view.image.pixels
    grey = cv2.GaussianBlur(cv2.cvtColor(pixels, cv2.COLOR_RGB2GRAY).astype(np.float32), (0, 0), config.blur_px)
    blank = Photo(grey, np.ones_like(grey), 1.0)
    seen = sight(blank, camera, vertices, model.faces)
    skin = np.zeros(grey.shape, bool)
    if seen is not None:
        on = bare_skin(model, vertices)[np.maximum(seen.face, 0)] & seen.covered & (seen.cosine > 0.4)
        on = cv2.erode(on.astype(np.uint8), np.ones((5, 5), np.uint8)) > 0
        y, x = seen.corner[1], seen.corner[0]
        skin[y : y + on.shape[0], x : x + on.shape[1]] = on
    raw = cv2.cvtColor(pixels, cv2.COLOR_RGB2GRAY).astype(np.float32)
    kernel = np.array([[1, -2, 1], [-2, 4, -2], [1, -2, 1]], np.float32)
    noise = float(np.sqrt(np.pi / 2) / 6 * np.abs(cv2.filter2D(raw, -1, kernel))[skin].mean()) if skin.any() else 2.0
    return Photo(grey, skin_trust(pixels, skin, mask), max(0.5, 0.35 * noise))


def bare_skin(model: HeadModel, vertices: Float64Array):
    """(F,) bool: faces between the eyes' and the mouth's level on the front of the face, where hair seldom hangs."""
    eyes = (model.joint_regressor @ vertices)[3:5]
    lips = vertices[model.part_vertices("lips")].mean(0)
    centre = vertices[model.faces].mean(1)
    level = (centre[:, 1] < eyes[:, 1].mean() - 0.008) & (centre[:, 1] > lips[1] - 0.01)
    front = (np.abs(centre[:, 0] - eyes[:, 0].mean()) < 0.055) & (centre[:, 2] > eyes[:, 2].mean() - 0.01)
    return model.part_faces("face") & level & front


def choose_pairs(cameras: Sequence[Camera], degrees: tuple[float, float]) -> list[tuple[int, int]]:
    out = []
    for a in range(len(cameras)):
        for b in range(len(cameras)):
            angle = np.degrees(np.arccos(np.clip(cameras[a].R[2] @ cameras[b].R[2], -1, 1)))
            if a != b and degrees[0] < angle < degrees[1]:
                out.append((a, b))
    return out


def observe(photos, head: Head, model: HeadModel, pairs, part_trust, config: RefineConfig) -> list[Matches]:
    vertices = lifted(model, head)
    sightings = [sight(p, c, vertices, model.faces) for p, c in zip(photos, head.cameras, strict=True)]
    return [match(sightings, a, b, config.flow, part_trust) for a, b in pairs]


def model_step(head, model, matches, basis, unknowns, anchors, homes, sigma, config) -> Head:
    plain = surface(model, head)
    vertices = lifted(model, head)
    normals = vertex_normals(plain, model.faces)
    normal_basis = np.einsum("vi,vik->vk", normals.astype(np.float32), basis.astype(np.float32))
    A, g = np.zeros((unknowns.size,) * 2), np.zeros(unknowns.size)
    A[np.diag_indices_from(A)] = 1e-6
    for part, weight, value in (
        (unknowns.identity, 1.0, head.identity),
        (unknowns.expression, config.solve.expression_sigma**-2, head.expression),
    ):
        A[part, part] += weight * np.eye(len(value))
        g[part] -= weight * value
    for m in matches:
        r = sv.rows(m, head.cameras, normal_basis, model.faces, unknowns, config.flow.stride**2, config.solve)
        sv.add_evidence(A, g, r, sigma, config.solve)
    sv.add_anchors(A, g, vertices[anchors], basis[anchors], homes, head.cameras, unknowns, config.solve)
    step = np.linalg.solve(A, g)
    cameras = []
    for i, c in enumerate(head.cameras):
        w, d = step[unknowns.pose[i]][:3], step[unknowns.pose[i]][3:]
        K = c.K.copy()
        if unknowns.focal:
            K[[0, 1], [0, 1]] *= np.exp(step[unknowns.focal[i]])
        cameras.append(replace(c, K=K, R=c.R @ exp_so3(w), t=c.R @ d + c.t))
    return replace(
        head,
        identity=head.identity + step[unknowns.identity],
        expression=head.expression + step[unknowns.expression],
        cameras=tuple(cameras),
    )


def measured(m: Matches, head: Head, model: HeadModel, config: RefineConfig) -> Measurements:
    a, b = head.cameras[m.source], head.cameras[m.target]
    rays = m.points - a.centre.astype(np.float32)
    J, _ = sv._projection(b, m.points.astype(np.float64))
    along = np.einsum("nij,nj->ni", J, rays)
    delta, rate = normal_displacement(rays, along, m.normals, m.flow)
    share = min(1.0, config.flow.stride**2 / config.solve.correlation_px2) * m.trust
    return Measurements(
        sv._carry(m, model.faces, model.vertex_count),
        delta.astype(np.float64),
        (m.sigma_px * rate).astype(np.float64),
        share.astype(np.float64),
    )
