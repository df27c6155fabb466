"""The adapter to pytorch3d, against a stand-in that follows pytorch3d's documented conventions (it does not install here)."""

from __future__ import annotations

import importlib.util
import sys
import types
from typing import Any

import numpy as np
import pytest
import torch

from facestudio.geometry.rasterize import rasterize
from facestudio.geometry.rasterize_pytorch3d import best_rasterizer, rasterize_pytorch3d


class Meshes:
    def __init__(self, verts: list[torch.Tensor], faces: list[torch.Tensor]) -> None:
        self.verts, self.faces = verts[0].cpu().numpy(), faces[0].cpu().numpy()


def rasterize_meshes(mesh: Meshes, image_size: tuple[int, int], **_: Any) -> tuple[torch.Tensor, ...]:
    """NDC as in pytorch3d's notes on cameras: the pixel (row, column)'s centre is at the middle of its 2/short-sized cell."""
    height, width = image_size
    short = min(height, width)
    column = (width / short - mesh.verts[:, 0]) * short / 2 - 0.5  # +x is left
    row = (height / short - mesh.verts[:, 1]) * short / 2 - 0.5  # +y is up
    ours = rasterize(np.stack([column, row, mesh.verts[:, 2]], 1), mesh.faces, height, width)
    face = torch.from_numpy(ours.pix_to_face.astype(np.int64))[None, ..., None]
    zbuf = torch.from_numpy(ours.zbuf)[None, ..., None]
    return face, zbuf, torch.from_numpy(ours.bary)[None, :, :, None], zbuf


@pytest.fixture
def pytorch3d(monkeypatch: pytest.MonkeyPatch) -> None:
    names = (
        "pytorch3d",
        "pytorch3d.renderer",
        "pytorch3d.renderer.mesh",
        "pytorch3d.renderer.mesh.rasterize_meshes",
        "pytorch3d.structures",
    )
    for name in names:
        module: Any = types.ModuleType(name)
        module.__path__ = []
        module.__spec__ = importlib.util.spec_from_loader(name, None)
        module.Meshes, module.rasterize_meshes = Meshes, rasterize_meshes
        monkeypatch.setitem(sys.modules, name, module)


@pytest.mark.usefixtures("pytorch3d")
@pytest.mark.parametrize("cull", [False, True])
@pytest.mark.parametrize("size", [(40, 64), (64, 40)])
def test_both_rasterisers_keep_one_contract(size: tuple[int, int], cull: bool) -> None:
    rng = np.random.default_rng(2)
    screen = rng.uniform([-5, -5, 0.5], [69, 69, 3], (60, 3))
    screen[7, 0], screen[20, 2] = np.nan, -1
    faces = rng.permutation(60).reshape(20, 3)
    expected = rasterize(screen, faces, *size, cull_backfaces=cull)
    found = rasterize_pytorch3d(screen, faces, *size, cull_backfaces=cull)
    same = expected.pix_to_face == found.pix_to_face
    assert same.mean() > 0.998  # pytorch3d works in float32: a pixel on an edge may fall either way
    np.testing.assert_allclose(found.bary[same], expected.bary[same], atol=2e-3)
    np.testing.assert_allclose(found.zbuf[same], expected.zbuf[same], rtol=1e-3)
    assert found.pix_to_face.dtype == np.int32


@pytest.mark.usefixtures("pytorch3d")
def test_nothing_to_draw_needs_no_mesh() -> None:
    assert (rasterize_pytorch3d(np.full((3, 3), np.nan), np.array([[0, 1, 2]]), 4, 5).pix_to_face == -1).all()


@pytest.mark.usefixtures("pytorch3d")
def test_it_is_chosen_only_with_cuda(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    assert best_rasterizer() is rasterize_pytorch3d
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    assert best_rasterizer() is rasterize


def test_without_pytorch3d_ours_is_chosen(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)
    assert best_rasterizer() is rasterize
