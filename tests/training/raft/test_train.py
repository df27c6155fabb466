"""RAFT itself (torchvision's, untrained) and its training, on made pairs of known shift."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from facestudio.errors import DatasetError, FaceStudioError
from facestudio.progress import CancelToken
from facestudio.training.checkpoint import save_checkpoint
from facestudio.training.loop import LoopConfig
from facestudio.training.raft.estimate import RaftFlow, load_raft
from facestudio.training.raft.net import is_small, raft
from facestudio.training.raft.pairs import Pair
from facestudio.training.raft.train import (
    WEIGHTS,
    RaftConfig,
    Sample,
    batches,
    cut,
    held_out_samples,
    pair_files,
    read_sample,
    save_pair,
    sequence_loss,
    train_raft,
)

SIDE, SHIFT = 136, (2, -3)  # x and y
QUICK = RaftConfig(
    window=128, batch=2, updates=2, judged=2, loop=LoopConfig(steps=2, rate=1e-4, row_steps=1, average=0.9, threads=1)
)


def made_pair(seed: int) -> Pair:
    """Speckle, and the same moved by SHIFT."""
    rng = np.random.default_rng(seed)
    first = rng.integers(0, 255, (2, SIDE, SIDE), dtype=np.uint8)
    second = np.roll(first, (SHIFT[1], SHIFT[0]), (1, 2))
    there = np.broadcast_to(np.array(SHIFT, np.float16), (SIDE, SIDE, 2)).copy()
    weight = np.full((SIDE, SIDE), 255, np.uint8)
    return Pair(first, second, there, -there, weight, weight)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    made = tmp_path_factory.mktemp("pairs")
    for k in range(4):
        save_pair(made / f"subject{k:02d}_000.npz", made_pair(k))
    return made


def explained(sample: Sample) -> bool:
    """Whether second(p + flow) is first(p) at the window's middle."""
    y, x = (n // 2 for n in sample.first.shape)
    dx, dy = (round(float(v)) for v in sample.flow[y, x])
    return bool(
        np.array_equal(
            sample.second[y + dy - 9 : y + dy + 9, x + dx - 9 : x + dx + 9], sample.first[y - 9 : y + 9, x - 9 : x + 9]
        )
    )


@pytest.mark.parametrize("backwards", [False, True])
def test_mirrored_and_turned_windows_keep_their_flow(folder: Path, backwards: bool) -> None:
    sample, rng = read_sample(pair_files(folder)[0], 1, backwards), np.random.default_rng(0)
    assert explained(sample)
    flows = set()
    for _ in range(24):
        window = cut(sample, 96, rng)
        assert explained(window)
        assert explained(cut(sample, 96, rng, far_px=12))
        flows.add(tuple(np.rint(window.flow[0, 0]).astype(int)))
    assert len(flows) == 8  # all mirror images and quarter turns


def test_batches_are_the_same_for_the_same_epoch_and_shared_among_processes(folder: Path) -> None:
    files = pair_files(folder)
    first, again, other = (list(batches(files, QUICK, epoch)) for epoch in (0, 0, 1))
    assert len(first) == 2
    assert first[0]["first"].shape == (2, 3, 128, 128)
    assert first[0]["flow"].shape == (2, 2, 128, 128)
    assert float(first[0]["first"].abs().max()) <= 1.0
    assert torch.equal(first[0]["first"], again[0]["first"])
    assert not torch.equal(first[0]["first"], other[0]["first"])
    assert [len(list(batches(files, QUICK, 0, rank, 2))) for rank in (0, 1)] == [1, 1]


def test_the_loss_by_hand() -> None:
    truth, weight = torch.zeros(1, 2, 2, 2), torch.tensor([[[1.0, 1.0], [0.0, 0.0]]])
    flows = [torch.full((1, 2, 2, 2), value) for value in (3.0, 1.0)]
    flows[1][..., 1, :] = 100.0  # where the weight is zero
    assert float(sequence_loss(flows, truth, weight, 0.8)) == pytest.approx(
        0.8 * 6.0 + 2.0
    )  # |3| + |3| at the first update, 2 at the last


def test_training_learns_goes_on_and_writes_weights_that_refinement_takes(folder: Path, tmp_path: Path) -> None:
    files = pair_files(folder)
    done = train_raft(files[1:], files[:1], tmp_path, QUICK)
    assert done.steps == 2
    further = train_raft(files[1:], files[:1], tmp_path, replace(QUICK, loop=replace(QUICK.loop, steps=3)))
    assert further.steps == 3
    judged = held_out_samples(files[:1], QUICK)
    assert further.last["val/zero"] == pytest.approx(float(np.hypot(*SHIFT)), rel=1e-3)
    assert further.last["val/dis"] < 1.0 < further.last["val/pixels"]
    drawn, photo = judged[0].first[:100, :120], judged[0].second[:100, :120]
    there, back = RaftFlow(tmp_path / WEIGHTS, updates=2)(drawn, photo, CancelToken())
    assert there.shape == back.shape == (100, 120, 2)
    assert there.dtype == np.float32
    assert np.isfinite(there).all()
    assert not np.array_equal(there, back)


def test_the_size_of_weights_is_recognised(tmp_path: Path) -> None:
    for small in (True, False):
        assert is_small(raft(small).state_dict()) is small
    save_checkpoint(tmp_path / "other.pth", {"gain": torch.zeros(1)})
    with pytest.raises(FaceStudioError, match="no RAFT"):
        load_raft(tmp_path / "other.pth")


def test_a_damaged_pair_and_an_empty_folder_are_said(tmp_path: Path) -> None:
    (tmp_path / "a.npz").write_bytes(b"PK\x03\x04 nothing")
    with pytest.raises(DatasetError, match="cannot be read"):
        read_sample(tmp_path / "a.npz", 0, False)
    with pytest.raises(DatasetError, match="no pairs"):
        pair_files(tmp_path / "nowhere")
