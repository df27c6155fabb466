"""MFNet's objectives on made captures, and a training of a few steps from shards to a file that the engine reads."""

from __future__ import annotations

import json
import os
import socket
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np
import pytest
import torch
from torch import Tensor

from facestudio.errors import DatasetError, HeadModelError
from facestudio.head.dense import attach_dense
from facestudio.head.model import HeadModel
from facestudio.reconstruct.mfnet.mirror import mirror_of
from facestudio.reconstruct.mfnet.network import SMALL, MFNetConfig, Prediction, Sight, mfnet_for
from facestudio.reconstruct.mfnet.predict import read_network
from facestudio.training.mfnet.batch import Sample, TripletBatch, collate
from facestudio.training.mfnet.selfsupervised import TERMS, SelfSupervision, SelfSupervisionConfig
from facestudio.training.mfnet.supervision import Supervision, degrees_between, predict
from facestudio.training.mfnet.train import CONFIGS, MFNetTrainer, MFNetTraining
from facestudio.training.mfnet.triplets import SyntheticTriplets
from tests.training.mfnet.made import made_dataset

ROOT = Path(__file__).resolve().parents[3]
TINY = replace(SMALL, side=64, hidden=16, map_channels=2)


def batch_of(triplets: SyntheticTriplets) -> TripletBatch:
    samples: list[Sample] = [triplets.sample(*p) for p in triplets._places(False)[:2]]
    return collate(samples)


def perfect(batch: TripletBatch) -> Prediction:
    """The prediction that says the truth."""
    t = batch.truth
    assert t is not None
    jaw = t.jaw[:, None].expand(-1, 3, -1)
    none = Sight(torch.zeros(6, 1), torch.zeros(6, 1, 1, 1))  # no landmarks
    return Prediction(t.identity, t.expression, torch.zeros(2, 3, 4), t.light, t.R, t.t, jaw, none)


def test_the_truth_costs_nothing_and_each_error_is_seen_by_its_own_loss(head: HeadModel, triplets: SyntheticTriplets) -> None:
    batch, objective = batch_of(triplets), Supervision(head, mfnet_for(head, TINY))
    truth = perfect(batch)
    exact = {k: float(v) for k, v in objective(truth, batch).items() if k != "codes"}
    assert exact.pop("reprojection") < 0.2  # the lower neck's landmarks do not all follow the head
    assert max(exact.values()) < 0.01
    wrong = {
        "shape": replace(truth, identity=truth.identity + 0.5),
        "face": replace(truth, expression=truth.expression + 0.2),
        "turn": replace(truth, R=truth.R.flip(1)),
        "place": replace(truth, t=truth.t * 1.1),
        "light": replace(truth, light=truth.light + 1.0),
    }
    for name, prediction in wrong.items():
        assert float(objective(prediction, batch)[name]) > exact[name] + 0.1, name


def test_supervision_needs_truth(head: HeadModel, triplets: SyntheticTriplets) -> None:
    batch = batch_of(triplets)
    with pytest.raises(ValueError, match="truth"):
        Supervision(head, mfnet_for(head, TINY))(perfect(batch), replace(batch, truth=None))


def test_degrees_between_rotations() -> None:
    quarter = torch.tensor([[0.0, -1, 0], [1, 0, 0], [0, 0, 1]])
    assert float(degrees_between(torch.eye(3), quarter)) == pytest.approx(81.0, abs=0.1)  # the chord of 90 degrees
    assert float(degrees_between(quarter, quarter)) < 0.01


def still(first: Tensor, second: Tensor) -> Tensor:
    """An estimator that sees no motion."""
    return torch.zeros(len(first), 2, *first.shape[-2:])


def shifted(first: Tensor, second: Tensor) -> Tensor:
    """An estimator that sees everything two pixels further right."""
    flow = still(first, second)
    flow[:, 0] = 2.0
    return flow


def test_the_paper_s_losses_vanish_at_the_truth_and_the_flow_pulls_vertices(
    head: HeadModel, triplets: SyntheticTriplets
) -> None:
    batch = batch_of(triplets)
    config = SelfSupervisionConfig(texture=32, reference_px=64.0)
    said = {k: float(v) for k, v in SelfSupervision(head, TINY, config, still)(perfect(batch), batch).items()}
    assert set(said) == set(TERMS)
    assert said["flow"] == 0.0
    assert said["landmarks"] < 0.05
    assert said["eyes"] + said["lips"] < 0.02
    t = batch.truth
    assert t is not None
    at = t.t.clone().requires_grad_()
    losses = SelfSupervision(head, TINY, config, shifted)(replace(perfect(batch), t=at), batch)
    assert float(losses["flow"].detach()) == pytest.approx(2.0, abs=1e-4)
    losses["flow"].backward()
    assert at.grad is not None
    assert float(at.grad[..., 0].max()) < 0  # to the right, where the flow saw the face


def test_the_flow_loss_through_the_estimator_reaches_the_head(head: HeadModel, triplets: SyntheticTriplets) -> None:
    """A differentiable stand-in: the "flow" is the difference of brightness."""

    def difference(first: Tensor, second: Tensor) -> Tensor:
        return (second - first)[:, :2]

    batch = batch_of(triplets)
    truth = perfect(batch)
    identity = truth.identity.clone().requires_grad_()
    config = SelfSupervisionConfig(form="through", mask="zbuffer", texture=32)
    losses = SelfSupervision(head, TINY, config, difference)(replace(truth, identity=identity), batch)
    losses["flow"].backward()
    assert identity.grad is not None
    assert float(identity.grad.abs().sum()) > 0


@pytest.mark.parametrize("term", TERMS)
def test_an_ablation_leaves_its_term_out(head: HeadModel, triplets: SyntheticTriplets, term: str) -> None:
    batch = batch_of(triplets)
    objective = SelfSupervision(head, TINY, SelfSupervisionConfig(without=(term,), texture=32), still)
    assert set(objective(perfect(batch), batch)) == set(TERMS) - {term}


def test_the_paper_s_losses_on_flame(flame: HeadModel, tmp_path: Path) -> None:
    """FLAME's reduced file has no expressions: the codes are as long as its bases."""
    model = attach_dense(flame)
    net = mfnet_for(model, replace(TINY, landmarks=False))
    data = made_dataset(tmp_path / "flame", model, subjects=2)
    captures = SyntheticTriplets([data], model, mirror_of(model, 60, 0), 64, 60, 0, hold_out=10**9)
    batch = collate([captures.sample(*place) for place in captures._places(False)])
    losses = SelfSupervision(model, net.config, SelfSupervisionConfig(texture=32), still)(predict(net, batch), batch)
    assert set(losses) == set(TERMS)
    torch.stack(list(losses.values())).sum().backward()
    gradient = net.view.weight.grad
    assert gradient is not None
    assert float(gradient.abs().sum()) > 0
    truth = perfect(batch)
    exact = SelfSupervision(model, net.config, SelfSupervisionConfig(texture=32, reference_px=64.0), still)(truth, batch)
    assert float(exact["landmarks"]) / 68.0 < 0.2  # pixels each: in FLAME the jaw line bends less with the neck than the face


def test_an_unknown_ablation_is_refused(head: HeadModel) -> None:
    with pytest.raises(ValueError, match="no such term: nose"):
        SelfSupervision(head, TINY, SelfSupervisionConfig(without=("nose",)))


def test_the_configurations_are_the_paper_s_and_ours() -> None:
    assert CONFIGS["paper"] == MFNetConfig(50, 224, 100, 50, 50, 0, 0, False, False)
    assert CONFIGS["small"].landmarks


def test_a_training_writes_what_the_engine_reads(head: HeadModel, data: Path, tmp_path: Path) -> None:
    torch.manual_seed(0)
    training = MFNetTraining(
        minutes=1 / 200,
        batch=2,
        fusion_batch=2,
        variants=1,
        validate=2,
        captures=4,
        average=0.5,
        selfsupervised=SelfSupervisionConfig(texture=32, captures=1),
    )
    heard: list[str] = []
    net = mfnet_for(head, TINY)
    trainer = MFNetTrainer(head, net, [data], tmp_path, training, lambda stage, *_: heard.append(stage), held_out=data)
    found = trainer.run()
    assert list(found) == ["start", "straight", "fusion", "whole", "self"]
    assert all(np.isfinite(list(row.values())).all() for row in found.values())
    assert json.loads((tmp_path / "validation.json").read_text()).keys() == found.keys()
    assert {"look", "fusion", "whole", "self"} <= set(heard)
    sheet = cv2.imread(str(tmp_path / "sheet.png"))
    assert sheet.shape == (2 * 64, 8 * 64, 3)  # two captures; crops, heads over them, the head and the true one
    assert float(sheet[:, 6 * 64 :].std()) > 5.0
    again = read_network(tmp_path / "mfnet.npz", head)
    batch = batch_of(trainer.captures)
    with torch.no_grad():
        there, here = predict(net.eval(), batch), predict(again, batch)
    torch.testing.assert_close(here.identity, there.identity, atol=0.05, rtol=0.05)  # half precision
    with pytest.raises(HeadModelError, match="knows the head model openhead"):
        read_network(tmp_path / "mfnet.npz", replace(head, name="flame"))


def test_a_data_set_too_small_to_hold_anything_out_is_said(head: HeadModel, data: Path, tmp_path: Path) -> None:
    with pytest.raises(DatasetError, match="No capture is left to judge on"):
        MFNetTrainer(head, mfnet_for(head, TINY), [data], tmp_path)


def test_the_stages_that_run_share_the_minutes() -> None:
    every, some = MFNetTraining(minutes=40.0), MFNetTraining(minutes=40.0, stages=("fusion", "self"))
    assert sum(every.minutes_of(stage) for stage in ("look", "fusion", "whole", "self")) == pytest.approx(40.0)
    assert sum(some.minutes_of(stage) for stage in ("look", "fusion", "self")) == pytest.approx(40.0)


def test_two_processes_learn_from_their_own_shares_by_torchrun(data: Path, tmp_path: Path) -> None:
    """Stage fusion under torchrun with gloo: each looks at its own captures, both end with the same weights, one writes."""
    script = tmp_path / "script.py"
    script.write_text(
        "import json, os\nfrom pathlib import Path\n"
        "from facestudio.head.store import load_head\n"
        "from facestudio.reconstruct.mfnet.network import mfnet_for\n"
        "from facestudio.training.mfnet.train import MFNetTrainer, MFNetTraining\n"
        "from tests.training.mfnet.test_losses_and_train import TINY\n"
        "import torch\ntorch.manual_seed(0)\nhead = load_head('open')\nnet = mfnet_for(head, TINY)\n"
        "training = MFNetTraining(minutes=1 / 100, stages=('fusion',), batch=1, fusion_batch=1, variants=1, validate=1)\n"
        f"trainer = MFNetTrainer(head, net, [Path({str(data)!r})], Path({str(tmp_path / 'out')!r}), training,\n"
        f"    held_out=Path({str(data)!r}))\n"
        "mine = [b.K[:, 0, 0, 2].tolist() + b.truth.identity[:, 0].tolist() for b in trainer.captures.in_order(\n"
        "    0, 1, 99, 0, training.augment, trainer.rank, trainer.ranks)]\n"
        "trainer.run()\n"
        "weights = sum(float(p.detach().double().abs().sum()) for p in net.parameters())\n"
        f"(Path({str(tmp_path)!r}) / ('rank' + os.environ['RANK'])).write_text(json.dumps([weights, mine]))\n"
    )
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    command = [sys.executable, "-m", "torch.distributed.run", "--nproc-per-node=2", f"--master-port={port}", str(script)]
    environment = os.environ | {"PYTHONPATH": str(ROOT), "OMP_NUM_THREADS": "1"}
    done = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, check=False, timeout=240)
    assert done.returncode == 0, done.stderr[-4000:]
    (first, mine), (second, theirs) = (json.loads((tmp_path / f"rank{rank}").read_text()) for rank in (0, 1))
    assert first == second
    assert not {tuple(row) for row in mine} & {tuple(row) for row in theirs}
    assert {path.name for path in (tmp_path / "out").iterdir()} >= {"mfnet.npz", "looked.pt", "rank1-looked.pt", "sheet.png"}
