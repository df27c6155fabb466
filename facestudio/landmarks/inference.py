"""A network made ready for use: the same answers for less work, and not to be trained any more."""

from __future__ import annotations

from itertools import pairwise

import torch
from torch import nn
from torch.nn.utils.fusion import fuse_conv_bn_eval


def for_use(net: nn.Module) -> nn.Module:
    """Fold each batch normalisation into the convolution before it (Jacob et al. 2018, section 3.2), in place; returns the net.

    The net must be in eval mode. A normalisation counts as a convolution's when it is registered right after it and beside it, as in our
    trunks. Weights lie channels last, as processors read them best. The names of the net's state are others afterwards.
    """
    for part in list(net.modules()):
        for (name, before), (after, norm) in pairwise(list(part.named_children())):
            if isinstance(before, nn.Conv2d) and isinstance(norm, nn.BatchNorm2d):
                setattr(part, name, fuse_conv_bn_eval(before, norm))
                setattr(part, after, nn.Identity())
    net.to(memory_format=torch.channels_last)  # type: ignore[call-overload]
    return net.requires_grad_(False)


def in_bfloat16(net: nn.Module) -> nn.Module:
    """Round the weights of layers that autocast runs in bfloat16, in place, once instead of at every call; returns the net."""
    for layer in net.modules():
        if isinstance(layer, nn.Conv2d | nn.Linear):
            layer.bfloat16()
    return net
