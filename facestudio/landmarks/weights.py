"""Reading the weights of our networks: a plain .npz, one array for each name of the network's state, no pickles."""

from __future__ import annotations

import zipfile
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from facestudio.errors import HeadModelError

if TYPE_CHECKING:
    from torch import Tensor, nn

COUNTERS = "num_batches_tracked"  # what a normalisation counts in training and nothing reads afterwards
PREFIX = "net/"


def load_weights(net: nn.Module, path: Path) -> nn.Module:
    """Put a file's weights (fp16 or fp32; keys "net/<name>") into a network, in place, as float32; returns the network in eval mode.

    Raises HeadModelError when the file is missing or damaged, or belongs to another network.
    """
    state = read_weights(path)
    own = net.state_dict()
    wanted = {name for name in own if not name.endswith(COUNTERS)}
    wrong = sorted(wanted ^ set(state)) + sorted(n for n in wanted & set(state) if own[n].shape != state[n].shape)
    if wrong:
        raise HeadModelError(f"{path.name} holds the weights of another network ({wrong[0]}).", "Reinstall FaceStudio.")
    net.load_state_dict(state, strict=False)
    return net.eval()


def read_weights(path: Path) -> dict[str, Tensor]:
    """The weights of a file by name, as float32. Raises HeadModelError when it is missing or damaged."""
    import torch

    try:
        with np.load(path, allow_pickle=False) as data:
            state = {name[len(PREFIX) :]: torch.from_numpy(data[name]) for name in data.files if name.startswith(PREFIX)}
    except (OSError, EOFError, ValueError, KeyError, zipfile.BadZipFile) as error:
        raise HeadModelError(f"The weights {path} cannot be read ({error}).", "Reinstall FaceStudio.") from error
    return {name: value.float() if value.is_floating_point() else value for name, value in state.items()}


def read_extra(path: Path) -> dict[str, np.ndarray[tuple[int, ...], np.dtype[np.generic]]]:
    """The arrays of a weight file that are not weights: what a network needs beside them (means, scales). Raises HeadModelError."""
    try:
        with np.load(path, allow_pickle=False) as data:
            return {name: data[name] for name in data.files if not name.startswith(PREFIX)}
    except (OSError, EOFError, ValueError, KeyError, zipfile.BadZipFile) as error:
        raise HeadModelError(f"The weights {path} cannot be read ({error}).", "Reinstall FaceStudio.") from error
