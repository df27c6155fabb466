"""Flow between a drawing and a photo, and the geometry that turns it into displacement."""

from __future__ import annotations

import cv2
import numpy as np

from facestudio.geometry.camera import project
from facestudio.head.model import HeadModel
from facestudio.reconstruct.correspondence import FlowConfig, equalised, flow_both_ways, likeness, match
from facestudio.reconstruct.masks import bare_skin, skin_colour, skin_trust
from facestudio.reconstruct.photo import dull, plain, prepare_photo
from facestudio.reconstruct.sighting import Photo, sight, transfer
from facestudio.reconstruct.solve import projection
from tests.reconstruct.refine_scene import given_cameras, make_capture


def speckle(size: int = 160, seed: int = 0) -> np.ndarray:
    return np.asarray(
        cv2.GaussianBlur(np.random.default_rng(seed).normal(128, 60, (size, size)), (0, 0), 2.0) * 1.0, np.float32
    )


def test_flow_finds_a_shift_under_another_exposure() -> None:
    picture = 128 + 2.0 * (speckle() - 128)
    shifted = cv2.warpAffine(picture, np.array([[1.0, 0, 1.3], [0, 1, -0.6]]), (160, 160), borderMode=cv2.BORDER_REFLECT)
    brighter = 0.7 * shifted + 40.0
    forward, backward = flow_both_ways(*equalised(picture, brighter, np.ones_like(picture), 7.0), smoothness=20.0)
    inner = (slice(30, -30), slice(30, -30))
    np.testing.assert_allclose(np.median(forward[inner], axis=(0, 1)), [1.3, -0.6], atol=0.12)
    np.testing.assert_allclose(np.median(backward[inner], axis=(0, 1)), [-1.3, 0.6], atol=0.12)


def test_likeness_needs_no_flow(openhead: HeadModel) -> None:
    capture = make_capture(openhead, yaws=(0.0, 30.0))
    cameras = given_cameras(capture)
    photos = [prepare_photo(v, c, c, capture.truth, openhead, None, 0.8) for v, c in zip(capture.views, cameras, strict=True)]
    seen = [sight(p, c, capture.truth, openhead.faces) for p, c in zip(photos, cameras, strict=True)]
    assert seen[0] is not None
    assert seen[1] is not None
    given = [s for s in seen if s is not None], 0, 1, FlowConfig(), np.ones(len(openhead.faces), np.float32)
    alike = likeness(*given)
    assert alike == tuple(m.likeness for m in match(*given))
    assert alike[0] > 0.5


def test_projection_jacobian_is_the_numerical_one(openhead: HeadModel) -> None:
    camera = given_cameras(make_capture(openhead, yaws=(25.0,)))[0]
    points = openhead.template[::500].astype(np.float64)
    J, _ = projection(camera, points)
    for axis in range(3):
        step = np.zeros(3)
        step[axis] = 1e-6
        numeric = (project(camera, points + step) - project(camera, points - step)) / 2e-6
        np.testing.assert_allclose(J[:, :, axis], numeric, rtol=1e-5, atol=1e-4)


def test_a_surface_point_lands_where_the_other_camera_sees_it_and_hidden_ones_do_not(openhead: HeadModel) -> None:
    capture = make_capture(openhead)
    left, front, _ = given_cameras(capture)
    blank = np.zeros((260, 260), np.float32)
    a, b = (sight(Photo((), blank, blank, blank), c, capture.truth, openhead.faces) for c in (left, front))
    assert a is not None and b is not None
    warp = transfer(b, a, depth_margin_m=0.002)
    visible = warp.visible(steepest_cosine=0.1)
    rows, columns = np.nonzero(visible)
    some = slice(None, None, 97)
    expected = project(a.camera, b.points[rows[some], columns[some]].astype(np.float64))
    np.testing.assert_allclose(np.stack([warp.x, warp.y], -1)[rows[some], columns[some]], expected, atol=0.02)
    # The camera on the subject's left does not see the right side of the face.
    right_cheek = b.covered & (b.points[..., 0] < -0.055) & (b.points[..., 2] > 0)
    assert right_cheek.any()
    assert visible[right_cheek].mean() < 0.05


def test_a_camera_behind_the_head_or_beside_it_sees_nothing(openhead: HeadModel) -> None:
    capture = make_capture(openhead, yaws=(0.0,))
    camera = given_cameras(capture)[0]
    blank = np.zeros((260, 260), np.float32)
    assert sight(Photo((), blank, blank, blank), camera, capture.truth + np.array([2.0, 0.0, 0.0]), openhead.faces) is None
    assert sight(Photo((), blank, blank, blank), camera, capture.truth + np.array([0.0, 0.0, 3.0]), openhead.faces) is None


def test_skin_is_trusted_more_than_hair_and_background(openhead: HeadModel) -> None:
    picture = np.full((120, 160, 3), (200, 150, 130), np.uint8)
    picture[:40] = (40, 30, 25)
    picture = np.clip(picture + np.random.default_rng(0).normal(0, 3, picture.shape), 0, 255).astype(np.uint8)
    skin = np.zeros(picture.shape[:2], bool)
    skin[60:100, 50:110] = True
    foreground = np.ones(picture.shape[:2], np.float32)
    foreground[:, :30] = 0.0
    lips = np.zeros(foreground.shape, bool)
    lips[5:30, 90:110] = True
    trust = skin_trust(skin_colour(picture, skin), foreground, np.zeros_like(foreground), lips)
    assert trust[60:100, 50:110].mean() > 0.8
    assert trust[5:30, 50:84].mean() < 0.1
    assert trust[8:27, 94:106].mean() > 0.8  # of another colour, too, but lips
    assert trust[:, :20].max() == 0.0


def test_shine_of_white_light_changes_the_plain_reading_and_not_the_dull_one() -> None:
    linear = np.array([0.40, 0.22, 0.15])
    skin, shiny = (np.rint(255 * (linear + shine) ** (1 / 2.2)).astype(np.uint8).reshape(1, 1, 3) for shine in (0.0, 0.2))
    assert abs(float(plain(shiny)[0, 0]) - float(plain(skin)[0, 0])) > 30.0
    assert abs(float(dull(shiny)[0, 0]) - float(dull(skin)[0, 0])) < 2.0


def test_bare_skin_lies_on_the_front_below_the_eyes(openhead: HeadModel) -> None:
    chosen = openhead.template[openhead.faces[bare_skin(openhead, openhead.template.astype(np.float64))]].mean(1)
    eyes = (openhead.joint_regressor @ openhead.template)[3:5]
    assert len(chosen) > 100
    assert chosen[:, 1].max() < eyes[:, 1].mean()
    assert np.abs(chosen[:, 0]).max() < 0.06
