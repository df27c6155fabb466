"""The renderer against hand-computed pictures and, inside the face, against numerical derivatives."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from torch import Tensor
from torch.autograd import gradcheck

from facestudio.geometry.harmonics import WHITE
from facestudio.geometry.rasterize import rasterize
from facestudio.head.store import load_head
from facestudio.reconstruct.mfnet.perspective import project, rotation
from facestudio.reconstruct.mfnet.render import (
    PosedView,
    Surface,
    carry,
    extract,
    fuse,
    pose_view,
    render,
    see,
    shade,
    surface_of,
    vertex_normals,
)

SIDE = 24


def dome() -> tuple[Tensor, Tensor]:
    """A bulging 5 x 5 grid, 0.2 m wide, facing the camera at z = 0: vertices (25, 3) and faces, counter-clockwise from +z."""
    ticks = torch.linspace(-0.1, 0.1, 5, dtype=torch.float64)
    y, x = torch.meshgrid(ticks, ticks, indexing="ij")
    vertices = torch.stack([x, y, 0.06 - 3.0 * (x * x + y * y)], -1).reshape(-1, 3)
    faces = []
    for i in range(4):
        for j in range(4):
            a, b, c, d = 5 * i + j, 5 * i + j + 1, 5 * i + j + 5, 5 * i + j + 6
            faces += [[a, b, d], [a, d, c]]
    return vertices, torch.tensor(faces)


def camera() -> tuple[Tensor, Tensor, Tensor]:
    K = torch.tensor([[60.0, 0, 11.3], [0, 60.0, 11.9], [0, 0, 1]], dtype=torch.float64)
    R = rotation(torch.tensor([0.1, 0.2, 0.05], dtype=torch.float64)) @ torch.diag(torch.tensor([1.0, -1, -1])).double()
    return K, R, torch.tensor([0.01, -0.01, 0.6], dtype=torch.float64)


def plain(vertices: Tensor, faces: Tensor) -> Surface:
    """A surface whose texture is the grid laid flat."""
    uv = vertices[:, :2].detach() / 0.2 + 0.5
    size = 16
    flat = torch.stack([uv[:, 0] * size - 0.5, (1 - uv[:, 1]) * size - 0.5, torch.ones(len(uv), dtype=uv.dtype)], -1)
    texels = see(flat, faces, size, size)
    return Surface(faces, uv, faces, texels, texels.hit)


def test_the_same_pixels_and_weights_as_the_z_buffer() -> None:
    vertices, faces = dome()
    screen = project(vertices, *camera())
    seen, drawn = see(screen, faces, SIDE, SIDE), rasterize(screen.numpy(), faces.numpy(), SIDE, SIDE)
    assert np.array_equal(seen.hit.numpy(), drawn.pix_to_face >= 0)
    assert int(seen.hit.sum()) > 100
    np.testing.assert_allclose(seen.bary[seen.hit].numpy(), drawn.bary[drawn.pix_to_face >= 0], atol=1e-5)
    np.testing.assert_allclose(seen.depth[seen.hit].numpy(), drawn.zbuf[drawn.pix_to_face >= 0], atol=1e-6)


def picture(inputs: tuple[Tensor, ...], faces: Tensor, inside: Tensor) -> Tensor:
    vertices, albedo, light, w, t, focal = inputs
    K0, R0, t0 = camera()
    K = torch.stack([torch.stack([focal[0], K0[0, 1], K0[0, 2]]), torch.stack([K0[1, 0], focal[0], K0[1, 2]]), K0[2]])
    screen = project(vertices, K, rotation(w) @ R0, t0 + t)
    shaded = shade(albedo, light, vertex_normals(vertices, faces))
    return carry(see(screen, faces, SIDE, SIDE), faces, shaded)[inside]


def test_gradients_reach_vertices_normals_albedo_light_and_camera() -> None:
    """Numerically, at pixels well inside their triangles: a step of 1e-6 changes no pixel's triangle there."""
    vertices, faces = dome()
    seen = see(project(vertices, *camera()), faces, SIDE, SIDE)
    inside = (seen.bary.amin(-1) > 0.1) & seen.hit
    inside &= torch.arange(SIDE)[:, None] % 5 == 0
    assert int(inside.sum()) >= 8
    rng = torch.Generator().manual_seed(0)
    albedo = torch.rand(25, 3, dtype=torch.float64, generator=rng)
    light = torch.rand(9, 3, dtype=torch.float64, generator=rng)
    zero = torch.zeros(3, dtype=torch.float64)
    focal = torch.tensor([60.0], dtype=torch.float64)
    inputs = tuple(x.clone().requires_grad_() for x in (vertices, albedo, light, zero, zero, focal))
    assert gradcheck(lambda *x: picture(x, faces, inside), inputs, eps=1e-6, atol=1e-6)


def test_under_a_white_sky_the_head_shows_its_albedo() -> None:
    vertices, faces = dome()
    light = torch.zeros(9, 3, dtype=torch.float64)
    light[0] = WHITE
    albedo = torch.full((25, 3), 0.4, dtype=torch.float64)
    torch.testing.assert_close(shade(albedo, light, vertex_normals(vertices, faces)), albedo)


def view(picture_side: int = SIDE) -> tuple[PosedView, Surface]:
    vertices, faces = dome()
    surface = plain(vertices, faces)
    return pose_view(vertices, *camera(), surface, picture_side), surface


def test_a_photo_taken_off_the_head_and_put_back_is_the_photo() -> None:
    posed, surface = view()
    y, x = torch.meshgrid(torch.arange(SIDE).double(), torch.arange(SIDE).double(), indexing="ij")
    photo = torch.stack([x / SIDE, y / SIDE, (x + y) / (2 * SIDE)])  # smooth: bilinear look-ups are exact
    texture, known = fuse([extract(photo, posed, surface)], surface)
    drawn, textured = render(posed, surface, texture, known)
    assert int(textured.sum()) > 60
    off = (drawn - photo).abs()[:, textured]  # what is left is the kink of the coarse texture at the triangles' edges
    assert float(off.max()) < 0.04
    assert float(off.mean()) < 0.005


def test_of_two_photos_the_one_that_sees_a_texel_better_counts_more() -> None:
    posed, surface = view()
    dark, bright = torch.zeros(3, SIDE, SIDE).double(), torch.ones(3, SIDE, SIDE).double()
    of_dark, of_bright = extract(dark, posed, surface), extract(bright, posed, surface)
    even, known = fuse([of_dark, of_bright], surface)
    assert float((even[known] - 0.5).abs().max()) < 1e-6
    skewed, _ = fuse([(of_dark[0], of_dark[1] * 0.5), of_bright], surface)
    assert float((skewed[known] - 0.8).abs().max()) < 1e-6  # squares of the weights: 1 / (1 + 0.25)


def test_what_no_photo_sees_is_filled_from_its_neighbours_and_not_called_known() -> None:
    posed, surface = view()
    colours, weight = extract(torch.full((3, SIDE, SIDE), 0.7).double(), posed, surface)
    hole = weight.clone()
    hole[6:9, 6:9] = 0.0
    texture, known = fuse([(colours, hole)], surface)
    assert not known[6:9, 6:9].any()
    assert float((texture[6:9, 6:9] - 0.7).abs().max()) < 1e-6


def test_a_hidden_texel_is_not_extracted() -> None:
    """A second, smaller dome held before the first hides its middle."""
    vertices, faces = dome()
    shield = vertices * torch.tensor([0.3, 0.3, 0.3]).double() + torch.tensor([0.0, 0.0, 0.15]).double()
    both, all_faces = torch.cat([vertices, shield]), torch.cat([faces, faces + 25])
    back = plain(vertices, faces)
    surface = Surface(all_faces, torch.cat([back.uv, back.uv * 0]), torch.cat([faces, faces + 25]), back.texels, back.mask)
    posed = pose_view(both, *camera(), surface, SIDE)
    _, weight = extract(torch.ones(3, SIDE, SIDE).double(), posed, surface)
    alone, whole = view()
    _, free = extract(torch.ones(3, SIDE, SIDE).double(), alone, whole)
    assert float(weight[8, 8]) == 0.0 < float(free[8, 8])
    assert float(weight[1, 1]) == pytest.approx(float(free[1, 1]), abs=1e-9)


def test_the_face_mask_leaves_out_eyes_mouth_and_scalp() -> None:
    model = load_head("open")
    surface = surface_of(model, 64)
    named = {name for name in model.part_names if model.part_faces(name)[surface.texels.face[surface.mask].numpy()].any()}
    assert named == {"face", "lips", "eyelids"}
