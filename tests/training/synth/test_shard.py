from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from facestudio.errors import DatasetError
from facestudio.training.synth.dress import Wearer
from facestudio.training.synth.factory import FactoryConfig, make_subject, pack
from facestudio.training.synth.shard import Shard, read_dataset, read_shard, shard_path, write_description, write_shard


@pytest.fixture(scope="module")
def shard(wearer: Wearer) -> Shard:
    return pack(make_subject(wearer, FactoryConfig(seed=1, size=48, maps=True), 0))


def test_what_is_written_is_read_back(shard: Shard, tmp_path: Path) -> None:
    write_shard(tmp_path / "shard-00000.npz", shard)
    back = read_shard(tmp_path / "shard-00000.npz")
    assert len(back) == 3
    for name, value in vars(shard).items():
        if name != "maps":
            np.testing.assert_array_equal(getattr(back, name), value)
            assert getattr(back, name).dtype == value.dtype
    assert set(back.maps) == {"depth", "normals", "parts", "uv"}
    np.testing.assert_array_equal(back.picture(2), shard.picture(2))


def test_a_damaged_shard_is_named(shard: Shard, tmp_path: Path) -> None:
    path = shard_path(tmp_path, 3)
    write_shard(path, shard)
    path.write_bytes(path.read_bytes()[:5000])
    with pytest.raises(DatasetError, match="shard-00003"):
        read_shard(path)


def test_a_reader_takes_the_shards_that_exist(shard: Shard, tmp_path: Path) -> None:
    write_description(tmp_path, {"seed": 1})
    for number in (4, 1):
        write_shard(shard_path(tmp_path, number), shard)
    found = read_dataset(tmp_path)
    assert [p.name for p in found.shards] == ["shard-00001.npz", "shard-00004.npz"]
    assert found.config["seed"] == 1


def test_another_data_set_in_the_folder_is_refused(tmp_path: Path) -> None:
    write_description(tmp_path, {"seed": 1})
    write_description(tmp_path, {"seed": 1})
    with pytest.raises(DatasetError, match="another data set"):
        write_description(tmp_path, {"seed": 2})
    with pytest.raises(DatasetError, match="not a data set"):
        read_dataset(tmp_path / "elsewhere")
