"""DECA's encoder in MFNet's trunk, with a made file of the same names."""

from __future__ import annotations

import pytest
import torch

from facestudio.errors import HeadModelError
from facestudio.landmarks.resnet import ResNet
from facestudio.reconstruct.mfnet.deca import CODE, import_deca, trunk_state


def made_checkpoint(published: ResNet) -> dict[str, object]:
    encoder = {f"encoder.{name}": value for name, value in published.state_dict().items()}
    layers = {
        "layers.0.weight": torch.zeros(1024, 2048),
        "layers.0.bias": torch.zeros(1024),
        "layers.2.weight": torch.zeros(236, 1024),
    }
    return {"E_flame": {**encoder, **layers}, "E_detail": {"encoder.conv1.weight": torch.zeros(1)}, "step": 7}


def test_the_code_is_decas() -> None:
    assert sum(CODE.values()) == 236


def test_the_trunk_says_the_same_of_the_same_picture() -> None:
    torch.manual_seed(0)
    published, trunk = ResNet(50).eval(), ResNet(50).eval()
    with torch.no_grad():
        for module in published.modules():
            if isinstance(module, torch.nn.BatchNorm2d):
                module.running_mean += 0.1 * torch.randn_like(module.running_mean)  # type: ignore[operator, arg-type]
    import_deca(trunk, made_checkpoint(published))
    picture = torch.full((1, 3, 64, 64), 0.3)
    with torch.no_grad():
        theirs = published.stages(picture)[0]
        ours = trunk.stages((picture - 0.5) * 4.0)[0]
    torch.testing.assert_close(ours[..., 4:-4, 4:-4], theirs[..., 4:-4, 4:-4], atol=1e-4, rtol=1e-4)  # the border is padded
    assert torch.equal(trunk.state_dict()["layer3.2.conv2.weight"], published.state_dict()["layer3.2.conv2.weight"])


@pytest.mark.parametrize("prefix", ["E_flame.encoder.", "encoder.", "module.encoder."])
def test_flat_files_are_understood_and_the_classifier_is_left(prefix: str) -> None:
    flat = {f"{prefix}conv1.weight": torch.ones(2), f"{prefix}fc.weight": torch.ones(3)}
    assert set(trunk_state(flat)) == {"conv1.weight"}


def test_what_is_no_encoder_is_refused() -> None:
    with pytest.raises(HeadModelError, match="no DECA encoder"):
        trunk_state({"a": torch.zeros(1)})
    with pytest.raises(HeadModelError, match="does not fit"):
        import_deca(ResNet(18), made_checkpoint(ResNet(50)))
