"""The differentiable renderer: light on the head (eq. 2), texture out of the photos (eq. 3), and pictures of both (eq. 4).

Which triangle a pixel sees is decided by a z-buffer (`geometry.rasterize`, or pytorch3d's on a graphics card), which has no derivative
and needs none inside the face. *Where* in the triangle the pixel falls is then computed again in torch from the projected corners, so
that what is drawn there is differentiable in vertices, normals, albedo, light and camera. Only the outline itself stays without a
gradient; the losses mask it away.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn.functional import avg_pool2d, grid_sample, interpolate

from facestudio.geometry import harmonics
from facestudio.geometry.rasterize import Rasterizer
from facestudio.geometry.rasterize_pytorch3d import best_rasterizer
from facestudio.head.model import HeadModel


@dataclass(frozen=True)
class Seen:
    """What the pixels of one picture (or the texels of a texture) see. hit (H, W) bool; face (H, W) int64, 0 where nothing is hit.

    bary (H, W, 3): perspective-correct, differentiable in the corners' screen positions, zero where nothing is hit. depth (H, W), metres.
    """

    hit: Tensor
    face: Tensor
    bary: Tensor
    depth: Tensor


def see(screen: Tensor, faces: Tensor, height: int, width: int, rasterizer: Rasterizer | None = None) -> Seen:
    """Draw faces (F, 3) int64 with vertices `screen` (V, 3): x px, y px, depth in metres (`perspective.project`)."""
    draw = rasterizer or best_rasterizer()
    found = draw(screen.detach().cpu().numpy(), faces.cpu().numpy(), height, width)
    face = torch.from_numpy(found.pix_to_face).long().to(screen.device)
    hit = face >= 0
    face = face.clamp_min(0)
    corners = screen[faces[face]]  # (H, W, 3, 3)
    y, x = torch.meshgrid(
        torch.arange(height, dtype=screen.dtype, device=screen.device),
        torch.arange(width, dtype=screen.dtype, device=screen.device),
        indexing="ij",
    )
    pixel = torch.stack([x, y], -1)
    edges = []
    for i, j in ((1, 2), (2, 0), (0, 1)):
        a, b = corners[..., i, :2], corners[..., j, :2]
        edges.append(
            (b[..., 0] - a[..., 0]) * (pixel[..., 1] - a[..., 1]) - (b[..., 1] - a[..., 1]) * (pixel[..., 0] - a[..., 0])
        )
    # 1 / z is linear on the screen, and z is not (Heckbert 1989).
    z = torch.where(hit[..., None], corners[..., 2], torch.ones_like(corners[..., 2]))
    weight = torch.stack(edges, -1) / z
    total = weight.sum(-1, keepdim=True)
    safe = torch.where(hit[..., None], total, torch.ones_like(total))
    bary = torch.where(hit[..., None], weight / safe, torch.zeros_like(weight))
    depth = (bary * corners[..., 2]).sum(-1)
    return Seen(hit, face, bary, depth)


def carry(seen: Seen, faces: Tensor, values: Tensor) -> Tensor:
    """Values at vertices (V, C) to the pixels (H, W, C), zero where nothing is hit; faces may be another index, such as uv_faces."""
    return (values[faces[seen.face]] * seen.bary[..., None]).sum(-2)


def vertex_normals(vertices: Tensor, faces: Tensor) -> Tensor:
    """Area-weighted unit normals (V, 3) of vertices (V, 3), outwards, differentiable."""
    corners = vertices[faces]
    across = torch.linalg.cross(corners[:, 1] - corners[:, 0], corners[:, 2] - corners[:, 0])
    total = torch.zeros_like(vertices).index_add(0, faces.flatten(), across.repeat_interleave(3, 0))
    unit: Tensor = total / total.norm(dim=-1, keepdim=True).clamp_min(1e-12)
    return unit


def shade(albedo: Tensor, light: Tensor, normals: Tensor) -> Tensor:
    """Eq. 2: B = A * sum_k l_k H_k(N). albedo (…, 3) linear, light (9, 3), unit normals (…, 3) to (…, 3) linear."""
    H = torch.stack(harmonics.terms(*normals.unbind(-1)), -1)
    return albedo * (H @ light)


@dataclass(frozen=True)
class Surface:
    """A head model's fixed indices as tensors. texels: what each texel of the T x T texture lies on. mask (T, T) bool: M_face of eq. 3.

    uv (U, 2): texture coordinates, v up, and uv_faces (F, 3). faces (F, 3).
    """

    faces: Tensor
    uv: Tensor
    uv_faces: Tensor
    texels: Seen
    mask: Tensor


def surface_of(model: HeadModel, size: int = 128, dtype: torch.dtype = torch.float32) -> Surface:
    """Prepare a head model for textures of size x size; M_face is skin, lips and lids: no mouth, eyes, scalp, ears or neck."""
    uv = torch.from_numpy(model.uv).to(dtype)
    uv_faces = torch.from_numpy(model.uv_faces).long()
    flat = torch.stack([uv[:, 0] * size - 0.5, (1.0 - uv[:, 1]) * size - 0.5, torch.ones_like(uv[:, 0])], -1)
    texels = see(flat, uv_faces, size, size)
    face = torch.from_numpy(model.part_faces("face", "lips", "eyelids", "skin"))
    return Surface(torch.from_numpy(model.faces).long(), uv, uv_faces, texels, texels.hit & face[texels.face])


@dataclass(frozen=True)
class PosedView:
    """One view of a posed head: vertices (V, 3) metres, head frame; K, R (3, 3), t (3,); screen (V, 3); what its pixels see."""

    vertices: Tensor
    screen: Tensor
    centre: Tensor
    seen: Seen


def pose_view(
    vertices: Tensor, K: Tensor, R: Tensor, t: Tensor, surface: Surface, side: int, rasterizer: Rasterizer | None = None
) -> PosedView:
    """Project and draw a head into a picture of side x side."""
    from facestudio.reconstruct.mfnet.perspective import project

    screen = project(vertices, K, R, t)
    return PosedView(vertices, screen, -(R.T @ t), see(screen, surface.faces, side, side, rasterizer))


def extract(picture: Tensor, view: PosedView, surface: Surface, margin_m: float = 0.003) -> tuple[Tensor, Tensor]:
    """Texture of one photo: colours (T, T, 3) and how well each texel is seen (T, T) in [0, 1] (cosine of the angle of sight; 0: hidden).

    picture (3, S, S). Bilinear look-up where each texel projects to; hidden by the z-buffer, with a margin. Before eq. 3.
    """
    points = carry(surface.texels, surface.faces, view.vertices)
    screen = carry(surface.texels, surface.faces, view.screen)
    normals = carry(surface.texels, surface.faces, vertex_normals(view.vertices, surface.faces))
    side = picture.shape[-1]
    colours = _look_up(picture, screen[..., :2])
    with torch.no_grad():
        to_eye = view.centre - points
        cosine = (normals * to_eye).sum(-1) / (normals.norm(dim=-1) * to_eye.norm(dim=-1)).clamp_min(1e-9)
        column, row = screen[..., 0].round().long().clamp(0, side - 1), screen[..., 1].round().long().clamp(0, side - 1)
        front = screen[..., 2] < view.seen.depth[row, column] + margin_m
        inside = (screen[..., :2] >= 0).all(-1) & (screen[..., :2] <= side - 1).all(-1)
        weight = cosine.clamp_min(0.0) * (front & inside & surface.texels.hit & view.seen.hit[row, column])
    return colours, weight


def fuse(textures: list[tuple[Tensor, Tensor]], surface: Surface) -> tuple[Tensor, Tensor]:
    """Eq. 3: I_uv = M_face * I'_uv: one texture (T, T, 3) of several views, weighted by how well they see; and where (T, T) bool any does.

    Texels that no view sees are filled from their neighbours by a pyramid of bilinear interpolations.
    """
    weight = torch.stack([w for _, w in textures]) ** 2
    colours = torch.stack([c for c, _ in textures])
    total = weight.sum(0)
    known = total > 1e-3
    mixed = (weight[..., None] * colours).sum(0) / total.clamp_min(1e-6)[..., None]
    filled = torch.where(known[..., None], mixed, _spread(mixed, known))
    return filled * surface.mask[..., None], known & surface.mask


def render(
    view: PosedView, surface: Surface, texture: Tensor, valid: Tensor, shaded: Tensor | None = None
) -> tuple[Tensor, Tensor]:
    """Eq. 4: I_r = R(M, B, c, I_uv): a picture (3, S, S) and where (S, S) bool it shows photographed texture.

    texture (T, T, 3), valid (T, T) bool: I_uv. shaded (V, 3): B at the vertices, drawn where there is no texture; None leaves black.
    """
    uv = carry(view.seen, surface.uv_faces, surface.uv)
    size = texture.shape[0]
    texel = torch.stack([uv[..., 0] * size - 0.5, (1.0 - uv[..., 1]) * size - 0.5], -1)
    photo = _look_up(texture.permute(2, 0, 1), texel)
    textured = (_look_up(valid.to(texture.dtype)[None], texel)[..., 0] > 0.99) & view.seen.hit
    other = carry(view.seen, surface.faces, shaded) if shaded is not None else torch.zeros_like(photo)
    return torch.where(textured[..., None], photo, other).permute(2, 0, 1), textured


def _look_up(picture: Tensor, at: Tensor) -> Tensor:
    """Bilinear: picture (C, H, W) at pixels (…, 2), centres at integers, borders continued, to (…, C)."""
    height, width = picture.shape[-2:]
    scale = torch.tensor([2.0 / (width - 1), 2.0 / (height - 1)], dtype=at.dtype, device=at.device)
    grid = (at * scale - 1.0).reshape(1, 1, -1, 2)
    found = grid_sample(picture[None], grid, mode="bilinear", padding_mode="border", align_corners=True)
    return found[0, :, 0].T.reshape(*at.shape[:-1], picture.shape[0])


def _spread(texture: Tensor, known: Tensor) -> Tensor:
    """The texture (T, T, 3) with what is not known (T, T) taken from coarser and coarser means of what is."""
    weight = known.to(texture.dtype)[None, None]
    colours = texture.permute(2, 0, 1)[None] * weight
    levels = [(colours, weight)]
    while min(levels[-1][0].shape[-2:]) > 1:
        levels.append((avg_pool2d(levels[-1][0], 2, ceil_mode=True), avg_pool2d(levels[-1][1], 2, ceil_mode=True)))
    out = levels[-1][0] / levels[-1][1].clamp_min(1e-6)
    for colour, share in reversed(levels[:-1]):
        coarse = interpolate(out, size=colour.shape[-2:], mode="bilinear", align_corners=False)
        out = torch.where(share > 1e-3, colour / share.clamp_min(1e-6), coarse)
    return out[0].permute(1, 2, 0)
