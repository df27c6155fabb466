from __future__ import annotations

import numpy as np

from facestudio.geometry.camera import project
from facestudio.geometry.frames import yaw_degrees
from facestudio.training.synth.webcams import detector_crop, orbit_camera, random_webcam

HEAD = np.array([[x, y, z] for x in (-0.07, 0.07) for y in (-0.1, 0.1) for z in (-0.02, 0.06)])


def test_webcams_stand_where_their_names_say_and_see_the_whole_head() -> None:
    for seed in range(60):
        rng = np.random.default_rng(seed)
        for yaw in (40.0, 0.0, -40.0):
            camera = random_webcam(yaw, HEAD.mean(0), rng)
            assert abs(yaw_degrees(camera)) <= 66.0
            if yaw:
                assert yaw_degrees(camera) * yaw > 0
            pixels = project(camera, HEAD)
            assert (pixels > -40).all()
            assert (pixels < [1320, 760]).all()
            assert 0.38 < np.linalg.norm(camera.centre - HEAD.mean(0)) < 1.1


def test_the_crop_holds_the_face_and_its_camera_is_the_frames() -> None:
    for seed in range(30):
        rng = np.random.default_rng(seed)
        frame = random_webcam(0.0, HEAD.mean(0), rng)
        crop = detector_crop(HEAD, frame, 128, rng)
        inside = project(crop.camera(frame), HEAD)
        np.testing.assert_allclose(inside, crop.to_crop(project(frame, HEAD)), atol=1e-6)
        assert (inside > 0).all()
        assert (inside < 127).all()


def test_an_orbits_camera_looks_at_the_middle() -> None:
    camera, crop = orbit_camera(30.0, HEAD.mean(0), 384)
    np.testing.assert_allclose(project(camera, HEAD.mean(0)), [191.5, 191.5], atol=1e-9)
    np.testing.assert_allclose(crop.camera(camera).K, camera.K)
    assert camera.K[0, 0] == 500.0
    np.testing.assert_allclose(yaw_degrees(camera), 30.0)
