"""The virtual camera sees what the real one saw, from the same place."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from facestudio.geometry.camera import project, to_camera
from facestudio.landmarks.crop import Crop
from facestudio.reconstruct.sfm.frames import (
    Frame,
    homography,
    hull_mask,
    look,
    looking_at,
    moved_points,
    warped_depth,
    without_distortion,
)
from facestudio.types import Camera
from tests.reconstruct.sfm.heads import basis, orbit, orbit_camera


def webcam() -> Camera:
    """A whole webcam frame with the head far to the upper left."""
    K = np.array([[900.0, 0, 650.0], [0, 900.0, 350.0], [0, 0, 1]])
    return Camera(K, orbit_camera(10.0).R, np.array([-0.15, -0.08, 0.6]), 1280, 720)


def test_the_virtual_camera_looks_at_the_middle_of_the_square_from_the_same_place() -> None:
    camera = webcam()
    virtual = looking_at(camera, Crop(np.array([400.0, 250.0]), 300.0, 96))
    assert virtual.centre == pytest.approx(camera.centre, abs=1e-12)
    to = homography(camera, virtual)
    assert moved_points(to, np.array([[400.0, 250.0]]))[0] == pytest.approx([47.5, 47.5])
    side = moved_points(to, np.array([[399.5, 250.0], [400.5, 250.0]]))
    assert np.linalg.norm(side[1] - side[0]) == pytest.approx(96 / 300, rel=0.06)


def test_the_homography_agrees_with_projecting_points_at_any_depth() -> None:
    camera = webcam()
    virtual = looking_at(camera, Crop(np.array([400.0, 250.0]), 300.0, 96))
    points = basis().mean
    assert moved_points(homography(camera, virtual), project(camera, points)) == pytest.approx(
        project(virtual, points), abs=1e-9
    )


def test_depth_is_told_along_the_virtual_axis() -> None:
    scene = orbit((20.0,), 128)
    camera = scene.cameras[0]
    virtual = looking_at(camera, Crop(np.array([80.0, 50.0]), 90.0, 90))
    depth = warped_depth(scene.depth[0].astype(np.float32), camera, virtual)
    seen = scene.visible[0] & (np.abs(project(virtual, basis().mean) - 44.5) < 40).all(1)
    column, row = np.rint(project(virtual, basis().mean)[seen]).astype(int).T
    error = depth[row, column] - to_camera(virtual, basis().mean)[seen, 2]
    assert np.median(np.abs(error)) < 0.002
    assert (depth[0] == 0).all()  # the background stays "none"


def test_a_look_cuts_the_face_and_its_landmarks_alike() -> None:
    scene = orbit((0.0,), 192)
    marks = scene.landmarks[0]
    seen = look(Frame(scene.pictures[0], scene.cameras[0], marks), 96)
    assert seen.picture.shape == (96, 96, 3)
    assert seen.landmarks == pytest.approx(project(seen.camera, basis().mean), abs=1e-9)
    low, high = seen.landmarks.min(0), seen.landmarks.max(0)
    assert (high - low).max() == pytest.approx(96 / 1.6, rel=0.03)
    assert bool(seen.mask[48, 48])
    assert not bool(seen.mask[2, 2])
    # The colour at the nose's tip is the same one in both pictures.
    nose = int(basis().mean[:, 2].argmax())
    a = scene.pictures[0][tuple(np.rint(marks[nose]).astype(int)[::-1])].astype(int)
    b = seen.picture[tuple(np.rint(seen.landmarks[nose]).astype(int)[::-1])].astype(int)
    assert np.abs(a - b).max() < 40


def test_a_mask_with_a_foreground_reaches_beyond_the_landmarks_but_not_into_the_background() -> None:
    scene = orbit((0.0,), 192)
    person = (scene.depth[0] > 0).astype(np.float32)
    frame = Frame(scene.pictures[0], scene.cameras[0], scene.landmarks[0])
    with_person, alone = look(frame, 96, person), look(frame, 96)
    depth = warped_depth(scene.depth[0].astype(np.float32), scene.cameras[0], with_person.camera)
    assert with_person.mask.sum() > alone.mask.sum()
    assert (depth[with_person.mask] > 0).mean() > 0.97


def test_lens_distortion_is_undone_before_anything_else() -> None:
    camera = replace(webcam(), distortion=np.array([-0.2, 0.05, 0.001, -0.001, 0.0]))
    points = basis().mean
    frame = without_distortion(np.zeros((720, 1280, 3), np.uint8), camera, project(camera, points))
    assert not np.any(frame.camera.distortion)
    assert frame.landmarks == pytest.approx(project(frame.camera, points), abs=0.05)


def test_the_hull_of_a_square_is_the_square() -> None:
    mask = hull_mask(np.array([[2.0, 2.0], [6.0, 2.0], [6.0, 6.0], [2.0, 6.0], [4.0, 4.0]]), 10)
    assert mask.sum() == 25
