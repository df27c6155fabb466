"""What is judged: a written head read back from its files, and the mean head that every result is shown beside."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import trimesh

from facestudio.errors import DatasetError
from facestudio.evaluate.now import checked_landmarks
from facestudio.export.head_json import now_landmarks
from facestudio.head.model import HeadModel
from facestudio.types import Float64Array, Mesh

_REMEDY = "Reconstruct the head again."
_RIGID_TOLERANCE = 1e-4


@dataclass(frozen=True)
class Prediction:
    """A head as any scorer sees it.

    mesh: metres, the head's own frame. landmarks: (7, 3) float64, the NoW points in that frame.
    world_from_head: (4, 4) float64, rigid, metres, head frame to the frame of the given cameras; None when uncalibrated.
    """

    mesh: Mesh
    landmarks: Float64Array
    world_from_head: Float64Array | None = None


def read_prediction(glb: Path) -> Prediction:
    """Read NAME.glb and the NAME.json beside it.

    The mesh is what the file holds, not what was in memory when it was written, so that another scorer sees the same.
    Raises DatasetError when a file is missing or damaged, or the landmarks are absent.
    """
    record = _read_record(glb.with_suffix(".json"))
    if record.get("now_landmarks") is None:
        raise DatasetError(f"{glb.stem}.json holds no `now_landmarks`, the 7 points that place the head on a scan.", _REMEDY)
    try:
        landmarks = np.asarray(record["now_landmarks"], dtype=np.float64)
        pose = _rigid(record.get("world_from_head"))
    except (TypeError, ValueError, KeyError) as error:
        raise DatasetError(
            f"{glb.stem}.json holds landmarks or a pose that are not numbers in the right shape ({error}).", _REMEDY
        ) from error
    return Prediction(read_mesh(glb), checked_landmarks(landmarks), pose)


def read_mesh(path: Path) -> Mesh:
    """All triangles of a mesh file (GLB, PLY, …) as one mesh: vertices (V, 3) float64 in the file's unit, faces (F, 3) int64.

    Vertices are neither merged nor reordered. A scene's nodes are placed by their transforms; textures are not decoded.
    Raises DatasetError when the file cannot be read or has no triangles.
    """
    try:
        scene = trimesh.load_scene(path, process=False)
        parts = [_placed(scene, node) for node in scene.graph.nodes_geometry]
    except Exception as error:  # trimesh's readers raise whatever the damaged bytes lead to
        raise DatasetError(f"The mesh {path.name} cannot be read ({type(error).__name__}: {error}).", _REMEDY) from error
    parts = [part for part in parts if len(part.faces)]
    if not parts:
        raise DatasetError(f"The mesh {path.name} has no triangles.", _REMEDY)
    starts = np.cumsum([0, *(len(part.vertices) for part in parts)])
    faces = np.concatenate([part.faces + start for part, start in zip(parts, starts[:-1], strict=True)])
    return Mesh(np.concatenate([part.vertices for part in parts]), faces)


def mean_head(model: HeadModel) -> Prediction:
    """The head model's template as if it had been predicted: what a method that looks at no photo would say."""
    vertices = np.asarray(model.template, dtype=np.float64)
    landmarks = now_landmarks(model, vertices)
    if landmarks is None:
        raise DatasetError(
            f"The head model {model.name} does not know the 7 NoW points, so its heads cannot be placed on a scan.",
            "Import the model again with `facestudio models import`.",
        )
    return Prediction(Mesh(vertices, model.faces.astype(np.int64)), checked_landmarks(landmarks))


def _placed(scene: trimesh.Scene, node: str) -> Mesh:
    transform, name = scene.graph[node]
    part = scene.geometry[name]
    faces = np.asarray(getattr(part, "faces", np.zeros((0, 3))), dtype=np.int64)
    vertices = np.asarray(part.vertices, dtype=np.float64)
    return Mesh(vertices @ transform[:3, :3].T + transform[:3, 3], faces)


def _read_record(path: Path) -> dict[str, object]:
    try:
        record = json.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise DatasetError(f"{path.name} cannot be read ({error.strerror}).", _REMEDY) from error
    except ValueError as error:
        raise DatasetError(f"{path.name} is not a JSON file ({error}).", _REMEDY) from error
    if not isinstance(record, dict):
        raise DatasetError(f"{path.name} does not hold the record of a head.", _REMEDY)
    return record


def _rigid(value: object) -> Float64Array | None:
    """A pose as (4, 4), from a matrix (3, 4) or (4, 4) or from {"R": (3, 3), "t": (3,)}; None stays None."""
    if value is None:
        return None
    pose = np.eye(4)
    if isinstance(value, dict):
        pose[:3, :3], pose[:3, 3] = np.asarray(value["R"], np.float64), np.asarray(value["t"], np.float64)
    else:
        matrix = np.asarray(value, dtype=np.float64)
        if matrix.shape not in ((3, 4), (4, 4)):
            raise ValueError(f"world_from_head has shape {matrix.shape}, expected (4, 4)")
        pose[:3] = matrix[:3]
    if not np.allclose(pose[:3, :3] @ pose[:3, :3].T, np.eye(3), atol=_RIGID_TOLERANCE) or np.linalg.det(pose[:3, :3]) < 0:
        raise ValueError("world_from_head does not hold a rotation")
    return pose
