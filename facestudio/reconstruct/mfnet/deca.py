"""DECA's coarse encoder as a start for MFNet's trunk, as in the paper (section 4.1): from a user's own copy of its weights.

E_coarse is torchvision's ResNet-50 (`E_flame.encoder.…`) and two layers (`E_flame.layers.0` 2048 to 1024, `E_flame.layers.2` 1024 to 236).
Its code is 100 shape, 50 texture, 50 expression, 6 pose, 3 camera and 27 light. The trunk is taken whole. The layers are not: MFNet's are
linear in the feature, DECA's have a layer between, and three views are fused. They start anew.

Feng et al. 2021, "Learning an animatable detailed 3D face model from in-the-wild images"; its weights are for research only.
"""

from __future__ import annotations

from collections.abc import Mapping

import torch
from torch import Tensor

from facestudio.errors import HeadModelError
from facestudio.landmarks.resnet import ResNet

CODE = {"shape": 100, "texture": 50, "expression": 50, "pose": 6, "camera": 3, "light": 27}
_PREFIXES = ("E_flame.encoder.", "encoder.", "module.encoder.")


def trunk_state(weights: Mapping[str, object]) -> dict[str, Tensor]:
    """The trunk's part of DECA's state (either the whole checkpoint, its "E_flame" entry, or a flat state dict), by our names.

    Raises HeadModelError when there is no ResNet-50 in it.
    """
    flat: dict[str, Tensor] = {}

    def collect(prefix: str, value: object) -> None:
        if isinstance(value, Tensor):
            flat[prefix] = value
        elif isinstance(value, Mapping):
            for name, inner in value.items():
                collect(f"{prefix}.{name}" if prefix else str(name), inner)

    collect("", weights)
    for prefix in _PREFIXES:
        found = {name.removeprefix(prefix): value for name, value in flat.items() if name.startswith(prefix)}
        if "conv1.weight" in found:
            return {name: value for name, value in found.items() if not name.startswith("fc.")}
    raise HeadModelError("The file holds no DECA encoder.", "Use deca_model.tar from its authors (E_flame.encoder).")


def import_deca(trunk: ResNet, weights: Mapping[str, object]) -> None:
    """Put DECA's encoder into a ResNet-50, in place. Raises HeadModelError when it does not fit.

    DECA saw pictures in [0, 1]; our trunk is fed 4 (x - 0.5). The first convolution takes that up: w / 4, and the constant it loses is
    added to the normalisation behind it.
    """
    state = trunk_state(weights)
    own = trunk.state_dict()
    missing = sorted(set(own) - set(state) - {n for n in own if n.endswith("num_batches_tracked")})
    wrong = [n for n in own if n in state and own[n].shape != state[n].shape]
    if missing or wrong:
        what = f"The DECA encoder does not fit the trunk ({(missing + wrong)[0]})."
        raise HeadModelError(what, "It is a ResNet-50: train with --config paper.")
    state = dict(state)
    first = state["conv1.weight"].float()
    state["conv1.weight"] = first / 4.0
    # conv(x) = conv / 4 applied to 4 (x - 0.5), plus 0.5 times the kernel's sum (but for the padded border).
    state["bn1.running_mean"] = state["bn1.running_mean"].float() - 0.5 * first.sum((1, 2, 3))
    with torch.no_grad():
        trunk.load_state_dict(state, strict=False)
