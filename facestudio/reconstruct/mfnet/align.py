"""Where is the average head, given its landmarks? Pose by least squares for a whole batch, and what is left over when it is taken out.

What a view's landmarks say about the *shape* is what the pose cannot explain. Taking the pose out in closed form, rather than asking a
network to learn to ignore it, leaves numbers that are nearly linear in the identity: millimetres across the line of sight.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from facestudio.reconstruct.mfnet.perspective import project, rotation

STEPS = 4  # Gauss-Newton steps; the residual stops changing after three
_FLATTEST = 0.15  # cosine of the angle of sight below which a landmark says nothing
_METRES = 0.1  # the unit of length inside the solver, so that all unknowns are of one size


@dataclass(frozen=True)
class Aligned:
    """The average head's pose in each of N views and what it leaves over.

    R (N, 3, 3), t (N, 3) metres. residual (N, L, 2): landmark minus the average head's, millimetres across the line of sight, zero for
    landmarks that the view does not see. weight (N, L) in [0, 1]: how much the view sees each.
    """

    R: Tensor
    t: Tensor
    residual: Tensor
    weight: Tensor


def align(
    landmarks: Tensor,
    K: Tensor,
    mean: Tensor,
    normals: Tensor,
    trust: Tensor | None = None,
    start: tuple[Tensor, Tensor] | None = None,
    steps: int = STEPS,
) -> Aligned:
    """The pose of a head's points from their pictures: landmarks (N, L, 2), crop pixels, of views with K (N, 3, 3).

    mean: the points, (L, 3) or (N, L, 3), metres, of the average head or another; normals (L, 3) there.
    trust (N, L): weight of each landmark. start: R and t to begin with; without, the pose is found from nothing.
    The pose has no gradient; the residual is differentiable in the landmarks.
    """
    trust = torch.ones_like(landmarks[..., 0]) if trust is None else trust
    with torch.no_grad():
        points = landmarks.detach()
        if start is None:
            R, t = _affine_pose(points, K, mean, trust)
            R, t = _affine_pose(points, K, mean, trust * facing(R, t, mean, normals) + 1e-3)
        else:
            R, t = start
        for _ in range(steps):
            weight = trust * facing(R, t, mean, normals)
            R, t = _step(points, K, mean, weight, R, t)
        weight = trust * facing(R, t, mean, normals)
    seen = project(mean.expand(len(K), -1, -1), K, R, t)
    per_pixel = 1000.0 * t[:, None, 2:3] / K[:, None, None, 0, 0]
    residual = (landmarks - seen[..., :2]) * per_pixel * (weight > 0)[..., None]
    return Aligned(R, t, residual, weight)


def facing(R: Tensor, t: Tensor, points: Tensor, normals: Tensor) -> Tensor:
    """(N, L) in [0, 1]: 0 where the surface turns away from the view R (N, 3, 3), t (N, 3), 1 where it faces it well."""
    centre = -(R.transpose(-1, -2) @ t[..., None])[..., 0]
    to_eye = centre[:, None] - points
    cosine = (to_eye * normals).sum(-1) / to_eye.norm(dim=-1).clamp_min(1e-6)
    share: Tensor = ((cosine - _FLATTEST) / 0.3).clamp(0.0, 1.0)
    return share


def _affine_pose(points: Tensor, K: Tensor, mean: Tensor, weight: Tensor) -> tuple[Tensor, Tensor]:
    """The pose whose weak-perspective picture is nearest to the best affine one: in closed form, from nothing.

    About the axis of sight through the points' middle, so that faces at the border of a picture are no exception.
    """
    f, c = K[:, 0, 0], K[:, :2, 2]
    total = weight.sum(1).clamp_min(1e-6)
    middle3 = (weight[..., None] * mean).sum(1) / total[:, None]
    middle2 = (weight[..., None] * points).sum(1) / total[:, None]
    X, u = (mean - middle3[:, None]) / _METRES, (points - middle2[:, None]) / f[:, None, None]
    ridge = 1e-3 * torch.eye(3, dtype=X.dtype, device=X.device)
    normal = X.transpose(1, 2) @ (weight[..., None] * X) / total[:, None, None] + ridge * 0.05
    right = X.transpose(1, 2) @ (weight[..., None] * u) / total[:, None, None]
    A = torch.linalg.solve(normal, right).transpose(1, 2)  # (N, 2, 3)
    scale = A.norm(dim=(1, 2)) / 2.0**0.5
    first = A[:, 0] / A[:, 0].norm(dim=-1, keepdim=True).clamp_min(1e-6)
    second = A[:, 1] - (A[:, 1] * first).sum(-1, keepdim=True) * first
    second = second / second.norm(dim=-1, keepdim=True).clamp_min(1e-6)
    local = torch.stack([first, second, torch.linalg.cross(first, second)], 1)
    # `local` is the pose as seen along the ray through the middle; turn it back to the camera's own axis.
    ray = torch.cat([(middle2 - c) / f[:, None], torch.ones_like(f)[:, None]], 1)
    unit = ray / ray.norm(dim=-1, keepdim=True)
    axis = torch.stack([-unit[:, 1], unit[:, 0], torch.zeros_like(f)], 1)
    sine = axis.norm(dim=-1, keepdim=True)
    turn = rotation(axis / sine.clamp_min(1e-9) * torch.atan2(sine, unit[:, 2:3]))
    R = turn @ local
    depth = _METRES / scale.clamp_min(1e-6)
    t = ray * depth[:, None] - (R @ middle3[..., None])[..., 0]
    return R, t


def _step(points: Tensor, K: Tensor, mean: Tensor, weight: Tensor, R: Tensor, t: Tensor) -> tuple[Tensor, Tensor]:
    """One damped Gauss-Newton step on the weighted, robust distance in the normalised picture plane."""
    f, c = K[:, None, 0, 0], K[:, None, :2, 2]
    turned = mean @ R.transpose(1, 2)
    cam = turned + t[:, None]
    z = cam[..., 2].clamp_min(0.05)
    x, y = cam[..., 0] / z, cam[..., 1] / z
    r = torch.stack([x, y], -1) - (points - c) / f[..., None]
    size = r.norm(dim=-1)
    spread = (weight * size).sum(1, keepdim=True) / weight.sum(1, keepdim=True).clamp_min(1e-6)
    w = weight / (1.0 + (size / (2.0 * spread + 1e-9)) ** 2)  # Cauchy: a landmark that is far off fades
    px, py, pz = turned.unbind(-1)
    zero = torch.zeros_like(x)
    du = torch.stack([-x * py, pz + x * px, -py, _METRES + zero, zero, -x * _METRES], -1) / z[..., None]
    dv = torch.stack([-pz - y * py, y * px, px, zero, _METRES + zero, -y * _METRES], -1) / z[..., None]
    J = torch.cat([du, dv], 1)  # (N, 2 L, 6): by (rotation, translation / _METRES)
    weighed = (J * torch.cat([w, w], 1)[..., None]).transpose(1, 2)
    A = weighed @ J
    g = (weighed @ torch.cat([r[..., 0], r[..., 1]], 1)[..., None])[..., 0]
    A = A + 1e-5 * torch.diag_embed(A.diagonal(dim1=1, dim2=2)) + 1e-9 * torch.eye(6, dtype=A.dtype, device=A.device)
    step = -torch.linalg.solve(A, g)
    step = step * (0.5 / step.norm(dim=1, keepdim=True).clamp_min(0.5))  # no wild leaps
    return rotation(step[:, :3]) @ R, t + _METRES * step[:, 3:]
