"""Close hair is part of a head's shape: the scalp is raised, and the nape moved, until the outline lies on the person's.

A head model's scalp is bare, and hair hides where it lies; what photos do show is where hair ends. Hair that lies close (cropped, combed
back, braided, a knot) makes the head's outline, and a bald skull with hair painted on it is a smaller head than the one photographed. So
after refinement, which keeps its face, the scalp's vertices get a smooth displacement along their normals (`displace`, with a stiffer and
wider prior, zero at the scalp's edge). Hair that hangs is no shell round a skull: where a photo shows the person go on beside the cheeks,
hair has an outline of its own and the scalp stays as it is.

The neck takes part where it is bare against the background: collars hide it elsewhere.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace

import cv2
import numpy as np
import scipy.sparse as sp
from scipy.sparse.linalg import splu

from facestudio.geometry.camera import screen
from facestudio.geometry.rasterize import rasterize
from facestudio.geometry.shading import resized, vertex_normals
from facestudio.head.model import HeadModel
from facestudio.head.retarget import with_parts
from facestudio.progress import CancelToken
from facestudio.reconstruct.contour import change_point, profiles
from facestudio.reconstruct.displace import Field, FieldConfig, prior_field
from facestudio.reconstruct.refinement import Refined
from facestudio.reconstruct.solve import projection
from facestudio.types import BoolArray, Camera, Float32Array, Float64Array, IntArray

_PARTS = ("scalp", "neck")


@dataclass(frozen=True)
class HairConfig:
    """Constants. Lengths on the head in metres.

    longest_side: photos are compared at most at this size. reach_m: how far from the drawn outline the person's is sought. margin_px: least
    length of either side of an edge. least_contrast: of the person's mean probability on the two sides. sigma_m: standard deviation of an
    edge; the mask is coarse. correlation_m: so much of the outline counts as one observation. robust_m: an edge fades from so far off on.
    stride: every so many pixels of the outline become a sample. rounds: the outline moves to other vertices as it is raised.
    limits_m: of the displacement. shell: its prior, see `displace`. hanging_m, hanging_share: when the person goes on so far beside more
    than this share of the cheeks' outline, hair hangs. background: the person's probability below which there is none.
    vague: share of a displacement that is added to the standard deviation: hair has no surface.
    """

    longest_side: int = 1280
    reach_m: float = 0.036
    margin_px: int = 4
    least_contrast: float = 0.5
    sigma_m: float = 0.0015
    correlation_m: float = 0.012
    robust_m: float = 0.006
    stride: int = 3
    rounds: int = 5
    limits_m: tuple[float, float] = (-0.006, 0.035)
    shell: FieldConfig = field(default_factory=lambda: FieldConfig(sigma_m=0.015, range_m=0.25))
    hanging_m: float = 0.012
    hanging_share: float = 0.4
    background: float = 0.3
    vague: float = 0.3


@dataclass(frozen=True)
class _Edges:
    """Samples on one view's outline: face (N,), bary (N, 3), outward (N, 2) in pixels, points (N, 3) in metres.

    profile: (N, 2 R + 1), the person's probability from R pixels inside to R outside. px_per_m: pixels a metre of head measures.
    """

    face: IntArray
    bary: Float64Array
    outward: Float64Array
    points: Float64Array
    profile: Float32Array
    px_per_m: float


def hair_shell(
    model: HeadModel,
    vertices: Float64Array,
    cameras: Sequence[Camera],
    masks: Sequence[Float32Array | None],
    config: HairConfig | None = None,
    cancel: CancelToken | None = None,
) -> Float64Array:
    """(V,) float64 metres along the normals of vertices (V, 3), metres, head frame: what brings scalp and neck to the person's outline.

    cameras: head frame to each photo, as it was taken. masks: per view (H, W) float32 in [0, 1], 1 where the person is, or None. All zeros
    when no mask says anything; the scalp's are when hair hangs.
    """
    config, cancel, model = config or HairConfig(), cancel or CancelToken(), with_parts(model)
    lift = np.zeros(len(vertices))
    free = np.flatnonzero(_movable(model, vertices))
    views = [_smaller(c, m, config) for c, m in zip(cameras, masks, strict=True) if m is not None]
    if not len(free) or not views:
        return lift
    scalp, neck = (model.part_faces(name) for name in _PARTS)
    cheeks = _cheeks(model, vertices)
    normals = vertex_normals(vertices, model.faces)
    prior = prior_field(vertices, model.faces, config.shell)
    for number in range(config.rounds):
        cancel.check()
        edges = [_edges(model, vertices + normals * lift[:, None], c, m, config) for c, m in views]
        if number == 0 and any(_hangs(e, cheeks, config) for e in edges):
            scalp = np.zeros_like(scalp)
        rows = [_rows(model, e, c, normals, lift, scalp, neck, config) for e, (c, _) in zip(edges, views, strict=True)]
        lift = _solve(prior, free, lift, rows, config)
    return lift


def with_hair(found: Refined, lift: Float64Array, faces: IntArray, config: HairConfig | None = None) -> Refined:
    """A refined head with `hair_shell`'s lift (V,), metres, on it: neutral and posed alike, and less sure where it was moved."""
    by = vertex_normals(found.posed_vertices, faces) * lift[:, None]
    sigma = np.hypot(found.sigma_m, (config or HairConfig()).vague * np.abs(lift))
    return replace(found, vertices=found.vertices + by, posed_vertices=found.posed_vertices + by, sigma_m=sigma)


def _movable(model: HeadModel, vertices: Float64Array) -> BoolArray:
    """(V,) bool: vertices on no other part than scalp and neck, above the chin: lower down collars hide the neck."""
    face = vertices[model.part_vertices("face", "skin")]
    chin = face[:, 1].min() if len(face) else vertices[:, 1].min()
    inside = model.part_vertices(*_PARTS) & ~_touched(model, ~model.part_faces(*_PARTS))
    return np.asarray(inside & (vertices[:, 1] > chin))


def _touched(model: HeadModel, faces: BoolArray) -> BoolArray:
    found = np.zeros(model.vertex_count, bool)
    found[model.faces[faces]] = True
    return found


def _cheeks(model: HeadModel, vertices: Float64Array) -> BoolArray:
    """(F,) bool: faces and ears between the eyes' level and the lips': beside them hangs hair that hangs."""
    eyes = (model.joint_regressor @ vertices)[3:5, 1].mean()
    lips = vertices[model.part_vertices("lips")]
    low = lips[:, 1].mean() if len(lips) else eyes - 0.06
    height = vertices[model.faces].mean(axis=1)[:, 1]
    return np.asarray(model.part_faces("face", "skin", "ears") & (height < eyes) & (height > low))


def _smaller(camera: Camera, mask: Float32Array, config: HairConfig) -> tuple[Camera, Float32Array]:
    factor = min(1.0, config.longest_side / max(camera.width, camera.height))
    width, height = round(camera.width * factor), round(camera.height * factor)
    mask = np.asarray(mask, np.float32)
    if mask.shape != (height, width):
        mask = np.asarray(cv2.resize(mask, (width, height), interpolation=cv2.INTER_AREA), np.float32)
    return resized(camera, height, width), mask


def _edges(model: HeadModel, vertices: Float64Array, camera: Camera, person: Float32Array, config: HairConfig) -> _Edges | None:
    """The drawn outline and what the photo's mask shows across it; None when the head is not in the picture."""
    points = screen(camera, vertices)
    if not np.isfinite(points).all() or points[:, 2].min() <= 0.02:
        return None
    seen = rasterize(points, model.faces, camera.height, camera.width)
    covered = (seen.pix_to_face >= 0).astype(np.uint8)
    rings, _ = cv2.findContours(covered, cv2.RETR_EXTERNAL, cv2.CHAIN_APPROX_NONE)
    if not rings:
        return None
    pixel = max(rings, key=len)[:: config.stride, 0]
    soft = cv2.GaussianBlur(covered.astype(np.float32), (0, 0), 4.0)
    x, y = pixel[:, 0], pixel[:, 1]
    outward = -np.stack([cv2.Sobel(soft, cv2.CV_32F, *d)[y, x] for d in ((1, 0), (0, 1))], axis=-1)
    length = np.linalg.norm(outward, axis=1)
    px_per_m = float(camera.K[0, 0] / np.median(points[:, 2]))
    reach = max(2 * config.margin_px, round(config.reach_m * px_per_m))
    inside = ((pixel > reach) & (pixel < np.array([camera.width, camera.height]) - reach - 1)).all(axis=1) & (length > 1e-3)
    pixel, outward = pixel[inside], outward[inside] / length[inside, None]
    face, bary = seen.pix_to_face[pixel[:, 1], pixel[:, 0]], seen.bary[pixel[:, 1], pixel[:, 0]].astype(np.float64)
    steps = np.arange(-reach, reach + 1, dtype=np.float32)
    along = pixel[:, None].astype(np.float32) + steps[None, :, None] * outward[:, None].astype(np.float32)
    where = np.einsum("nk,nkc->nc", bary, vertices[model.faces[face]])
    return _Edges(face, bary, outward.astype(np.float64), where, profiles(person, along), px_per_m)


def _hangs(edges: _Edges | None, cheeks: BoolArray, config: HairConfig) -> bool:
    """Does the person go on beside the cheeks?"""
    if edges is None:
        return False
    beside = cheeks[edges.face]
    reach = edges.profile.shape[1] // 2
    beyond = edges.profile[beside, min(reach + round(config.hanging_m * edges.px_per_m), 2 * reach)]
    return bool(beside.sum() >= 8 and (beyond > 0.5).mean() > config.hanging_share)


def _rows(
    model: HeadModel,
    edges: _Edges | None,
    camera: Camera,
    normals: Float64Array,
    lift: Float64Array,
    scalp: BoolArray,
    neck: BoolArray,
    config: HairConfig,
) -> tuple[sp.csr_matrix, Float64Array]:
    """Each edge as a row of weights on the vertices' lifts and the lift it asks for, both over its standard deviation."""
    count = len(normals)
    if edges is None:
        return sp.csr_matrix((0, count)), np.zeros(0)
    end, clear = change_point(edges.profile, config.margin_px)
    reach = edges.profile.shape[1] // 2
    beyond = np.clip(reach + np.rint(end).astype(int) + 2 * config.margin_px, 0, 2 * reach)
    alone = edges.profile[np.arange(len(end)), beyond] < config.background
    J, _ = projection(camera, edges.points)
    back = np.einsum("ni,nij->nj", edges.outward, J)
    corners = model.faces[edges.face]
    rates = np.einsum("nkc,nc->nk", normals[corners], back) * edges.bary
    keep = (scalp | neck)[edges.face] & alone & (clear > config.least_contrast) & (rates.sum(axis=1) > 0.3 * edges.px_per_m)
    rates, corners, offset = rates[keep], corners[keep], end[keep].astype(np.float64)
    sigma_px = config.sigma_m * edges.px_per_m
    share = min(1.0, config.stride / (config.correlation_m * edges.px_per_m))
    strange = np.abs(offset) / (config.robust_m * edges.px_per_m)
    weight = np.sqrt(share * clear[keep]) / sigma_px / (1.0 + 0.1 * strange**2)
    index = np.repeat(np.arange(len(offset)), 3)
    matrix = sp.csr_matrix(((rates * weight[:, None]).ravel(), (index, corners.ravel())), shape=(len(offset), count))
    return matrix, weight * offset + matrix @ lift


def _solve(
    prior: Field,
    free: IntArray,
    lift: Float64Array,
    rows: Sequence[tuple[sp.csr_matrix, Float64Array]],
    config: HairConfig,
) -> Float64Array:
    """The likeliest lift: zero outside `free`."""
    A, b = sp.vstack([r[0] for r in rows]).tocsc()[:, free], np.concatenate([r[1] for r in rows])
    precision = (prior.precision[free][:, free] + A.T @ A).tocsc()
    moved = np.zeros_like(lift)
    moved[free] = np.clip(splu(precision).solve(A.T @ b), *config.limits_m)
    return moved
