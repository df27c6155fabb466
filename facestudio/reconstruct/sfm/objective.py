"""What is minimised: the paper's four losses over all frames of a sequence, and which pairs of frames may enter each.

Training and the adaptation at inference use the same function: the losses need no truth, so they hold for any frames of a head.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import torch
from torch import Tensor

from facestudio.reconstruct.sfm import losses
from facestudio.reconstruct.sfm.networks import SfmNet, metric_inverse_depth
from facestudio.reconstruct.sfm.warp import compose, pose_of, relative_poses, reproject, sample, synthesise


@dataclass(frozen=True)
class LossConfig:
    """Weights, and which pixels count. A weight of 0 switches a loss off.

    landmark: per 1 % of the picture's width of mean landmark distance. photometric: the paper's own mixture. depth: per metre.
    smooth: of the mean-normalised inverse depth. widest_degrees: views further apart than this share too little of their shading for a
    photometric loss. fewest: pixels a pair must share. hidden_m: a point this far behind the other view's own surface is hidden there.
    """

    landmark: float = 1.0
    photometric: float = 1.0
    depth: float = 1.0
    smooth: float = 0.1
    widest_degrees: float = 32.0
    fewest: int = 64
    hidden_m: float = 0.02


@dataclass(frozen=True)
class Sequences:
    """B sequences of F frames of one head each.

    pictures (B, F, 3, H, W) in [0, 1]. K (B, F, 3, 3) pixels. start (B, F, 3, 4): head frame to camera frame, from PnP, metres; frame 0 is
    the reference of the pose network. landmarks (B, F, L, 2) pixels. visible (B, F, L) bool. mask (B, F, H, W) bool: the head.
    truth (B, F, H, W): depth, metres, 0 where there is none; for measuring only. None when nobody knows.
    """

    pictures: Tensor
    K: Tensor
    start: Tensor
    landmarks: Tensor
    visible: Tensor
    mask: Tensor
    truth: Tensor | None = None

    def to(self, device: torch.device | str) -> Sequences:
        """The same on a device."""
        moved = {name: v.to(device) for name, v in vars(self).items() if v is not None}
        return replace(self, **moved)


@dataclass(frozen=True)
class Estimate:
    """inverse_depth (B, F, H, W), 1/metres. poses (B, F, 3, 4): head frame to camera frame."""

    inverse_depth: Tensor
    poses: Tensor

    @property
    def depth(self) -> Tensor:
        """(B, F, H, W), metres."""
        return 1.0 / self.inverse_depth


def estimate(net: SfmNet, data: Sequences, corrected: bool = True) -> Estimate:
    """Depth of every frame and pose of every camera.

    corrected: False keeps the start poses, for instance those of a calibrated rig. The pose network sees each frame beside frame 0 and
    moves the head before that camera: camera = start o correction, so that a correction means the same at every distance.
    """
    batch, frames = data.pictures.shape[:2]
    flat = data.pictures.flatten(0, 1)
    six = None
    if corrected and frames > 1:
        first = torch.arange(batch, device=flat.device)[:, None] * frames
        others = first + torch.arange(1, frames, device=flat.device)
        pairs = torch.stack([first.expand_as(others), others], -1).reshape(-1, 2)
        q, six = net(flat, pairs)
    else:
        q = net.depth(flat)
    with exactly(flat):
        q = q.to(data.K.dtype).reshape(batch, frames, *q.shape[-2:])
        poses = data.start
        if six is not None:
            moved = pose_of(six.to(poses.dtype)).reshape(batch, frames - 1, 3, 4)
            poses = torch.cat([poses[:, :1], compose(poses[:, 1:], moved)], 1)
        return Estimate(metric_inverse_depth(q, data.K, data.start[..., 2, 3]), poses)


def exactly(like: Tensor) -> torch.autocast:
    """A region without mixed precision: a bfloat16 pixel coordinate is off by up to half a pixel at 128."""
    return torch.autocast(like.device.type, enabled=False)


def objective(found: Estimate, data: Sequences, config: LossConfig) -> dict[str, Tensor]:
    """The weighted losses by name: "landmark", "photometric", "depth", "smooth"; their sum is what is minimised.

    A loss that no pair of frames can speak for is left out, not set to 0. Raises EmptyMaskError when that leaves nothing at all.
    """
    with exactly(found.poses):
        return _objective(found, data, config)


def _objective(found: Estimate, data: Sequences, config: LossConfig) -> dict[str, Tensor]:
    depth, relative = found.depth, relative_poses(found.poses)
    parts: dict[str, Tensor] = {}
    if config.landmark:
        shared = data.visible[:, :, None] & data.visible[:, None]
        shared = shared & ~torch.eye(shared.shape[1], dtype=torch.bool, device=shared.device)[None, :, :, None]
        if bool(shared.any()):
            gap = losses.landmark_bundle(depth, data.K, relative, data.landmarks, data.visible, "mean")
            parts["landmark"] = config.landmark * 100.0 / depth.shape[-1] * gap
    if config.photometric or config.depth:
        parts |= _dense(depth, relative, data, config)
    if config.smooth and bool(data.mask.flatten(2).any(2).all()):
        flat = losses.smoothness(found.inverse_depth.flatten(0, 1), data.pictures.flatten(0, 1), data.mask.flatten(0, 1))
        parts["smooth"] = config.smooth * flat
    if not parts:
        raise losses.EmptyMaskError("These frames share neither landmarks nor pixels.")
    return parts


def _dense(depth: Tensor, relative: Tensor, data: Sequences, config: LossConfig) -> dict[str, Tensor]:
    """The losses over pixels, on all ordered pairs of frames that are near enough to each other and share enough of the head."""
    b, m, n = near_pairs(relative, config.widest_degrees)
    if not len(b):
        return {}
    to = reproject(depth[b, m], data.K[b, m], relative[b, m, n], data.K[b, n])
    height, width = depth.shape[-2:]
    at = to.pixels.reshape(len(b), -1, 2)
    own = sample(depth[b, n][:, None], at).reshape(len(b), height, width)
    on_head = sample(data.mask[b, n][:, None].to(depth.dtype), at).reshape(len(b), height, width) > 0.99
    seen = to.depth.detach() < own.detach() + config.hidden_m
    mask = losses.eroded(data.mask[b, m] & to.inside & on_head & seen)
    keep = mask.sum((1, 2)) >= config.fewest
    if not bool(keep.any()):
        return {}
    parts = {}
    if config.photometric:
        shown = synthesise(data.pictures[b, n].to(depth.dtype), to)
        parts["photometric"] = config.photometric * losses.photometric(
            data.pictures[b, m][keep].to(depth.dtype), shown[keep], mask[keep]
        )
    if config.depth:
        parts["depth"] = config.depth * losses.depth_consistency(to.depth[keep], own[keep], depth[b, m][keep], mask[keep])
    return parts


def near_pairs(relative: Tensor, widest_degrees: float) -> tuple[Tensor, Tensor, Tensor]:
    """Rows (P,) of sequence, target and source frame of all ordered pairs whose cameras (B, F, F, 3, 4) turn by no more than this."""
    trace = relative[..., 0, 0] + relative[..., 1, 1] + relative[..., 2, 2]
    angle = torch.rad2deg(torch.arccos(((trace.detach() - 1) / 2).clamp(-1, 1)))
    near = angle <= widest_degrees
    near &= ~torch.eye(near.shape[1], dtype=torch.bool, device=near.device)
    b, m, n = torch.nonzero(near, as_tuple=True)
    return b, m, n
