"""Vertices from coefficients: the same as smplx's FLAME, quickly, and differentiable."""

from __future__ import annotations

import pickle
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from facestudio.head.decoder import Decoder
from facestudio.head.model import HeadModel


@pytest.fixture(scope="module")
def full(flame: HeadModel, flame_arrays: dict[str, Any]) -> HeadModel:
    """FLAME with 300 identity components (the last 240 zero) and 100 made-up expressions."""
    shapedirs = flame_arrays["shapedirs"].astype(np.float32)
    names = tuple(f"e{i}" for i in range(100))
    return replace(flame, identity_basis=shapedirs[:, :, :300], expression_basis=shapedirs[:, :, 300:], expression_names=names)


@pytest.fixture(scope="module")
def decoder(full: HeadModel) -> Decoder:
    return Decoder(full)


@pytest.fixture(scope="module")
def peer(flame_arrays: dict[str, Any], tmp_path_factory: pytest.TempPathFactory) -> Any:
    """smplx's own FLAME class, reading the files it asks for."""
    smplx = pytest.importorskip("smplx")
    folder = tmp_path_factory.mktemp("smplx")
    (folder / "FLAME_NEUTRAL.pkl").write_bytes(pickle.dumps(flame_arrays))
    landmarks = {"lmk_face_idx": np.arange(51), "lmk_b_coords": np.full((51, 3), 1 / 3)}
    (folder / "flame_static_embedding.pkl").write_bytes(pickle.dumps(landmarks))
    return smplx.FLAME(str(folder), num_betas=300, num_expression_coeffs=100)


@pytest.mark.parametrize("seed", range(6))
def test_agrees_with_smplx_to_a_micrometre(decoder: Decoder, peer: Any, seed: int) -> None:
    rng = np.random.default_rng(seed)
    identity, expression = rng.normal(0, 1, 300), rng.normal(0, 1, 100)
    pose, translation = rng.normal(0, 0.4, (5, 3)), rng.normal(0, 0.3, 3)

    def row(values: Any) -> torch.Tensor:
        return torch.tensor(np.asarray(values)[None], dtype=torch.float32)

    with torch.no_grad():
        expected = (
            peer(
                betas=row(identity),
                expression=row(expression),
                global_orient=row(pose[0]),
                neck_pose=row(pose[1]),
                jaw_pose=row(pose[2]),
                leye_pose=row(pose[3]),
                reye_pose=row(pose[4]),
                transl=row(translation),
            )
            .vertices[0]
            .numpy()
        )
    ours = decoder.decode(identity, expression, pose, translation)
    assert np.abs(ours - decoder.model.template).max() > 0.05  # the head did move
    assert np.abs(ours - expected).max() < 1e-6


def test_the_numpy_path_is_the_posed_one_at_rest(decoder: Decoder) -> None:
    rng = np.random.default_rng(1)
    identity, expression = rng.normal(0, 1, 300), rng.normal(0, 1, 100)
    np.testing.assert_allclose(
        decoder.shape(identity, expression), decoder.decode(identity, expression, np.zeros((5, 3))), atol=2e-7
    )


def test_no_coefficients_give_the_template(decoder: Decoder) -> None:
    np.testing.assert_array_equal(decoder.shape(np.zeros(0)), decoder.model.template.astype(np.float64))


def test_missing_coefficients_are_zero(decoder: Decoder) -> None:
    few, expression = np.array([0.5, -1.0]), np.array([2.0])
    padded = decoder.shape(np.append(few, np.zeros(298)), np.append(expression, np.zeros(99)))
    np.testing.assert_array_equal(decoder.shape(few, expression), padded)
    vertices, _ = decoder.forward(
        torch.tensor(few[None], dtype=torch.float32), torch.tensor(expression[None], dtype=torch.float32)
    )
    np.testing.assert_allclose(vertices[0].numpy(), padded, atol=2e-7)


def test_a_translation_alone_moves_the_head(decoder: Decoder) -> None:
    moved = decoder.decode(np.zeros(3), translation=np.array([0.1, 0.2, 0.3]))
    np.testing.assert_allclose(moved - decoder.model.template, np.broadcast_to([0.1, 0.2, 0.3], moved.shape), atol=1e-6)


def test_turning_the_root_turns_the_head_rigidly_about_its_joint(decoder: Decoder) -> None:
    identity = np.random.default_rng(2).normal(0, 1, 300)
    pose = np.zeros((5, 3))
    pose[0] = [0, np.pi / 2, 0]
    rest, turned = decoder.shape(identity), decoder.decode(identity, pose=pose)
    root = decoder.joints(rest)[0]
    quarter = np.array([[0, 0, 1], [0, 1, 0], [-1, 0, 0]])
    np.testing.assert_allclose(turned, (rest - root) @ quarter.T + root, atol=2e-6)


def test_opening_the_jaw_lowers_the_chin_and_leaves_the_crown(decoder: Decoder) -> None:
    pose = np.zeros((5, 3))
    pose[2, 0] = 0.3
    rest = decoder.shape(np.zeros(1))
    moved = decoder.decode(np.zeros(1), pose=pose) - rest
    lip = np.linalg.norm(rest - [0, -0.065, 0.05], axis=1).argmin()
    assert moved[lip, 1] < -0.005
    assert np.abs(moved[rest[:, 1].argmax()]).max() < 1e-3  # the pose correctives reach a little everywhere


def test_forward_is_batched_and_gives_posed_joints(decoder: Decoder) -> None:
    rng = np.random.default_rng(4)
    identity = torch.tensor(rng.normal(0, 1, (3, 300)), dtype=torch.float32)
    pose = torch.tensor(rng.normal(0, 0.3, (3, 5, 3)), dtype=torch.float32)
    vertices, joints = decoder.forward(identity, pose=pose)
    assert vertices.shape == (3, 5023, 3)
    assert joints.shape == (3, 5, 3)
    for b in range(3):
        alone = decoder.decode(identity[b].numpy(), pose=pose[b].numpy())
        np.testing.assert_allclose(vertices[b].numpy(), alone, atol=1e-6)
        root = decoder.joints(decoder.shape(identity[b].numpy()))[0]
        np.testing.assert_allclose(joints[b, 0].numpy(), root, atol=1e-6)


def test_gradients_agree_with_finite_differences(decoder: Decoder) -> None:
    rng = np.random.default_rng(5)
    arguments = [
        torch.tensor(rng.normal(0, s, n), dtype=torch.float32)
        for s, n in ((1, (1, 8)), (1, (1, 4)), (0.3, (1, 5, 3)), (0.1, (1, 3)))
    ]
    towards = torch.tensor(rng.normal(0, 1, (1, 5023, 3)), dtype=torch.float32)

    def loss(values: list[torch.Tensor]) -> torch.Tensor:
        return (decoder.forward(*values)[0].double() * towards.double()).sum()

    for argument in arguments:
        argument.requires_grad_()
    loss(arguments).backward()
    for k, argument in enumerate(arguments):
        step = torch.tensor(rng.normal(0, 1, argument.shape), dtype=torch.float32)
        with torch.no_grad():
            up = [a + 2e-2 * step if i == k else a for i, a in enumerate(arguments)]
            down = [a - 2e-2 * step if i == k else a for i, a in enumerate(arguments)]
            slope = float(loss(up) - loss(down)) / 4e-2
        assert argument.grad is not None
        assert float((argument.grad * step).sum()) == pytest.approx(slope, rel=2e-2, abs=2e-3)


def test_wrong_sizes_are_refused(decoder: Decoder) -> None:
    with pytest.raises(ValueError, match="301 identity and 0 expression coefficients given; flame has 300 and 100"):
        decoder.shape(np.zeros(301))
    with pytest.raises(ValueError, match="101 expression"):
        decoder.decode(np.zeros(1), np.zeros(101))
    with pytest.raises(ValueError, match="301 identity"):
        decoder.forward(torch.zeros(2, 301))
    with pytest.raises(ValueError, match=r"pose has shape \(4, 3\), expected \(5, 3\)"):
        decoder.decode(np.zeros(1), pose=np.zeros((4, 3)))


def test_the_numpy_path_needs_no_torch(flame_file: Path) -> None:
    import subprocess
    import sys

    code = (
        "import sys, numpy as np; from pathlib import Path; from facestudio.head.model import load;"
        "from facestudio.head.decoder import Decoder;"
        f"Decoder(load(Path({str(flame_file)!r}))).decode(np.ones(3), translation=np.ones(3));"
        "assert 'torch' not in sys.modules"
    )
    root = Path(__file__).resolve().parents[2]
    subprocess.run([sys.executable, "-c", code], check=True, cwd=root, timeout=60)
