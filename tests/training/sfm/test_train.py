"""The training as a whole: it learns, continues, leaves weights that load, and runs unchanged as two processes."""

from __future__ import annotations

import csv
import os
import socket
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from facestudio import manifest
from facestudio.errors import DatasetError
from facestudio.reconstruct.sfm.infer import load_net
from facestudio.reconstruct.sfm.networks import NetworkConfig
from facestudio.training.loop import LoopConfig
from facestudio.training.sfm.orbits import OrbitConfig
from facestudio.training.sfm.train import PAPER, SfmConfig, named_config, ship, train_sfm
from tests.training.sfm.made import made_orbits

ROOT = Path(__file__).resolve().parents[3]
TINY = SfmConfig(
    NetworkConfig(width=8, decoder=(16, 12, 8, 8, 8), pose_shrink=2),
    orbits=OrbitConfig(size=64, frames=3, landmarks=200),
    loop=LoopConfig(steps=4, optimiser="adam", rate=2e-3, betas=(0.9, 0.99), row_steps=1, threads=1),
    batch=2,
    checked=1,
)


def steps(config: SfmConfig, count: int) -> SfmConfig:
    return replace(config, loop=replace(config.loop, steps=count))


def curve(folder: Path) -> list[dict[str, str]]:
    with (folder / "curve.csv").open(newline="") as file:
        return list(csv.DictReader(file))


def test_a_training_leaves_a_curve_and_weights_that_load(tmp_path: Path) -> None:
    data = made_orbits(tmp_path / "data")
    done = train_sfm(data, tmp_path / "out", TINY, held_out=data)
    assert done.steps == 4
    assert {"landmark", "photometric", "depth", "smooth", "val/depth_mm", "val/turn_deg"} <= set(curve(tmp_path / "out")[0])
    assert (tmp_path / "out" / "curve.png").stat().st_size > 1000
    net, size = load_net(tmp_path / "out")
    assert size == 64
    assert net.config == TINY.network
    q, six = net(torch.zeros(2, 3, 64, 64), torch.tensor([[0, 1]]))
    assert bool(torch.isfinite(q).all() & torch.isfinite(six).all())


def test_a_training_learns_the_depth_of_heads(tmp_path: Path) -> None:
    data = made_orbits(tmp_path / "data", size=64, mean_head=True)
    train_sfm(data, tmp_path / "out", steps(replace(TINY, passes=5), 30), held_out=data)
    held_out = [float(row["val/depth_mm"]) for row in curve(tmp_path / "out") if row["val/depth_mm"]]
    assert held_out[-1] < held_out[0]
    losses = [float(row["landmark"]) for row in curve(tmp_path / "out") if row["landmark"]]
    assert np.mean(losses[-5:]) < 0.7 * np.mean(losses[:5])


def test_a_stopped_training_goes_on_to_the_same_end(tmp_path: Path) -> None:
    data = made_orbits(tmp_path / "data", size=64)
    whole = tmp_path / "whole"
    train_sfm(data, whole, steps(replace(TINY, loop=replace(TINY.loop, schedule="constant")), 4))
    parts = tmp_path / "parts"
    for end in (2, 4):
        train_sfm(data, parts, steps(replace(TINY, loop=replace(TINY.loop, schedule="constant")), end))
    a, b = load_net(whole)[0].state_dict(), load_net(parts)[0].state_dict()
    assert all(torch.allclose(a[name], b[name], atol=1e-5) for name in a)


def test_two_processes_train_one_network_by_torchrun_without_a_change_of_code(tmp_path: Path) -> None:
    data = made_orbits(tmp_path / "data", size=64)
    script = tmp_path / "script.py"
    script.write_text(
        "import sys\nfrom pathlib import Path\nfrom tests.training.sfm.test_train import TINY, steps\n"
        "from facestudio.training.sfm.train import train_sfm\nfrom dataclasses import replace\n"
        "import hashlib, os, torch\n"
        "import facestudio.training.sfm.train as t\n"
        "seen = []\nold = t.SfmNet\n"
        "def remember(*a):\n    seen.append(old(*a))\n    return seen[-1]\n"
        "t.SfmNet = remember\n"
        f"train_sfm(Path({str(data)!r}), Path({str(tmp_path / 'out')!r}), steps(replace(TINY, batch=1), 2))\n"
        f"total = sum(float(p.detach().double().abs().sum()) for p in seen[0].parameters())\n"
        f"(Path({str(tmp_path)!r}) / ('rank' + os.environ['RANK'])).write_text(repr(total))\n"
    )
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    command = [sys.executable, "-m", "torch.distributed.run", "--nproc-per-node=2", f"--master-port={port}", str(script)]
    environment = os.environ | {"PYTHONPATH": str(ROOT), "OMP_NUM_THREADS": "1"}
    done = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, check=False, timeout=240)
    assert done.returncode == 0, done.stderr[-2000:]
    assert len(curve(tmp_path / "out")) == 2  # written once, by the first process
    assert (tmp_path / "rank0").read_text() == (tmp_path / "rank1").read_text()  # the same weights in both
    load_net(tmp_path / "out")


def test_the_papers_configuration_is_the_papers() -> None:
    assert PAPER.loop.optimiser == "adam"
    assert (PAPER.loop.betas, PAPER.loop.epochs, PAPER.batch) == ((0.9, 0.99), 50, 2)
    assert (PAPER.orbits.size, PAPER.orbits.landmarks) == (384, 800)
    assert named_config("paper", minutes=3.0).loop.epochs is None


def test_the_ablation_switches_losses_off() -> None:
    photometric, marks = named_config("small", losses="photometric"), named_config("small", landmarks=68, losses="landmarks")
    assert (photometric.losses.landmark, photometric.losses.photometric) == (0.0, 1.0)
    assert (marks.losses.landmark, marks.losses.photometric, marks.orbits.landmarks) == (1.0, 0.0, 68)
    with pytest.raises(DatasetError):
        named_config("large")


def test_the_size_of_the_pictures_can_be_asked_for() -> None:
    assert named_config("small", size=64).orbits.size == 64
    assert named_config("small").orbits.size == 96
    with pytest.raises(DatasetError, match="100 pixels"):
        named_config("small", size=100)


def test_shipping_names_the_files_in_the_manifest(tmp_path: Path) -> None:
    train_sfm(made_orbits(tmp_path / "data", size=64), tmp_path / "out", steps(TINY, 1))
    ship(tmp_path / "out", tmp_path / "models", "facestudio train sfm")
    assert {e["file"] for e in manifest.read(tmp_path / "models")} == {"sfm_depth.npz", "sfm_pose.npz"}
    load_net(tmp_path / "models")
