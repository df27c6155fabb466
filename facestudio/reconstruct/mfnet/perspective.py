"""The crop's camera: three numbers a network can see in a crop become a full perspective camera, in closed form.

A network that sees a square crop can tell how large the head is in it and where, but not how far away: that depends on the lens.
So it predicts the place and the scale in the crop,

    (log(s / S0), u, v):   s = head scale, crop sides per metre;   (u, v) = picture of the head frame's origin, crop sides from the middle

and with the crop's own K (the photo's K, shifted and scaled) the translation follows: z = f / (S s), x = (u S + m - cx) z / f, and so on,
with S the crop's side and m = (S - 1) / 2 its middle. The photo's camera is then the same R and t with the photo's K: nothing is
approximated, whatever the distance (Li et al. 2022, "CLIFF", for bodies).

Rotations are axis-angle numbers w upon a base: R = exp(w) R0. Where nothing better is known, R0 looks straight at the face from the
middle of the crop: a face at the picture's border seems turned, and that turn is exactly the ray's.
"""

from __future__ import annotations

import torch
from torch import Tensor

SCALE = 3.6  # S0, crop sides per metre: a head fills its crop when its 0.28 metres are one side


def rotation(w: Tensor) -> Tensor:
    """(…, 3) axis-angle, radians, to (…, 3, 3) (Rodrigues), differentiable at zero, too."""
    square = (w * w).sum(-1)[..., None, None]
    small = square < 1e-8
    safe = torch.where(small, torch.ones_like(square), square)
    angle = safe.sqrt()
    a = torch.where(small, 1.0 - square / 6.0, torch.sin(angle) / angle)
    b = torch.where(small, 0.5 - square / 24.0, (1.0 - torch.cos(angle)) / safe)
    x, y, z = w.unbind(-1)
    zero = torch.zeros_like(x)
    K = torch.stack([zero, -z, y, z, zero, -x, -y, x, zero], -1).reshape(*w.shape[:-1], 3, 3)
    return torch.eye(3, dtype=w.dtype, device=w.device) + a * K + b * (K @ K)


def straight(K: Tensor, side: int) -> Tensor:
    """R0 (…, 3, 3): the rotation of a face that looks straight at a camera of K (…, 3, 3) from the middle of its crop."""
    middle = (side - 1) / 2.0
    ray = torch.stack(
        [(middle - K[..., 0, 2]) / K[..., 0, 0], (middle - K[..., 1, 2]) / K[..., 1, 1], torch.ones_like(K[..., 0, 2])], -1
    )
    ray = ray / ray.norm(dim=-1, keepdim=True)
    # The shortest turn that takes the optical axis to the ray: axis z x ray, angle between them.
    axis = torch.stack([-ray[..., 1], ray[..., 0], torch.zeros_like(ray[..., 0])], -1)
    sine = axis.norm(dim=-1, keepdim=True)
    angle = torch.atan2(sine, ray[..., 2:3])
    turn = rotation(axis / sine.clamp_min(1e-9) * angle)
    facing = torch.diag(torch.tensor([1.0, -1.0, -1.0], dtype=K.dtype, device=K.device))
    return turn @ facing


def translation(code: Tensor, K: Tensor, side: int) -> Tensor:
    """t (…, 3), metres, of the camera code (…, 3) in a crop of `side` pixels with K (…, 3, 3)."""
    middle = (side - 1) / 2.0
    z = K[..., 0, 0] / (side * SCALE * torch.exp(code[..., 0]))
    x = (code[..., 1] * side + middle - K[..., 0, 2]) * z / K[..., 0, 0]
    y = (code[..., 2] * side + middle - K[..., 1, 2]) * z / K[..., 1, 1]
    return torch.stack([x, y, z], -1)


def camera_code(t: Tensor, K: Tensor, side: int) -> Tensor:
    """The inverse of `translation`: t (…, 3), metres, in front of the camera, to the code (…, 3)."""
    middle = (side - 1) / 2.0
    scale = torch.log(K[..., 0, 0] / (side * SCALE * t[..., 2]))
    u = (t[..., 0] / t[..., 2] * K[..., 0, 0] + K[..., 0, 2] - middle) / side
    v = (t[..., 1] / t[..., 2] * K[..., 1, 1] + K[..., 1, 2] - middle) / side
    return torch.stack([scale, u, v], -1)


def project(points: Tensor, K: Tensor, R: Tensor, t: Tensor) -> Tensor:
    """Points (…, N, 3), head frame, metres, to (…, N, 3): x px, y px, depth in metres. K, R (…, 3, 3), t (…, 3).

    Depths are held at 1 cm and more, so that a wild guess early in training gives large numbers and not infinite ones.
    """
    cam = points @ R.transpose(-1, -2) + t[..., None, :]
    z = cam[..., 2].clamp_min(0.01)
    x = cam[..., 0] / z * K[..., None, 0, 0] + K[..., None, 0, 2]
    y = cam[..., 1] / z * K[..., None, 1, 1] + K[..., None, 1, 2]
    return torch.stack([x, y, cam[..., 2]], -1)
