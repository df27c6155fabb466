"""True depth maps fuse to points on the true surface, in the true colours; what hangs in the air is thrown out."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from facestudio.errors import FitError
from facestudio.head.registration import closest_points
from facestudio.head.store import load_head
from facestudio.reconstruct.sfm.frames import Frame, Look, look, warped_depth
from facestudio.reconstruct.sfm.fuse import fuse, thinned
from facestudio.types import Float32Array, PointCloud
from tests.reconstruct.sfm.heads import orbit

YAWS = (-30.0, 0.0, 30.0)


def views(size: int = 96) -> tuple[list[Frame], list[Look], list[Float32Array]]:
    scene = orbit(YAWS, 192)
    frames = [
        Frame(p, c, m, v) for p, c, m, v in zip(scene.pictures, scene.cameras, scene.landmarks, scene.visible, strict=True)
    ]
    looks = [look(f, size, (d > 0).astype(np.float32)) for f, d in zip(frames, scene.depth, strict=True)]
    depths = [
        warped_depth(d.astype(np.float32), f.camera, k.camera) for d, f, k in zip(scene.depth, frames, looks, strict=True)
    ]
    looks = [replace(k, mask=k.mask & (d > 0)) for k, d in zip(looks, depths, strict=True)]
    return frames, looks, depths


def distances(cloud: PointCloud) -> np.ndarray:
    model = load_head("open")
    return closest_points(cloud.points, model.template, model.faces).distance


def test_the_cloud_of_true_depth_lies_on_the_head() -> None:
    cloud = fuse(*views())
    assert len(cloud.points) > 5000
    assert np.median(distances(cloud)) < 0.0006
    assert np.percentile(distances(cloud), 95) < 0.003
    assert cloud.views.max() == 3
    nose = cloud.points[:, 2] > cloud.points[:, 2].max() - 0.01
    assert cloud.normals[nose, 2].mean() > 0.6  # outwards
    assert np.linalg.norm(cloud.normals, axis=1) == pytest.approx(1.0, abs=1e-5)


def test_frames_that_agree_pull_a_wrong_one_and_outvote_its_outliers() -> None:
    frames, looks, depths = views()
    wrong = [depths[0], depths[1] - 0.004, depths[2]]
    hanging = wrong[1].copy()
    hanging[40:50, 40:50] -= 0.05  # a cloud in front of the face
    fused = distances(fuse(frames, looks, [wrong[0], hanging, wrong[2]]))
    alone = distances(fuse(frames[1:2], looks[1:2], [wrong[1]]))
    assert np.median(alone) == pytest.approx(0.004, abs=0.0012)
    assert np.median(fused) < 0.5 * np.median(alone)
    assert (fused > 0.02).sum() < 0.4 * 4 * 100  # of the four points that fusing makes of each of the hundred pixels


def test_no_mask_no_points_is_said() -> None:
    frames, looks, depths = views()
    with pytest.raises(FitError):
        fuse(frames, [replace(k, mask=np.zeros_like(k.mask)) for k in looks], depths)


def test_one_point_is_kept_per_cube() -> None:
    points = np.array([[0.0001, 0.0, 0.0], [0.0003, 0.0, 0.0], [0.0100, 0.0, 0.0]])
    up = np.tile([0.0, 0.0, 1.0], (3, 1))
    colours = np.array([[0, 0, 0], [90, 90, 90], [7, 8, 9]], np.uint8)
    cloud = thinned(points, up, np.array([1.0, 2.0, 1.0]), colours, np.array([1.0, 3.0, 1.0]), 0.001)
    assert len(cloud.points) == 2
    first = int(cloud.points[:, 0].argmin())
    assert cloud.points[first, 0] == pytest.approx((0.0001 + 2 * 0.0003) / 3, abs=1e-7)
    assert cloud.colours[first].tolist() == [60, 60, 60]
    assert cloud.views.tolist()[first] == 3
