"""A made data set of triplets: heads with known codes before known cameras, on flat pictures. No renderer needed."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import cv2
import numpy as np

from facestudio.geometry.camera import project
from facestudio.geometry.rotations import exp_so3
from facestudio.head.landmarks import embedding, on_surface
from facestudio.head.model import HeadModel
from facestudio.head.posing import PosedHead
from facestudio.training.synth.shard import SCHEMA, Shard, shard_path, write_shard
from facestudio.types import Camera

SIDE = 96


def made_shard(model: HeadModel, subjects: int, seed: int = 0) -> Shard:
    """Subjects with a bent neck and an open jaw; pictures: a colour for each view and a bright square at the nose."""
    rng = np.random.default_rng(seed)
    identity = rng.normal(size=(subjects, model.identity_basis.shape[2])).astype(np.float32)
    expression = np.zeros((subjects, model.expression_basis.shape[2]), np.float32)
    pose = np.zeros((subjects, 5, 3), np.float32)
    pose[:, 1], pose[:, 2] = rng.normal(0, 0.06, (subjects, 3)), [0.1, 0.02, 0.0]
    dense = embedding(model, "dense800")
    rows: dict[str, list[Any]] = {k: [] for k in ("jpeg", "K", "R", "t", "landmarks")}
    for s in range(subjects):
        vertices = PosedHead(model, model.template + model.identity_basis @ identity[s]).vertices(expression[s], pose[s])
        points = on_surface(vertices, model.faces, dense)
        for view, yaw in enumerate((40.0, 0.0, -40.0)):
            R = np.diag([1.0, -1.0, -1.0]) @ exp_so3(np.radians([3.0, -yaw, 0.0]))
            K = np.array([[190.0, 0, 44.0 + 6 * view], [0, 190.0, 48.0], [0, 0, 1]])
            camera = Camera(K, R, np.array([0.0, 0.0, 0.6]) - R @ points.mean(0), SIDE, SIDE)
            marks = project(camera, points)
            picture = np.full((SIDE, SIDE, 3), (40 + 60 * view, 90, 120), np.uint8)
            nose = marks[30].astype(int)
            cv2.rectangle(picture, tuple(map(int, nose - 4)), tuple(map(int, nose + 4)), (250, 250, 250), -1)
            rows["jpeg"].append(cv2.imencode(".jpg", picture)[1].ravel())
            for name, value in (("K", K), ("R", R), ("t", camera.t), ("landmarks", marks)):
                rows[name].append(value)
    count = 3 * subjects
    light = np.tile(np.arange(27, dtype=np.float32) / 10.0, (count, 1))
    return Shard(
        jpeg=np.concatenate(rows["jpeg"]),
        offsets=np.cumsum([0, *map(len, rows["jpeg"])]).astype(np.int64),
        subject=np.repeat(np.arange(subjects) + 1000, 3),
        view=np.tile([0, 1, 2], subjects).astype(np.int16),
        yaw_deg=np.tile([40, 0, -40], subjects).astype(np.float32),
        identity=identity.repeat(3, 0),
        expression=expression.repeat(3, 0),
        pose=pose.repeat(3, 0),
        K=np.stack(rows["K"]),
        R=np.stack(rows["R"]),
        t=np.stack(rows["t"]),
        frame_K=np.tile(np.array([[1900.0, 0, 640], [0, 1900.0, 360], [0, 0, 1]]), (count, 1, 1)),
        frame_size=np.tile([1280, 720], (count, 1)),
        distortion=np.zeros((count, 5), np.float32),
        landmarks=np.stack(rows["landmarks"]).astype(np.float32),
        visible=np.ones((count, 800), bool),
        covered=np.zeros((count, 800), bool),
        light=light,
        maps={},
    )


def made_dataset(folder: Path, model: HeadModel, subjects: int = 6) -> Path:
    """A folder of one shard."""
    folder.mkdir()
    (folder / "dataset.json").write_text(json.dumps({"schema": SCHEMA, "mode": "triplets", "size": SIDE}))
    write_shard(shard_path(folder, 0), made_shard(model, subjects))
    return folder
