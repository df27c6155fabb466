"""A tiny data set in "orbit" mode, made in a second: OpenHead with two identities, painted by place, circled by six cameras."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np

from facestudio.geometry.camera import project, screen
from facestudio.geometry.frames import yaw_degrees
from facestudio.geometry.rasterize import rasterize
from facestudio.head.dense import SCHEME
from facestudio.head.landmarks import embedding, on_surface
from facestudio.head.store import load_head
from facestudio.training.synth.shard import Shard, shard_path, write_description, write_shard
from tests.reconstruct.sfm.heads import orbit_camera

YAWS = (50.0, 30.0, 10.0, -10.0, -30.0, -50.0)


def made_shard(subjects: tuple[int, ...], size: int = 128, mean_head: bool = False) -> Shard:
    """One shard. mean_head: all subjects have the average head's shape."""
    model = load_head("open")
    table: dict[str, list[object]] = {
        name: [] for name in ("jpeg", "subject", "view", "K", "R", "t", "marks", "seen", "depth", "yaw", "b")
    }
    for subject in subjects:
        rng = np.random.default_rng(subject)
        identity = np.zeros(model.identity_basis.shape[2])
        identity[:20] = 0.0 if mean_head else rng.standard_normal(20)
        vertices = model.template + model.identity_basis @ identity
        paint = 0.5 + 0.2 * np.cos(np.einsum("vx,xcw->vcw", vertices, 60.0 * rng.standard_normal((3, 3, 2)))).sum(2)
        points = on_surface(vertices, model.faces, embedding(model, SCHEME))
        for view, yaw in enumerate(YAWS):
            camera = orbit_camera(yaw, size=size)
            drawn = rasterize(screen(camera, vertices), model.faces, size, size)
            inside = drawn.pix_to_face >= 0
            colours = np.einsum("hwk,hwkc->hwc", drawn.bary, paint[model.faces[np.maximum(drawn.pix_to_face, 0)]])
            picture = np.where(inside[..., None], np.clip(255 * colours, 0, 255), 40).astype(np.uint8)
            at = screen(camera, points)
            column, row = np.clip(np.rint(at[:, :2]), 0, size - 1).astype(int).T
            depth = np.where(inside, drawn.zbuf, 0.0)
            table["jpeg"].append(cv2.imencode(".jpg", picture[..., ::-1], [cv2.IMWRITE_JPEG_QUALITY, 95])[1].ravel())
            values = (
                subject,
                view,
                camera.K,
                camera.R,
                camera.t,
                project(camera, points),
                at[:, 2] < depth[row, column] + 0.004,
            )
            for name, value in zip(("subject", "view", "K", "R", "t", "marks", "seen"), values, strict=True):
                table[name].append(value)
            for name, value in (("depth", depth), ("yaw", yaw_degrees(camera)), ("b", identity)):
                table[name].append(value)
    codes = [np.asarray(c, np.uint8) for c in table["jpeg"]]
    n = len(codes)
    visible = np.stack([np.asarray(s) for s in table["seen"]])
    return Shard(
        jpeg=np.concatenate(codes),
        offsets=np.cumsum([0, *map(len, codes)]).astype(np.int64),
        subject=np.array(table["subject"], np.int64),
        view=np.array(table["view"], np.int16),
        yaw_deg=np.array(table["yaw"], np.float32),
        identity=np.array(table["b"], np.float32),
        expression=np.zeros((n, len(model.expression_names)), np.float32),
        pose=np.zeros((n, len(model.parents), 3), np.float32),
        K=np.array(table["K"], np.float64),
        R=np.array(table["R"], np.float64),
        t=np.array(table["t"], np.float64),
        frame_K=np.array(table["K"], np.float64),
        frame_size=np.full((n, 2), size, np.int32),
        distortion=np.zeros((n, 5), np.float32),
        landmarks=np.array(table["marks"], np.float32),
        visible=visible,
        covered=np.zeros_like(visible),
        light=np.zeros((n, 27), np.float32),
        maps={"depth": np.array(table["depth"], np.float16)},
    )


def made_orbits(folder: Path, size: int = 128, mean_head: bool = False) -> Path:
    """Four heads in two shards."""
    write_description(folder, {"mode": "orbit", "size": size})
    for number, subjects in enumerate(((1, 2), (3, 4))):
        write_shard(shard_path(folder, number), made_shard(subjects, size, mean_head))
    return folder
