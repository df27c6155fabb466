"""The training loop: it learns, ends where it should, continues exactly, and shares the work among processes."""

from __future__ import annotations

import csv
import os
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
import torch
from torch import Tensor, nn

from facestudio.errors import Cancelled, DatasetError, HeadModelError
from facestudio.landmarks.weights import load_weights, read_extra
from facestudio.progress import CancelToken
from facestudio.training.checkpoint import export_weights, load_checkpoint
from facestudio.training.loop import CHECKPOINT, LoopConfig, Trainer, place_in_run

TRUTH = torch.tensor([[1.5, -2.0, 0.5]])


class Line(nn.Module):
    """A linear layer behind a normalisation: something with parameters and buffers."""

    def __init__(self) -> None:
        super().__init__()
        self.norm, self.layer = nn.BatchNorm1d(3), nn.Linear(3, 1)

    def forward(self, x: Tensor) -> Tensor:
        return self.layer(self.norm(x))


def batches(epoch: int) -> Iterator[Tensor]:
    """Eight batches, the same ones for the same epoch."""
    source = torch.Generator().manual_seed(epoch)
    for _ in range(8):
        yield torch.randn(16, 3, generator=source)


def trainer(out: Path, config: LoopConfig, cancel: CancelToken | None = None, seed: int = 3) -> Trainer:
    torch.manual_seed(seed)
    net = Line()

    def losses(x: Tensor) -> dict[str, Tensor]:
        error = net(x) - x @ TRUTH.T
        return {"square": error.square().mean(), "seen": error.detach().abs().max()}

    def validate(_: nn.Module) -> dict[str, float]:
        return {"bias": float(net.layer.bias)}

    return Trainer(config, net, losses, batches, out, cancel=cancel, validate=validate)


def test_it_learns_and_writes_its_curve(tmp_path: Path) -> None:
    done = trainer(tmp_path, LoopConfig(epochs=25, rate=0.1, row_steps=10, clip=5.0)).run()
    assert (done.steps, done.epochs) == (200, 25)
    with (tmp_path / "curve.csv").open() as file:
        rows = list(csv.DictReader(file))
    squares = [float(r["square"]) for r in rows if r["square"]]
    assert len(squares) == 20
    assert squares[-1] < 0.2 * squares[0]  # the normalisation's noise stays
    assert sum(bool(r["val/bias"]) for r in rows) == 25
    assert (tmp_path / "curve.png").read_bytes()[:4] == b"\x89PNG"


def test_the_rate_warms_up_and_ends_annealed(tmp_path: Path) -> None:
    config = LoopConfig(steps=40, rate=0.1, warmup=0.25, floor=0.01, row_steps=1)
    trainer(tmp_path, config).run()
    with (tmp_path / "curve.csv").open() as file:
        rates = [float(r["lr"]) for r in csv.DictReader(file) if r["square"]]
    assert rates[0] == pytest.approx(0.002)
    assert max(rates) == pytest.approx(0.1, rel=0.01)
    assert rates.index(max(rates)) == 10
    assert rates[-1] < 0.002


@pytest.mark.parametrize("stop", [5, 8, 19])
def test_a_stopped_training_continues_as_if_nothing_had_happened(tmp_path: Path, stop: int) -> None:
    whole = LoopConfig(steps=32, rate=0.05, average=0.9, decay=0.01, schedule="constant")
    straight = trainer(tmp_path / "a", whole)
    straight.run()
    cancel = CancelToken()
    first = trainer(tmp_path / "b", whole, cancel)
    first._progress = lambda *_: None
    seen = iter(range(stop))
    first._batches = lambda epoch, give=batches: _stopping(give(epoch), seen, cancel)  # type: ignore[misc]
    with pytest.raises(Cancelled):
        first.run()
    second = trainer(tmp_path / "b", whole, seed=99)
    assert second.step == stop
    second.run()
    for name, value in straight.net.state_dict().items():
        assert torch.equal(value, second.net.state_dict()[name]), name
    for name, value in straight.averaged().items():
        assert torch.equal(value, second.averaged()[name]), name


def _stopping(source: Iterator[Tensor], seen: Iterator[int], cancel: CancelToken) -> Iterator[Tensor]:
    for batch in source:
        if next(seen, None) is None:
            cancel.cancel()
        yield batch


def test_minutes_end_it_and_count_over_runs(tmp_path: Path) -> None:
    first = trainer(tmp_path, LoopConfig(minutes=0.003)).run()
    assert first.seconds >= 0.18
    again = trainer(tmp_path, LoopConfig(minutes=0.003))
    assert again.run().steps == first.steps


def test_the_average_forgets_noise(tmp_path: Path) -> None:
    t = trainer(tmp_path, LoopConfig(epochs=10, rate=0.3, schedule="constant", average=0.95))
    t.run()
    assert not torch.equal(t.averaged()["layer.weight"], t.net.state_dict()["layer.weight"])


def test_bfloat16_learns_too(tmp_path: Path) -> None:
    done = trainer(tmp_path, LoopConfig(epochs=20, rate=0.1, bf16=True)).run()
    assert done.steps == 160
    rows = trainer(tmp_path, LoopConfig(epochs=20))._curve.rows
    assert [r["square"] for r in rows if "square" in r][-1] < 1.0


def test_a_training_without_an_end_or_without_data_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="needs an end"):
        trainer(tmp_path, LoopConfig())
    t = trainer(tmp_path, LoopConfig(epochs=1))
    t._batches = lambda _: iter(())
    with pytest.raises(ValueError, match="no batches"):
        t.run()


def test_a_damaged_checkpoint_is_refused(tmp_path: Path) -> None:
    (tmp_path / CHECKPOINT).write_bytes(b"PK no checkpoint")
    with pytest.raises(DatasetError, match="cannot be read"):
        load_checkpoint(tmp_path / CHECKPOINT)


def test_weights_ship_without_pickles_and_come_back(tmp_path: Path) -> None:
    net, other = Line(), Line()
    export_weights(net, tmp_path / "w.npz", {"mean": torch.ones(4).numpy()})
    load_weights(other, tmp_path / "w.npz")
    assert torch.equal(net.layer.weight.half().float(), other.layer.weight)
    assert torch.equal(net.state_dict()["norm.running_var"], other.state_dict()["norm.running_var"])
    assert read_extra(tmp_path / "w.npz")["mean"].sum() == 4
    with pytest.raises(HeadModelError, match="another network"):
        load_weights(nn.Linear(3, 1), tmp_path / "w.npz")
    with pytest.raises(HeadModelError, match="cannot be read"):
        load_weights(other, tmp_path / "none.npz")


def shares(out: Path) -> nn.Module:
    """Train on this process's share of four batches."""
    rank, world = place_in_run()
    torch.manual_seed(0)
    net = nn.Linear(3, 1)
    mine = torch.randn(4, 8, 3, generator=torch.Generator().manual_seed(5)).chunk(world, 1)[rank]

    def losses(x: Tensor) -> dict[str, Tensor]:
        return {"square": (net(x) - x.sum(1, keepdim=True)).square().mean()}

    Trainer(LoopConfig(epochs=3, rate=0.05), net, losses, lambda _: iter(mine), out).run()
    return net


def test_two_processes_learn_what_one_learns(tmp_path: Path) -> None:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        place = {"WORLD_SIZE": "2", "MASTER_ADDR": "127.0.0.1", "MASTER_PORT": str(probe.getsockname()[1])}
    command = [sys.executable, str(Path(__file__)), str(tmp_path)]
    root = str(Path(__file__).parents[2])
    runs = [subprocess.Popen(command, env={**os.environ, **place, "RANK": str(r), "PYTHONPATH": root}) for r in (0, 1)]
    one = shares(tmp_path / "one")
    assert [run.wait(timeout=120) for run in runs] == [0, 0]
    first, second = nn.Linear(3, 1), nn.Linear(3, 1)
    load_weights(first, tmp_path / "rank0.npz")
    load_weights(second, tmp_path / "rank1.npz")
    for name, value in one.state_dict().items():
        assert torch.allclose(value, first.state_dict()[name], atol=1e-6)
        assert torch.equal(first.state_dict()[name], second.state_dict()[name])
    assert (tmp_path / CHECKPOINT).is_file()


if __name__ == "__main__":
    export_weights(shares(Path(sys.argv[1])), Path(sys.argv[1]) / f"rank{place_in_run()[0]}.npz", half=False)
