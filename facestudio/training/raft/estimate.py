"""RAFT in the place of DIS in dense refinement."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from threading import Lock

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn.functional import pad

from facestudio.errors import FaceStudioError
from facestudio.progress import CancelToken
from facestudio.training.checkpoint import load_checkpoint
from facestudio.training.raft.net import is_small, raft, raft_side
from facestudio.training.raft.train import as_input
from facestudio.types import Float32Array


def load_raft(weights: Path) -> nn.Module:
    """A frozen RAFT with the weights of torchvision's raft_small or raft_large. Raises FaceStudioError when they do not fit."""
    state: Mapping[str, Tensor] = load_checkpoint(weights)
    net = raft(is_small(state))
    try:
        net.load_state_dict({k: v.float() if v.is_floating_point() else v for k, v in state.items()})
    except RuntimeError as error:
        raise FaceStudioError(
            f"{weights} is no RAFT of torchvision's.", "Name a state dict of raft_small or raft_large."
        ) from error
    return net.eval().requires_grad_(False)


class RaftFlow:
    """A `correspondence.DenseFlow`. updates: of the flow; the paper evaluates with more than it trains with, which costs time."""

    def __init__(self, weights: Path, updates: int = 6) -> None:
        """Read the weights. Raises FaceStudioError."""
        self._net, self._updates = load_raft(weights), updates
        self._one_at_a_time = Lock()  # the net keeps its correlation volume between the updates

    def __call__(self, drawn: Float32Array, photo: Float32Array, cancel: CancelToken) -> tuple[Float32Array, Float32Array]:
        """(h, w, 2) float32 pixels, from the drawing (h, w) to the photo and back."""
        h, w = drawn.shape
        border = (0, raft_side(w) - w, 0, raft_side(h) - h)
        first, second = (pad(as_input([p]), border) for p in (drawn, photo))  # zero is the grey around the head
        flows = []
        for a, b in ((first, second), (second, first)):
            cancel.check()
            with self._one_at_a_time, torch.no_grad():
                flow = self._net(a, b, num_flow_updates=self._updates)[-1][0, :, :h, :w]
            flows.append(np.ascontiguousarray(flow.permute(1, 2, 0).numpy(), np.float32))
        return flows[0], flows[1]
