"""The square around a face: there and back."""

from __future__ import annotations

import numpy as np
import pytest

from facestudio.geometry.camera import project
from facestudio.landmarks.crop import crop_square, warp
from facestudio.types import Camera


def test_points_go_to_the_crop_and_back() -> None:
    points = np.array([[100.0, 50.0], [180.0, 170.0], [140.5, 90.25]])
    crop = crop_square(points, 128)
    assert crop.side == pytest.approx(1.6 * 120)
    assert np.allclose(crop.to_picture(crop.to_crop(points)), points)
    assert np.allclose(crop.to_crop(crop.centre), 63.5)
    assert np.allclose(crop_square(np.array([100.0, 50.0, 180.0, 170.0]), 128).affine, crop.affine)


@pytest.mark.parametrize("size", [32, 128, 400])
def test_a_blob_is_where_the_crop_says(size: int) -> None:
    y, x = np.mgrid[:240, :320]
    picture = np.repeat(np.exp(-((x - 150.3) ** 2 + (y - 101.6) ** 2) / 60.0)[..., None] * 255, 3, axis=2).astype(np.uint8)
    crop = crop_square(np.array([80.0, 40.0, 180.0, 160.0]), size)
    cut = warp(picture, crop)[..., 0].astype(np.float64)
    v, u = np.mgrid[:size, :size]
    found = np.array([(u * cut).sum(), (v * cut).sum()]) / cut.sum()
    assert np.allclose(crop.to_picture(found), [150.3, 101.6], atol=0.35)


def test_beyond_the_picture_the_border_goes_on() -> None:
    picture = np.full((40, 40, 3), 77, np.uint8)
    assert (warp(picture, crop_square(np.array([-60.0, -60.0, 30.0, 30.0]), 16)) == 77).all()
    assert (warp(picture, crop_square(np.array([500.0, 500.0, 900.0, 900.0]), 16)) == 77).all()


def test_the_crop_s_camera_projects_into_the_crop() -> None:
    camera = Camera(np.array([[900.0, 0, 640], [0, 900, 360], [0, 0, 1]]), np.eye(3), np.array([0, 0, 0.6]), 1280, 720)
    points = np.array([[0.01, 0.02, 0.0], [-0.05, 0.08, 0.03]])
    crop = crop_square(np.array([500.0, 200.0, 700.0, 420.0]), 160)
    assert np.allclose(project(crop.camera(camera), points), crop.to_crop(project(camera, points)))


def test_a_box_without_extent_is_refused() -> None:
    with pytest.raises(ValueError, match="cut out"):
        crop_square(np.array([5.0, 5.0, 5.0, 5.0]))
