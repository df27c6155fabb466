"""The optical flow estimator F of eq. 6: RAFT (Teed & Deng 2020) where it is installed, or OpenCV's DIS (Kroeger et al. 2016).

RAFT is differentiable, so the loss may go *through* it, as the paper's does. DIS is not; with it (or with RAFT, for speed) the flow says
where each visible vertex should have been, and the vertex is drawn there.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import cv2
import numpy as np
import torch
from torch import Tensor
from torch.nn.functional import interpolate

from facestudio.training.raft.estimate import load_raft
from facestudio.training.raft.net import raft_side
from facestudio.types import ByteArray

FlowEstimator = Callable[[Tensor, Tensor], Tensor]
"""(first (B, 3, H, W), second (B, 3, H, W)), in [0, 1], to flow (B, 2, H, W), pixels: first(p) looks like second(p + flow(p))."""


def dis_flow(first: Tensor, second: Tensor) -> Tensor:
    """DIS on grey pictures. No gradient flows through it."""
    engine = cv2.DISOpticalFlow.create(cv2.DISOPTICAL_FLOW_PRESET_MEDIUM)

    def grey(pictures: Tensor) -> ByteArray:
        mixed = (pictures.detach().float() * torch.tensor([0.299, 0.587, 0.114])[:, None, None]).sum(1)
        return (mixed.clamp(0, 1) * 255.0).to(torch.uint8).numpy()

    flows = [
        engine.calc(a, b, np.zeros((*a.shape, 2), np.float32))
        for a, b in zip(grey(first.cpu()), grey(second.cpu()), strict=True)
    ]
    return torch.from_numpy(np.stack(flows)).permute(0, 3, 1, 2).to(first)


def raft_flow(weights: Path, steps: int = 12) -> FlowEstimator:
    """RAFT with weights from a local file of torchvision's state dict, frozen. Gradients flow through it to both pictures.

    Raises FaceStudioError when torchvision is missing (it is an extra, for training) or the weights do not fit.
    """
    net = load_raft(weights)

    def estimate(first: Tensor, second: Tensor) -> Tensor:
        height, width = first.shape[-2:]
        size = [raft_side(n) for n in (height, width)]
        a, b = (interpolate(2.0 * p - 1.0, size=size, mode="bilinear", align_corners=False) for p in (first, second))
        flow = net(a, b, num_flow_updates=steps)[-1]
        back = interpolate(flow, size=(height, width), mode="bilinear", align_corners=False)
        return back * torch.tensor([width / size[1], height / size[0]], dtype=back.dtype)[:, None, None]

    return estimate
