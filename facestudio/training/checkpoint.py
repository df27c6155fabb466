"""Keeping a training: checkpoints that appear whole or not at all, and the weights that ship."""

from __future__ import annotations

import io
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from facestudio.atomic import write_file
from facestudio.errors import DatasetError
from facestudio.head.model import pack_arrays
from facestudio.landmarks.resnet import kaiming
from facestudio.landmarks.weights import COUNTERS, PREFIX, load_weights

__all__ = ["export_weights", "kaiming", "load_checkpoint", "load_weights", "save_checkpoint"]


def save_checkpoint(path: Path, state: Mapping[str, Any]) -> None:
    """Write a training's state (nested dicts of tensors and plain numbers) whole or not at all. Raises OutputError."""
    buffer = io.BytesIO()
    torch.save(dict(state), buffer)
    write_file(path, buffer.getvalue())


def load_checkpoint(path: Path, allow: Sequence[Any] = ()) -> dict[str, Any]:
    """Read what `save_checkpoint` wrote, on the CPU; nothing but tensors and plain values is read. Raises DatasetError.

    allow: further harmless types that a file from elsewhere may hold, as `torch.serialization.safe_globals` takes them.
    """
    try:
        with torch.serialization.safe_globals(list(allow)):
            state = torch.load(path, map_location="cpu", weights_only=True)
    except Exception as error:  # torch raises a dozen kinds, its unpickler's own among them
        raise DatasetError(f"The checkpoint {path} cannot be read ({error}).", "Remove it to begin anew.") from error
    if not isinstance(state, dict):
        raise DatasetError(f"{path} is not a checkpoint.", "Remove it to begin anew.")
    return state


def export_weights(
    net: nn.Module | Mapping[str, Tensor], path: Path, extra: Mapping[str, NDArray[Any]] | None = None, half: bool = True
) -> None:
    """Write a network's state as .npz without pickles: matrices and kernels as float16, vectors and a module's buffers as float32.

    extra: further arrays for `read_extra`. half: False keeps everything float32. Deterministic. Raises OutputError.
    """
    state = net.state_dict() if isinstance(net, nn.Module) else net
    exact = {name for name, _ in net.named_buffers()} if isinstance(net, nn.Module) else set()
    arrays: dict[str, NDArray[Any]] = dict(extra or {})
    for name, value in state.items():
        if name.endswith(COUNTERS):
            continue
        array = value.detach().float().cpu().numpy() if value.is_floating_point() else value.detach().cpu().numpy()
        halved = half and array.ndim > 1 and array.dtype == np.float32 and name not in exact
        arrays[PREFIX + name] = array.astype(np.float16) if halved else array
    write_file(path, pack_arrays(arrays))
