"""Published shape models learned from scans of real people, and how their identity is carried over to another topology."""

from __future__ import annotations

import struct
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from scipy.spatial import cKDTree

from facestudio.errors import HeadModelError
from facestudio.geometry.shading import vertex_normals
from facestudio.head.model import HeadModel
from facestudio.head.open_head.scan_landmarks import FLAME_LANDMARKS, ICT_LANDMARKS, OPENHEAD_LANDMARKS, SURREY_LANDMARKS
from facestudio.head.registration import closest_points, extend_smoothly, register, similarity
from facestudio.types import BoolArray, Float32Array, Float64Array, IntArray

SKIN_PARTS = ("face", "scalp", "ears", "neck", "lips", "eyelids")
FACE_PARTS = ("face", "lips", "eyelids")
_ICT_SKIN_END = 11248  # by ICT-FaceKit's own vertex table; then come mouth, sockets, teeth, eyes, lashes
_FLAME_SKIN_END = 3931  # then come the eyeballs
_OUTSIDE = 0.008  # metres: vertices farther than this from a partial model lie beyond its border
_BORDER = 0.015  # metres: scans are worst at their rim (the Surrey model varies twice as much there as the other two), so it is left out
_FADE = 0.03  # metres: how far a partial model's own field reaches beyond what is taken from it
_COMPLETION_NOISE = 0.005  # metres: 1 mm per independent patch of face, of which about 1 vertex in 25 is one
_TOUCHING, _FACING = 0.0025, 0.5  # metres; vertical part of the normal
_TRUSTED_GAP = 0.0015  # metres: beyond it a vertex has no counterpart on the scan model


@dataclass(frozen=True)
class ScanModel:
    """A linear identity model in its own topology, +Y up, +Z front.

    vertices: (N, 3) float64, metres: the mean. faces: (F, 3) int32: its outer skin only. modes: (K, N, 3) float32, metres per
    standard deviation. landmarks: mediapipe point to vertex.
    """

    name: str
    licence: str
    vertices: Float64Array
    faces: IntArray
    modes: Float32Array
    landmarks: dict[int, int]


@dataclass(frozen=True)
class CarriedIdentity:
    """A scan model's identity on another head model's vertices, in that model's frame.

    mean: (V, 3) float64, metres. modes: (K, V, 3) float64, metres per standard deviation, free of rigid motion of the face.
    trusted: (V,) bool: vertices with a counterpart on the scan model; the others were continued smoothly.
    gap: (V,) float64, metres: distance of the registered vertices from the scan model's mean surface.
    """

    name: str
    mean: Float64Array
    modes: Float64Array
    trusted: BoolArray
    gap: Float64Array


def read_ict(folder: Path) -> ScanModel:
    """ICT-FaceKit's light version (MIT): 100 identity modes from Light Stage scans. HeadModelError when files are missing."""
    with np.load(_file(folder / "ict_facekit.npz"), allow_pickle=False) as data:
        vertices, modes, faces = data["v"] * 0.01, data["identity"].astype(np.float32) * np.float32(0.01), data["f"]
    skin = faces[(faces < _ICT_SKIN_END).all(1)]
    return ScanModel("ICT-FaceKit", "MIT", vertices.astype(np.float64), skin, modes, ICT_LANDMARKS)


def read_flame(path: Path) -> ScanModel:
    """FLAME 2023 Open (CC BY 4.0) as the .npz of its template, faces and identity components. HeadModelError when missing."""
    with np.load(_file(path), allow_pickle=False) as data:
        vertices, shapes, faces = data["v_template"].astype(np.float64), data["shapedirs"], data["f"].astype(np.int32)
    skin = faces[(faces < _FLAME_SKIN_END).all(1)]
    modes = np.ascontiguousarray(shapes.transpose(2, 0, 1), dtype=np.float32)
    return ScanModel("FLAME 2023 Open", "CC BY 4.0", vertices, skin, modes, FLAME_LANDMARKS)


def read_surrey(folder: Path) -> ScanModel:
    """The public Surrey face model (Apache-2.0): mean and 63 modes of the face. HeadModelError when files are missing.

    The file is eos's portable binary: a version, then matrices (rows, columns, column-major float32), then the triangles.
    """
    raw = _file(folder / "sfm_shape_3448.bin").read_bytes()
    at = 4

    def matrix() -> Float32Array:
        nonlocal at
        rows, columns = struct.unpack_from("<ii", raw, at)
        at += 8 + 4 * rows * columns
        return np.frombuffer(raw, "<f4", rows * columns, at - 4 * rows * columns).reshape(columns, rows)

    mean, basis, variance = matrix()[0], matrix(), matrix()[0]
    (count,) = struct.unpack_from("<Q", raw, at)
    faces = np.frombuffer(raw, "<i4", 3 * count, at + 8).reshape(-1, 3)
    modes = 0.001 * np.sqrt(variance)[:, None] * basis
    vertices = mean.reshape(-1, 3).astype(np.float64) * 0.001
    return ScanModel("Surrey", "Apache-2.0", vertices, faces, modes.reshape(len(modes), -1, 3), SURREY_LANDMARKS)


def bend(model: HeadModel, scan: ScanModel) -> tuple[Float64Array, Float64Array]:
    """OpenHead's template registered onto a scan model's mean (V, 3), and that mean moved rigidly into the head frame (N, 3)."""
    return _bend(model, scan)[:2]


def _bend(model: HeadModel, scan: ScanModel) -> tuple[Float64Array, Float64Array, Float64Array]:
    """`bend`, and the rotation (3, 3) of that rigid motion."""
    shared = [k for k in OPENHEAD_LANDMARKS if k in scan.landmarks]
    ours = np.array([OPENHEAD_LANDMARKS[k] for k in shared])
    theirs = scan.vertices[[scan.landmarks[k] for k in shared]]
    # Into the head frame, but at the scan model's own size: size is what the prior must learn.
    _, rotation, shift = similarity(theirs, model.template[ours], with_scale=False)
    scan_vertices, goal = scan.vertices @ rotation.T + shift, theirs @ rotation.T + shift
    skin = model.part_vertices(*SKIN_PARTS)
    return (
        register(model.template, model.faces, scan_vertices, scan.faces, (ours, goal), skin.astype(np.float64)),
        scan_vertices,
        rotation,
    )


def carry(model: HeadModel, scan: ScanModel) -> CarriedIdentity:
    """Register OpenHead's template onto the scan model's mean and sample mean and modes at its vertices.

    Vertices without a counterpart (mouth interior, sockets, and what the scan model does not cover) continue the field as a thin
    plate would; eyeballs move with the eyelids, teeth and tongue with the lips. Rigid motion of the face is taken out of the
    modes (to first order, which is exact for a linear model); size stays in.
    """
    bent, scan_vertices, rotation = _bend(model, scan)
    skin = model.part_vertices(*SKIN_PARTS)
    hit = closest_points(bent, scan_vertices, scan.faces, vertex_normals(bent, model.faces), keep=0.5)
    trusted = skin & (hit.distance < _TRUSTED_GAP) & (hit.cosine > 0.5)
    modes = np.einsum("ij,kvj->kvi", rotation, hit_modes(hit.faces, hit.bary, scan))
    seam = lip_pairs(model)
    modes = _extend(modes, trusted.astype(np.float64), bent, model, 0.003, seam)
    seen = model.part_vertices(*FACE_PARTS) & trusted
    modes = np.stack([without_rigid_motion(carry_islands(model, mode), bent, seen) for mode in modes])
    shift_of_mean = _extend((bent - model.template)[None], skin.astype(np.float64), bent, model, 0.002, seam)[0]
    mean = model.template + carry_islands(model, shift_of_mean)
    _, turn, move = similarity(mean[seen], model.template[seen], with_scale=False)
    return CarriedIdentity(scan.name, mean @ turn.T + move, modes @ turn.T, trusted, hit.distance)


def completed(model: HeadModel, part: CarriedIdentity, whole: CarriedIdentity) -> CarriedIdentity:
    """A partial scan model (a face mask) with the rest of the head as another, whole one expects it from the part that is known.

    Each field of `part` is split into what the modes of `whole` explain where it is trusted (ridge regression, which is the
    conditional mean of a Gaussian) and a remainder, which fades out smoothly over the next centimetres.
    """
    outside = cKDTree(part.mean[model.part_vertices(*SKIN_PARTS) & (part.gap > _OUTSIDE)])
    known = part.trusted & (outside.query(part.mean)[0] > _BORDER)
    seen = known & model.part_vertices(*FACE_PARTS)
    _, turn, move = similarity(part.mean[seen], whole.mean[seen], with_scale=False)
    fields = np.concatenate([(part.mean @ turn.T + move - whole.mean)[None], part.modes @ turn.T])
    basis = np.stack([without_rigid_motion(mode, whole.mean, seen) for mode in whole.modes])
    design = basis[:, known].reshape(len(basis), -1)
    ridge = np.eye(len(basis)) * _COMPLETION_NOISE**2
    amount = np.linalg.solve(design @ design.T + ridge, design @ fields[:, known].reshape(len(fields), -1).T)
    expected = np.einsum("kf,kvx->fvx", amount, basis)
    far = cKDTree(whole.mean[known]).query(whole.mean)[0] > _FADE
    trust = np.where(known, 1.0, np.where(far, 0.05, 0.0))
    rest = np.where(known[:, None], fields - expected, 0.0)
    fields = expected + _extend(rest, trust, whole.mean, model, 0.005, lip_pairs(model))
    face = model.part_vertices(*FACE_PARTS)
    fields = np.stack([without_rigid_motion(carry_islands(model, field), whole.mean, face) for field in fields])
    return CarriedIdentity(part.name, whole.mean + fields[0], fields[1:], known, part.gap)


def lip_pairs(model: HeadModel) -> IntArray:
    """(P, 2): vertices of the upper lip that rest on the lower one, and their counterparts.

    Whether a mouth is a little open is no part of who somebody is, and two lips measured apart would open it.
    """
    lips = np.flatnonzero(model.part_vertices("lips"))
    if len(lips) == 0:
        return np.zeros((0, 2), np.int64)
    up = vertex_normals(model.template, model.faces)[lips, 1]
    upper, lower = lips[up < -_FACING], lips[up > _FACING]
    distance, nearest = cKDTree(model.template[lower]).query(model.template[upper])
    touching = distance < _TOUCHING
    return np.column_stack([upper[touching], lower[nearest[touching]]])


def _extend(
    fields: Float64Array, known: Float64Array, vertices: Float64Array, model: HeadModel, length: float, pairs: IntArray
) -> Float64Array:
    """`extend_smoothly` for fields (K, V, 3)."""
    flat = np.moveaxis(fields, 0, 1).reshape(len(vertices), -1)
    flat = extend_smoothly(flat, known, vertices, model.faces, length, pairs)
    return np.moveaxis(flat.reshape(len(vertices), len(fields), 3), 1, 0)


def hit_modes(faces: IntArray, bary: Float64Array, scan: ScanModel) -> Float64Array:
    """The scan model's modes at surface points of it: (K, N, 3) float64, metres per standard deviation."""
    return np.asarray(np.einsum("nc,kncx->knx", bary, scan.modes[:, scan.faces[faces]].astype(np.float64)))


def carry_islands(model: HeadModel, field: Float64Array) -> Float64Array:
    """Let what hangs in the head follow a displacement field (V, 3) of its skin, in metres.

    Each eyeball follows its eyelids by a shift (its size is the same in nearly everybody); teeth and tongue follow the lips by the
    best similarity.
    """
    moved = field.copy()
    lids, lips = model.part_vertices("eyelids"), model.part_vertices("lips")
    for name, side in (("eye_left", 1.0), ("eye_right", -1.0)):
        ball = model.part_vertices(name)
        own = lids & (side * model.template[:, 0] > 0)
        if ball.any() and own.any():
            moved[ball] = field[own].mean(0)
    inside = model.part_vertices("teeth", "tongue")
    if inside.any() and lips.any():
        centre = model.template[lips].mean(0)
        motion = _similarity_motions(model.template[lips] - centre)
        amount = np.linalg.lstsq(motion.reshape(-1, 7), field[lips].ravel(), rcond=None)[0]
        moved[inside] = _similarity_motions(model.template[inside] - centre) @ amount
    return moved


def without_rigid_motion(field: Float64Array, vertices: Float64Array, region: BoolArray) -> Float64Array:
    """A displacement field (V, 3) less the rigid motion (to first order) that explains most of it on the region (V,) bool."""
    motions = _similarity_motions(vertices - vertices[region].mean(0))[..., :6]
    amount = np.linalg.lstsq(motions[region].reshape(-1, 6), field[region].ravel(), rcond=None)[0]
    return np.asarray(field - motions @ amount)


def _similarity_motions(points: Float64Array) -> Float64Array:
    """(N, 3, 7): velocity of each point under three shifts, three turns and growth about the origin."""
    motions = np.zeros((len(points), 3, 7))
    motions[:, :, :3] = np.eye(3)
    for axis in range(3):
        motions[:, :, 3 + axis] = np.cross(np.eye(3)[axis], points)
    motions[:, :, 6] = points
    return motions


def _file(path: Path) -> Path:
    if not path.is_file():
        raise HeadModelError(
            f"The scan model's file {path.name} is missing from {path.parent}.", "Name the folder with --shared."
        )
    return path
