"""Nine harmonics light a matt surface."""

from __future__ import annotations

import numpy as np
import torch

from facestudio.geometry.harmonics import COUNT, WHITE, basis, project, shade, terms, turned
from facestudio.geometry.rotations import exp_so3
from facestudio.types import Float64Array


def sphere(count: int) -> Float64Array:
    k = np.arange(count) + 0.5
    z, turn = 1.0 - 2.0 * k / count, np.pi * (1.0 + np.sqrt(5.0)) * k
    radius = np.sqrt(1.0 - z * z)
    return np.stack([radius * np.cos(turn), radius * np.sin(turn), z], axis=1)


def test_under_a_white_sky_every_surface_shows_its_albedo() -> None:
    light = np.zeros((COUNT, 1))
    light[0] = WHITE
    np.testing.assert_allclose(shade(sphere(50), light), 1.0, atol=1e-12)


def test_the_harmonics_are_orthonormal() -> None:
    H = basis(sphere(20_000))
    gram = 4.0 * np.pi * (H.T @ H) / len(H)
    np.testing.assert_allclose(gram, np.eye(COUNT), atol=2e-3)


def test_a_lamp_from_above_lights_as_the_clamped_cosine_does() -> None:
    """Against the integral itself: irradiance over pi of a half-bright sky, by summing the sphere."""
    directions = sphere(20_000)
    radiance = np.maximum(directions[:, 1:2], 0.0)  # bright above
    light = project(directions, radiance)
    for normal in (np.array([0.0, 1.0, 0.0]), np.array([1.0, 0.0, 0.0]), np.array([0.0, -0.6, 0.8])):
        cosine = np.maximum(directions @ normal, 0.0)
        exact = 4.0 * np.pi / len(directions) * (cosine @ radiance)[0] / np.pi
        assert abs(shade(normal, light)[0] - exact) < 0.02  # what degree 2 leaves out


def test_turning_light_and_surface_together_changes_nothing() -> None:
    rng = np.random.default_rng(0)
    light, R, normals = rng.normal(size=(COUNT, 3)), exp_so3(np.array([0.3, -0.8, 0.5])), sphere(30)
    np.testing.assert_allclose(shade(normals @ R.T, turned(light, R)), shade(normals, light), atol=1e-10)


def test_torch_and_numpy_agree_and_gradients_flow() -> None:
    normals = sphere(12)
    n = torch.tensor(normals, requires_grad=True)
    H = torch.stack(terms(n[:, 0], n[:, 1], n[:, 2]), dim=1)
    np.testing.assert_allclose(H.detach().numpy(), basis(normals), atol=1e-14)
    assert torch.autograd.gradcheck(lambda v: torch.stack(terms(v[:, 0], v[:, 1], v[:, 2]), 1), (n,))
