"""The crop's camera in closed form, and the pose of the average head."""

from __future__ import annotations

import numpy as np
import torch
from torch.autograd import gradcheck

from facestudio.geometry.rotations import exp_so3
from facestudio.head.model import HeadModel
from facestudio.head.store import load_head
from facestudio.landmarks.crop import Crop
from facestudio.reconstruct.mfnet.align import align
from facestudio.reconstruct.mfnet.network import MFNetConfig, mfnet_for
from facestudio.reconstruct.mfnet.perspective import camera_code, project, rotation, straight, translation
from facestudio.types import Camera

SIDE = 128


def cameras(count: int, spread: float = 60.0) -> torch.Tensor:
    K = torch.tensor([[420.0, 0, 63.5], [0, 420.0, 63.5], [0, 0, 1]]).repeat(count, 1, 1)
    K[:, 0, 2] += torch.linspace(-spread, spread, count)
    return K


def test_rotations_are_rodrigues_and_differentiable_at_zero() -> None:
    w = np.array([0.4, -1.1, 0.3])
    np.testing.assert_allclose(rotation(torch.from_numpy(w)).numpy(), exp_so3(w), atol=1e-12)
    assert gradcheck(rotation, (torch.zeros(2, 3, dtype=torch.float64).requires_grad_(),))
    assert gradcheck(rotation, (torch.tensor([[0.4, -1.1, 0.3]], dtype=torch.float64).requires_grad_(),))


def test_the_code_is_what_the_crop_shows_and_the_camera_follows_from_it() -> None:
    K, t = cameras(5), torch.tensor([0.03, -0.02, 0.55]).repeat(5, 1)
    code = camera_code(t, K, SIDE)
    torch.testing.assert_close(translation(code, K, SIDE), t)
    origin = project(torch.zeros(5, 1, 3), K, torch.eye(3).repeat(5, 1, 1), t)[:, 0, :2]
    torch.testing.assert_close(code[:, 1:] * SIDE + 63.5, origin, atol=1e-3, rtol=0)


def test_the_full_photo_s_camera_is_the_same_r_and_t_with_the_photo_s_k() -> None:
    frame = Camera(np.array([[900.0, 0, 640], [0, 900.0, 355], [0, 0, 1]]), np.eye(3), np.array([0.2, 0.05, 0.6]), 1280, 720)
    crop = Crop(np.array([930.0, 420.0]), 300.0, SIDE)
    K = torch.from_numpy(crop.camera(frame).K)[None]
    t = translation(camera_code(torch.from_numpy(frame.t)[None], K, SIDE), K, SIDE)
    np.testing.assert_allclose(t[0].numpy(), frame.t, atol=1e-12)


def test_a_face_that_looks_along_the_ray_to_the_crop_looks_straight() -> None:
    K = cameras(3).double()
    R = straight(K, SIDE)
    forward = -R[:, :, 2]  # minus the head's +Z, in camera axes: from the nose inwards, along the line of sight
    ray = torch.stack([(63.5 - K[:, 0, 2]) / K[:, 0, 0], (63.5 - K[:, 1, 2]) / K[:, 1, 1], torch.ones(3).double()], 1)
    torch.testing.assert_close(forward, ray / ray.norm(dim=1, keepdim=True), atol=1e-9, rtol=0)
    torch.testing.assert_close(torch.linalg.det(R), torch.ones(3).double())


def model() -> HeadModel:
    return load_head("open")


def skin() -> tuple[torch.Tensor, torch.Tensor]:
    """The average head's dense landmarks on the face, (U, 3) metres, and their normals."""
    net = mfnet_for(model())
    assert net.points is not None
    return net.points.mean, net.normals


def test_the_average_head_s_pose_is_found_from_nothing() -> None:
    mean, normals = skin()
    K = cameras(9)
    turn = torch.zeros(9, 3)
    turn[:, 1] = torch.linspace(-1.0, 1.0, 9)  # up to 57 degrees
    turn[:, 0] = 0.15
    R = rotation(turn) @ straight(K, SIDE)
    t = translation(torch.tensor([0.05, 0.04, -0.03]).repeat(9, 1), K, SIDE)
    seen = project(mean.expand(9, -1, -1), K, R, t)[..., :2]
    found = align(seen, K, mean, normals)
    assert float((found.R - R).abs().max()) < 1e-4
    assert float((found.t - t).abs().max()) < 1e-4
    assert float(found.residual.abs().max()) < 1e-2


def test_the_residual_is_the_shape_in_millimetres_and_hidden_landmarks_say_nothing() -> None:
    mean, normals = skin()
    K = cameras(1, 0.0)
    R, t = straight(K, SIDE), torch.tensor([[0.0, 0.0, 0.6]])
    moved = mean.clone()
    tip = int(mean[:, 2].argmax())
    moved[tip, 0] += 0.003  # a nose tip 3 mm to the subject's left: the picture's right
    found = align(project(moved.expand(1, -1, -1), K, R, t)[..., :2], K, mean, normals)
    assert 2.5 < float(found.residual[0, tip, 0]) < 3.6
    assert float(found.residual[0].abs().median()) < 0.1
    hidden = found.weight[0] == 0
    assert bool((found.residual[0, hidden] == 0).all())


def test_before_training_the_network_says_the_average_head_straight_ahead() -> None:
    config = MFNetConfig(landmarks=False, side=64, map_channels=0)
    net = mfnet_for(model(), config).eval()
    with torch.no_grad():
        said = net(torch.rand(2, 3, 3, 64, 64), cameras(6, 0.0).reshape(2, 3, 3, 3))
    assert float(said.identity.abs().max()) < 0.5
    assert said.R.shape == (2, 3, 3, 3)
    assert float((said.R[..., 2, 2] + 1).abs().max()) < 0.05
    assert said.light.shape == (2, 3, 9, 3)
