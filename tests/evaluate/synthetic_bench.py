"""A bench in miniature: an egg with a nose, in the folder layout of the real one, and a head model whose template is that egg."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import trimesh

from facestudio.errors import NoFaceError
from facestudio.head.model import Embedding, HeadModel
from facestudio.progress import CancelToken, Progress
from facestudio.types import Float64Array, IntArray, Mesh

LANDMARK_DIRECTIONS = np.array(
    [
        [-0.5, 0.1, 0.8],
        [-0.2, 0.1, 1.0],
        [0.2, 0.1, 1.0],
        [0.5, 0.1, 0.8],
        [0.0, -0.3, 1.0],
        [-0.25, -0.6, 0.9],
        [0.25, -0.6, 0.9],
    ]
)


def egg(subdivisions: int = 4) -> Mesh:
    """About a head's size, metres, +Y up, +Z out of the nose; no two directions alike, so that an alignment is unique."""
    sphere = trimesh.creation.icosphere(subdivisions=subdivisions)
    v = np.asarray(sphere.vertices, dtype=np.float64)
    nose = np.exp(-((v[:, :2] - [0.02, -0.15]) ** 2).sum(1) / 0.03) * (v[:, 2] > 0)
    chin = np.exp(-((v - [0.0, -0.8, 0.6]) ** 2).sum(1) / 0.1)
    brow = np.exp(-((v[:, 1] - 0.35) ** 2) / 0.01) * (v[:, 2] > 0.3)
    v = (
        v * [0.075, 0.11, 0.095]
        + np.outer(nose, [0, 0, 0.02])
        + np.outer(chin, [0.004, -0.01, 0.012])
        + np.outer(brow, [0, 0, 0.004])
    )
    return Mesh(v, np.asarray(sphere.faces, dtype=np.int64))


def points(mesh: Mesh) -> Float64Array:
    """The vertices, (V, 3) float64."""
    return np.asarray(mesh.vertices, dtype=np.float64)


def egg_landmarks(mesh: Mesh) -> list[int]:
    """The vertices that stand for the seven NoW points."""
    directions = LANDMARK_DIRECTIONS / np.linalg.norm(LANDMARK_DIRECTIONS, axis=1, keepdims=True)
    unit = mesh.vertices / np.linalg.norm(mesh.vertices, axis=1, keepdims=True)
    return [int(np.argmax(unit @ d)) for d in directions]


def region(mesh: Mesh) -> IntArray:
    """The vertices of its front: what counts as the face."""
    return np.flatnonzero(mesh.vertices[:, 2] > 0.02).astype(np.int32)


def write_bench(folder: Path, names: Sequence[str]) -> Path:
    """One folder per name; each egg is a little wider than the one before, and all are wider than the model's."""
    mesh = egg(3)
    rows = egg_landmarks(mesh)
    for k, name in enumerate(names):
        head = folder / name
        head.mkdir(parents=True)
        vertices = mesh.vertices * np.array([1.04 + 0.04 * k, 1.0, 1.0])
        trimesh.Trimesh(vertices, mesh.faces, process=False).export(head / "truth.ply")
        np.save(head / "face_region.npy", region(mesh))
        (head / "landmarks3d.json").write_text(json.dumps({"points": vertices[rows].tolist()}))
        (head / "cameras.json").write_text("{}")
        for photo in ("left.jpg", "front.jpg", "right.jpg"):
            (head / photo).write_bytes(b"a photo")
    return folder


def egg_model() -> HeadModel:
    """A head model without any freedom."""
    mesh = egg(3)
    count, faces = len(mesh.vertices), mesh.faces.astype(np.int32)
    rows = egg_landmarks(mesh)
    touching = np.array([int(np.flatnonzero((faces == i).any(1))[0]) for i in rows], np.int32)
    bary = np.array([faces[f] == i for f, i in zip(touching, rows, strict=True)], np.float32)
    zeros = np.zeros((count, 3, 0), np.float32)
    return HeadModel(
        name="egg",
        licence="CC0",
        template=mesh.vertices.astype(np.float32),
        identity_basis=zeros,
        expression_basis=zeros,
        expression_names=(),
        pose_basis=np.zeros((0, count * 3), np.float32),
        joint_regressor=np.full((1, count), 1.0 / count, np.float32),
        parents=np.array([-1], np.int32),
        skin_weights=np.ones((count, 1), np.float32),
        faces=faces,
        uv=np.zeros((count, 2), np.float32),
        uv_faces=faces,
        face_parts=np.zeros(len(faces), np.int32),
        part_names=("skin",),
        mirror=np.arange(count, dtype=np.int32),
        embeddings={"now7": Embedding(np.arange(7, dtype=np.int32), touching, bary)},
    )


def build_truth(
    photos: Sequence[Path | str],
    out: Path,
    *,
    cameras: Path | None,
    head: str,
    engine: str,
    name: str,
    progress: Progress,
    cancel: CancelToken,
) -> None:
    """A reconstruction that knows the answer: the truth itself, moved; heads named blank* have no face, broken* hit a defect."""
    cancel.check()
    progress("fit", 0.5)
    if name.startswith("blank"):
        raise NoFaceError(f"No face was found in {Path(photos[1]).name}.", "Use a photo that shows the face.")
    if name.startswith("broken"):
        raise ZeroDivisionError("a defect")
    out.mkdir(parents=True, exist_ok=True)
    source = Path(photos[0]).parent
    mesh = trimesh.load_mesh(source / "truth.ply", process=False)
    shift = np.array([0.01, 0.02, 0.03])
    landmarks = np.array(json.loads((source / "landmarks3d.json").read_text())["points"])
    trimesh.Trimesh(mesh.vertices - shift, mesh.faces, process=False).export(out / f"{name}.glb")
    pose = None if cameras is None else np.column_stack([np.eye(3), shift]).tolist()
    (out / f"{name}.json").write_text(json.dumps({"now_landmarks": (landmarks - shift).tolist(), "world_from_head": pose}))
