"""torchvision's RAFT, also beside a torch without its compiled operators."""

from __future__ import annotations

import sys
from collections.abc import Mapping

import torch
from torch import Tensor, nn

from facestudio.errors import FaceStudioError

_REMEDY = "Install torchvision (pip install --no-deps torchvision), or match with DIS."
# What torchvision registers kernels for when it is imported, and what its compiled part, built for another torch, would have declared.
_DECLARED = (
    "nms(Tensor dets, Tensor scores, float iou_threshold) -> Tensor",
    "qnms(Tensor dets, Tensor scores, float iou_threshold) -> Tensor",
)
_kept: list[torch.library.Library] = []  # a library's declarations live as long as it does


_MULTIPLE, _SMALLEST = 8, 128


def raft_side(pixels: int) -> int:
    """The next side, pixels, of a picture that RAFT takes."""
    return max(_SMALLEST, -(-pixels // _MULTIPLE) * _MULTIPLE)


def raft(small: bool) -> nn.Module:
    """RAFT without weights: `raft_small` (990 thousand parameters) or `raft_large` (5.3 million).

    net(first, second, num_flow_updates=n): (B, 3, H, W) in [-1, 1], sides divisible by 8 and at least 128, to n flows (B, 2, H, W),
    pixels, the last one the best.

    Raises FaceStudioError when torchvision (an extra) is missing or does not fit this torch.
    """
    try:
        from torchvision.models.optical_flow import raft_large, raft_small
    except ImportError as error:
        raise FaceStudioError(f"RAFT cannot be used ({error}).", _REMEDY) from error
    except RuntimeError as error:
        if _kept:
            raise FaceStudioError(f"RAFT cannot be used ({error}).", _REMEDY) from error
        _declare()
        return raft(small)
    net = (raft_small if small else raft_large)(weights=None, progress=False)
    assert isinstance(net, nn.Module)
    return net


def _declare() -> None:
    """Declare the operators that RAFT never calls, and forget the import that stumbled over them."""
    _kept.append(torch.library.Library("torchvision", "DEF"))
    for schema in _DECLARED:
        _kept[0].define(schema)
    for name in [n for n in sys.modules if n.split(".")[0] == "torchvision"]:
        del sys.modules[name]


def is_small(state: Mapping[str, Tensor]) -> bool:
    """Whether a state dict is raft_small's: its first convolution has 32 channels, raft_large's 64."""
    first = state.get("feature_encoder.convnormrelu.0.weight")
    return first is not None and first.shape[0] == 32
