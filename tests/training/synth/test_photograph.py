from __future__ import annotations

import cv2
import numpy as np
import pytest

from facestudio.geometry.camera import project, to_camera
from facestudio.head.dense import dense_ids
from facestudio.head.posing import PosedHead
from facestudio.training.synth.dress import Wearer
from facestudio.training.synth.factory import FactoryConfig, Taken, make_subject, pack
from facestudio.training.synth.shard import Shard
from facestudio.types import Camera

SIZE = 96


@pytest.fixture(scope="module")
def taken(wearer: Wearer) -> list[Taken]:
    config = FactoryConfig(seed=5, subjects=2, size=SIZE, maps=True)
    return [t for number in range(2) for t in make_subject(wearer, config, number)]


@pytest.fixture(scope="module")
def shard(taken: list[Taken]) -> Shard:
    return pack(taken)


def camera_of(shard: Shard, i: int) -> Camera:
    return Camera(shard.K[i], shard.R[i], shard.t[i], SIZE, SIZE, shard.distortion[i].astype(float))


def head_of(wearer: Wearer, shard: Shard, i: int) -> np.ndarray:
    rest = wearer.model.template + wearer.model.identity_basis @ shard.identity[i]
    return PosedHead(wearer.model, rest).vertices(shard.expression[i], shard.pose[i]).astype(float)


def test_landmarks_are_where_the_parameters_and_the_camera_say(wearer: Wearer, shard: Shard) -> None:
    ids = dense_ids(wearer.model)
    for i in range(len(shard)):
        want = project(camera_of(shard, i), head_of(wearer, shard, i)[ids])
        np.testing.assert_allclose(shard.landmarks[i], want, atol=1e-3)


def test_views_show_the_sides_they_are_named_after(wearer: Wearer, shard: Shard) -> None:
    assert list(shard.view) == [0, 1, 2, 0, 1, 2]
    left_side = wearer.model.template[dense_ids(wearer.model), 0] > 0.02
    seen = shard.visible[:, left_side].mean(1) - shard.visible[:, ~left_side].mean(1)
    assert (seen[[0, 3]] > 0.1).all()
    assert (seen[[2, 5]] < -0.05).all()
    assert (shard.yaw_deg[[0, 3]] > 15).all()
    assert (shard.yaw_deg[[2, 5]] < -15).all()


def test_visible_landmarks_lie_on_the_depth_map_and_hidden_ones_behind_it(wearer: Wearer, shard: Shard) -> None:
    ids = dense_ids(wearer.model)
    for i in range(len(shard)):
        depth = to_camera(camera_of(shard, i), head_of(wearer, shard, i)[ids])[:, 2]
        x, y = np.rint(shard.landmarks[i]).astype(int).clip(0, SIZE - 1).T
        surface = shard.maps["depth"][i][y, x].astype(float)
        on = shard.visible[i] & (surface > 0)
        assert on.sum() > 200
        assert np.median(np.abs(depth[on] - surface[on])) < 0.001
        outside = (np.abs(shard.landmarks[i] - (SIZE - 1) / 2) > SIZE / 2).any(1)
        assert not shard.visible[i][outside].any()
        behind = (surface > 0) & (depth > surface + 0.02) & ~outside
        assert shard.visible[i][behind].mean() < 0.1


def test_the_crop_is_a_window_of_the_frame(shard: Shard) -> None:
    for i in range(len(shard)):
        zoom = shard.K[i, 0, 0] / shard.frame_K[i, 0, 0]
        np.testing.assert_allclose(shard.K[i, 1, 1], zoom * shard.frame_K[i, 1, 1])
        side = SIZE / zoom
        assert 120 < side < 1000
        assert shard.frame_size[i].tolist() == [1280, 720]
        # The face fills the share of its crop that a detector's box gives it.
        on = shard.landmarks[i][shard.visible[i]]
        assert 0.4 * SIZE < np.ptp(on, axis=0).max() < 1.0 * SIZE


def test_pictures_show_a_lit_face_not_its_background(shard: Shard) -> None:
    for i in range(len(shard)):
        picture = shard.picture(i)
        assert picture.shape == (SIZE, SIZE, 3)
        face = picture[shard.maps["parts"][i] == 1]
        assert len(face) > 300
        assert 20 < face.mean() < 245
        assert face[:, 0].mean() > face[:, 2].mean() - 25  # RGB, not BGR: skin is redder than blue, but for blue light


def test_maps_agree_with_each_other(wearer: Wearer, shard: Shard) -> None:
    depth, normals, uv = (shard.maps[k] for k in ("depth", "normals", "uv"))
    head = depth > 0
    assert (np.abs(np.linalg.norm(normals[head].astype(float) / 127, axis=-1) - 1) < 0.03).all()
    assert not normals[~head].any()
    assert ((uv[head] >= 0) & (uv[head] <= 1)).all()
    assert set(np.unique(shard.maps["parts"])) <= {0, *range(1, len(wearer.model.part_names) + 1), 200, 201, 202, 203, 204}


def test_the_stored_bytes_are_jpegs(taken: list[Taken]) -> None:
    for t in taken:
        decoded = cv2.imdecode(t.photo.jpeg, cv2.IMREAD_COLOR)[..., ::-1].astype(float)
        assert np.abs(decoded - t.photo.picture).mean() < 12


def test_an_orbit_goes_around_one_person_with_one_camera(wearer: Wearer) -> None:
    shard = pack(make_subject(wearer, FactoryConfig(seed=6, mode="orbit", size=64, frames=5, sweep=40.0), 0))
    np.testing.assert_allclose(shard.yaw_deg, [40, 20, 0, -20, -40], atol=1e-3)
    assert len(np.unique(shard.subject)) == 1
    np.testing.assert_allclose(shard.K, np.tile(shard.K[0], (5, 1, 1)))
    np.testing.assert_allclose(shard.K[0, 0, 0], 500 * 64 / 384)
    assert np.ptp(shard.light, axis=0).max() == 0.0
