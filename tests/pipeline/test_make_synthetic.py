from __future__ import annotations

from pathlib import Path

import pytest

from facestudio.errors import Cancelled, OutputError
from facestudio.pipeline import make_synthetic as module
from facestudio.pipeline.make_synthetic import make_synthetic
from facestudio.progress import CancelToken
from facestudio.training.synth.factory import FactoryConfig, make_subject
from facestudio.training.synth.shard import Shard, read_dataset, read_shard, write_shard

CONFIG = FactoryConfig(seed=4, subjects=3, size=40, per_shard=2)


def contents(folder: Path) -> dict[str, bytes]:
    return {p.name: p.read_bytes() for p in folder.iterdir()}


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("alone")
    assert make_synthetic(out, CONFIG, workers=1).pictures == 9
    return out


@pytest.mark.slow  # two processes that each import and prepare
def test_two_processes_make_the_same_bytes_as_one(made: Path, tmp_path: Path) -> None:
    heard: list[float] = []
    make_synthetic(tmp_path / "two", CONFIG, workers=2, progress=lambda _s, fraction, _m="": heard.append(fraction))
    assert contents(tmp_path / "two") == contents(made)
    assert heard[-1] == 1.0
    assert heard == sorted(heard)


def test_a_missing_shard_is_made_again_and_the_others_are_left_alone(made: Path) -> None:
    before = contents(made)
    (made / "shard-00001.npz").unlink()
    kept = (made / "shard-00000.npz").stat().st_mtime_ns
    assert make_synthetic(made, CONFIG, workers=1).pictures == 3
    assert contents(made) == before
    assert (made / "shard-00000.npz").stat().st_mtime_ns == kept


def test_subjects_do_not_straddle_shards(made: Path) -> None:
    shards = [read_shard(p) for p in read_dataset(made).shards]
    assert [len(s) for s in shards] == [6, 3]
    assert not set(shards[0].subject) & set(shards[1].subject)


def test_a_subject_does_not_depend_on_how_many_share_its_shard(made: Path, tmp_path: Path) -> None:
    make_synthetic(tmp_path, FactoryConfig(seed=4, subjects=3, size=40, per_shard=1), workers=1)
    alone, among = read_shard(tmp_path / "shard-00001.npz"), read_shard(made / "shard-00000.npz")
    assert alone.picture(0).tobytes() == among.picture(3).tobytes()


def test_a_cancelled_run_leaves_no_half_shard(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    cancel = CancelToken()
    real = make_subject

    def cancelling(*args: object) -> object:
        cancel.cancel()
        return real(*args)  # type: ignore[arg-type]

    monkeypatch.setattr(module, "make_subject", cancelling)
    with pytest.raises(Cancelled):
        make_synthetic(tmp_path, CONFIG, workers=1, cancel=cancel)
    assert [p.name for p in tmp_path.iterdir()] == ["dataset.json"]


def test_a_full_disk_is_said_and_leaves_what_was_whole(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    calls: list[Path] = []

    def filling(path: Path, shard: Shard) -> None:
        calls.append(path)
        if len(calls) == 2:
            raise OutputError("The disk is full.")
        write_shard(path, shard)

    monkeypatch.setattr(module, "write_shard", filling)
    with pytest.raises(OutputError):
        make_synthetic(tmp_path, CONFIG, workers=1)
    assert sorted(p.name for p in tmp_path.iterdir()) == ["dataset.json", "shard-00000.npz"]
