"""Frames in, points out: the deep SfM engine on any number of frames from two on."""

from __future__ import annotations

import copy
import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path

import numpy as np
import torch

from facestudio.errors import FitError, HeadModelError
from facestudio.landmarks.weights import load_weights, read_extra
from facestudio.progress import CancelToken, Progress, silent
from facestudio.reconstruct.sfm.frames import Frame, Look, look
from facestudio.reconstruct.sfm.fuse import FuseConfig, fuse
from facestudio.reconstruct.sfm.networks import NetworkConfig, SfmNet
from facestudio.reconstruct.sfm.objective import LossConfig, Sequences, estimate, objective
from facestudio.types import Camera, Float32Array, FloatArray, IntArray, PointCloud

DEPTH_FILE, POSE_FILE = "sfm_depth.npz", "sfm_pose.npz"


@dataclass(frozen=True)
class InferConfig:
    """How to use the networks.

    corrected: let the pose network move the cameras; False where they are better known than from one head's landmarks (a calibrated
    rig, a bundle adjustment). adapt_steps: steps of Adam on the paper's own losses over the very frames, which need no truth; 0: none.
    adapt_rate: their learning rate. losses: of the adaptation.
    """

    corrected: bool = False
    adapt_steps: int = 30
    adapt_rate: float = 3e-4
    losses: LossConfig = field(default_factory=LossConfig)
    fuse: FuseConfig = field(default_factory=FuseConfig)


@dataclass(frozen=True)
class Measured:
    """What deep SfM says of F frames, in their order.

    cameras: of the full frames, head frame to pixels. looks: the virtual views, with the same poses. depths: (S, S) float32, metres,
    along the virtual axes. cloud: head frame.
    """

    cameras: tuple[Camera, ...]
    looks: tuple[Look, ...]
    depths: tuple[Float32Array, ...]
    cloud: PointCloud


def load_net(folder: Path) -> tuple[SfmNet, int]:
    """The shipped networks of a folder in eval mode, and the picture size they were trained for. Raises HeadModelError."""
    extra = read_extra(folder / DEPTH_FILE)
    try:
        about = json.loads(str(extra["about"].item()))
        network = about["network"] | {"decoder": tuple(about["network"]["decoder"])}
        net = SfmNet(NetworkConfig(**network))
        size = int(about["size"])
    except (KeyError, TypeError, ValueError) as error:
        raise HeadModelError(
            f"{DEPTH_FILE} does not say how its network is built ({error}).", "Reinstall FaceStudio."
        ) from error
    load_weights(net.depth, folder / DEPTH_FILE)
    load_weights(net.pose, folder / POSE_FILE)
    return net.eval(), size


def about(config: NetworkConfig, size: int) -> str:
    """What `load_net` needs to know, as stored beside the depth network's weights."""
    return json.dumps({"network": asdict(config), "size": size}, sort_keys=True)


def measure(
    net: SfmNet,
    size: int,
    frames: Sequence[Frame],
    foregrounds: Sequence[Float32Array | None] | None = None,
    config: InferConfig | None = None,
    progress: Progress = silent,
    cancel: CancelToken | None = None,
) -> Measured:
    """Depth and points of two or more frames of one still head. The landmarks have the same ids in the same rows in all frames.

    size: pixels of the networks' pictures. foregrounds: (H, W) per frame in [0, 1], 1 where the person is. Raises FitError with fewer
    than two frames, Cancelled.
    """
    config, cancel = config or InferConfig(), cancel or CancelToken()
    if len(frames) < 2:
        raise FitError(
            "Deep SfM needs at least two photos of the head.", "Add a photo from another side, or use the engine fit."
        )
    masks = foregrounds or [None] * len(frames)
    progress("points", 0.0, f"{len(frames)} frames")
    looks = [look(f, size, m) for f, m in zip(frames, masks, strict=True)]
    turns = [k.camera.R @ f.camera.R.T for f, k in zip(frames, looks, strict=True)]
    order = reference_first(looks)
    data = gathered([looks[i] for i in order], [frames[i] for i in order])
    if config.adapt_steps:
        net = adapted(net, data, config, progress, cancel)
    net.eval()
    with torch.no_grad():
        found = estimate(net, data, config.corrected)
    cancel.check()
    back = np.argsort(order)
    poses = found.poses[0].double().numpy()[back]
    depths = tuple(np.asarray(d, np.float32) for d in found.depth[0].numpy()[back])
    looks = [replace(k, camera=_posed(k.camera, p)) for k, p in zip(looks, poses, strict=True)]
    cameras = [
        replace(f.camera, R=turn.T @ k.camera.R, t=turn.T @ k.camera.t) for f, k, turn in zip(frames, looks, turns, strict=True)
    ]
    moved = [replace(f, camera=c) for f, c in zip(frames, cameras, strict=True)]
    progress("points", 0.9, "fuse")
    cloud = fuse(moved, looks, depths, config.fuse)
    progress("points", 1.0, f"{len(cloud.points)} points")
    return Measured(tuple(cameras), tuple(looks), depths, cloud)


def reference_first(looks: Sequence[Look]) -> IntArray:
    """(F,) int: the frames' order for the networks: the one that looks most like all others first, the rest as they came."""
    axes = np.stack([k.camera.R[2] for k in looks])
    middle = int((axes @ axes.mean(0)).argmax())
    return np.array([middle, *(i for i in range(len(looks)) if i != middle)])


def gathered(looks: Sequence[Look], frames: Sequence[Frame]) -> Sequences:
    """One sequence of F frames as the networks and losses want it."""

    def tensor(values: list[FloatArray]) -> torch.Tensor:
        return torch.from_numpy(np.stack(values).astype(np.float32))[None]

    visible = [np.ones(len(f.landmarks), bool) if f.visible is None else f.visible for f in frames]
    return Sequences(
        tensor([k.picture.astype(np.float32).transpose(2, 0, 1) / 255.0 for k in looks]),
        tensor([k.camera.K for k in looks]),
        tensor([np.concatenate([k.camera.R, k.camera.t[:, None]], 1) for k in looks]),
        tensor([k.landmarks for k in looks]),
        torch.from_numpy(np.stack(visible))[None],
        torch.from_numpy(np.stack([k.mask for k in looks]))[None],
    )


def adapted(
    net: SfmNet, data: Sequences, config: InferConfig, progress: Progress = silent, cancel: CancelToken | None = None
) -> SfmNet:
    """A copy of the networks, taught these very frames by the losses they were trained with; normalisations stay as they are."""
    own, cancel = copy.deepcopy(net).eval(), cancel or CancelToken()
    optimiser = torch.optim.Adam(own.parameters(), lr=config.adapt_rate, betas=(0.9, 0.99))
    for step in range(config.adapt_steps):
        cancel.check()
        progress("points", 0.8 * step / config.adapt_steps, "adapt")
        optimiser.zero_grad()
        parts = objective(estimate(own, data, config.corrected), data, config.losses)
        torch.stack(list(parts.values())).sum().backward()
        torch.nn.utils.clip_grad_norm_(own.parameters(), 1.0)
        optimiser.step()
    return own


def _posed(camera: Camera, pose: FloatArray) -> Camera:
    return replace(camera, R=np.asarray(pose[:, :3]), t=np.asarray(pose[:, 3]))
