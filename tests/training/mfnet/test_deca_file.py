"""A file laid out as DECA's own: read, with its numpy counters, and not obeyed."""

from __future__ import annotations

from collections import OrderedDict
from pathlib import Path

import numpy as np
import pytest
import torch

from facestudio.errors import DatasetError, HeadModelError
from facestudio.landmarks.resnet import ResNet
from facestudio.reconstruct.mfnet.deca import import_deca
from facestudio.training.checkpoint import load_checkpoint
from facestudio.training.mfnet.deca_file import read_deca


@pytest.mark.parametrize("zipped", [True, False])
def test_the_authors_layout_is_read_with_its_counters(tmp_path: Path, zipped: bool) -> None:
    """deca_model.tar: nested state dicts, the optimiser's state and step counters that are numpy scalars."""
    published, trunk = ResNet(50), ResNet(50)
    with torch.no_grad():
        published.conv1.weight.fill_(0.25)
    content = {
        "E_flame": OrderedDict({f"encoder.{name}": value for name, value in published.state_dict().items()}),
        "E_detail": OrderedDict({"encoder.conv1.weight": torch.zeros(1)}),
        "D_detail": OrderedDict({"decoder.0.weight": torch.zeros(3)}),
        "opt": torch.optim.Adam(published.parameters(), lr=1e-4).state_dict(),
        "global_step": np.int64(70_000),
        "best_loss": np.float32(0.5),
    }
    path = tmp_path / "deca_model.tar"
    torch.save(content, path, _use_new_zipfile_serialization=zipped)
    with pytest.raises(DatasetError):
        load_checkpoint(path)  # why it has a reader of its own
    state = read_deca(path)
    assert int(state["global_step"]) == 70_000
    import_deca(trunk, state)
    assert float(trunk.conv1.weight.detach()[0, 0, 0, 0]) == 0.25 / 4.0


class Trap:
    """What a hostile file would hold."""

    def __reduce__(self) -> tuple[object, tuple[str]]:
        return (print, ("code of the file was run",))


def test_code_in_a_file_is_not_run(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    torch.save({"E_flame": Trap()}, tmp_path / "deca_model.tar")
    with pytest.raises(HeadModelError, match="cannot be read"):
        read_deca(tmp_path / "deca_model.tar")
    assert "was run" not in capsys.readouterr().out
