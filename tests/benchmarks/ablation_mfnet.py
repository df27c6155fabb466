"""Table 3 of the MFNet paper at a size for a processor: the self-supervised loss (eq. 11), whole and with each term left out.

`python -m tests.benchmarks.ablation_mfnet TRIPLETS HELD_OUT OUT` trains the fusion behind the frozen trunk from the average head, on
pictures and landmarks alone, once for each row, and measures held-out synthetic heads: posed heads (identity, expression, jaw) after the
best similarity, CD, MNE and CR as in FaceScape's benchmark, and the neutral shape's error. Writes ablation.csv, ablation.png and curve.csv.
With `--raft FILE` (`facestudio train raft` makes one) two more rows match by RAFT: once differentiated through it, as in the paper.
"""

from __future__ import annotations

import argparse
import csv
import io
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from facestudio.atomic import write_file
from facestudio.evaluate.facescape import benchmark_mne, compare, region_pixels, unroll
from facestudio.head.model import HeadModel
from facestudio.head.store import load_head
from facestudio.landmarks.weights import load_weights
from facestudio.paths import models_dir
from facestudio.reconstruct.mfnet.decode import vertex_decoder
from facestudio.reconstruct.mfnet.mirror import mirror_of
from facestudio.reconstruct.mfnet.network import MFNet, Sight, mfnet_for
from facestudio.training.mfnet.batch import TripletBatch, Truth
from facestudio.training.mfnet.flow import FlowEstimator, dis_flow, raft_flow
from facestudio.training.mfnet.selfsupervised import TERMS, SelfSupervision, SelfSupervisionConfig
from facestudio.training.mfnet.supervision import Supervision, validation
from facestudio.training.mfnet.triplets import SyntheticTriplets
from facestudio.types import Float64Array, Mesh

FULL = "all terms"
Row = dict[str, str | float]


@dataclass(frozen=True)
class AblationConfig:
    """captures: looked at once. steps of `batch` captures each, `flow` of which have the flow loss. heads: measured.

    rate: a tenth of the paper's: at the paper's own so short a training does not settle, and loses to the average head.
    """

    captures: int = 320
    steps: int = 200
    batch: int = 16
    flow: int = 1
    rate: float = 1e-4
    heads: int = 40


@dataclass(frozen=True)
class Trial:
    """One row."""

    name: str
    loss: SelfSupervisionConfig = field(default_factory=SelfSupervisionConfig)
    estimator: FlowEstimator = dis_flow


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("data", type=Path)
    parser.add_argument("held_out", type=Path)
    parser.add_argument("out", type=Path)
    parser.add_argument("--steps", type=int, default=AblationConfig.steps)
    parser.add_argument("--captures", type=int, default=AblationConfig.captures)
    parser.add_argument("--raft", type=Path)
    parser.add_argument("--only", nargs="+", help="names of rows; default: all")
    given = parser.parse_args()
    config = AblationConfig(captures=given.captures, steps=given.steps)
    model = load_head("open")
    torch.manual_seed(0)
    net = mfnet_for(model)
    assert net.landmarker is not None
    load_weights(net.landmarker, models_dir() / "dense_landmarks_net.npz")
    net.landmarker.requires_grad_(False)
    start = {name: value.clone() for name, value in net.state_dict().items()}
    seen = looked(net, model, given.data, config.captures, hold_out=10**9)
    held = looked(net, model, given.held_out, config.heads, hold_out=1)
    rows: list[Row] = [{"row": "average head", "seconds": 0.0, **measured(net, model, held)}]
    curve: list[Row] = []
    trials = [Trial(FULL), *(Trial(f"without {term}", SelfSupervisionConfig(without=(term,))) for term in TERMS)]
    if given.raft is not None:
        raft = raft_flow(given.raft, steps=6)
        trials += [Trial("RAFT, through it", SelfSupervisionConfig(form="through"), raft)]
        trials += [Trial("RAFT, as targets", SelfSupervisionConfig(form="targets"), raft)]
    for trial in trials if given.only is None else [t for t in trials if t.name in given.only]:
        net.load_state_dict(start)
        began = time.perf_counter()
        curve += trained(net, model, seen, held, trial, config)
        rows.append({"row": trial.name, "seconds": round(time.perf_counter() - began, 1), **measured(net, model, held)})
        sys.stdout.write(f"{rows[-1]}\n")
        write_file(given.out / "ablation.csv", table(rows))
        write_file(given.out / "curve.csv", table(curve))
    write_file(given.out / "ablation.png", drawn(rows, curve))


def looked(net: MFNet, model: HeadModel, folder: Path, count: int, hold_out: int) -> TripletBatch:
    """The first captures of a folder as one batch: the pictures, and what the frozen trunk sees in them."""
    c = net.config
    mirror = mirror_of(model, c.identity, c.expression)
    captures = SyntheticTriplets([folder], model, mirror, c.side, c.identity, c.expression, hold_out)
    batches = captures.held_out(20, count) if hold_out == 1 else captures.in_order(0, 20, count)
    net.eval()
    with torch.no_grad():
        found = [replace(b, sight=net.look(b.crops.flatten(0, 1), b.detected.flatten(0, 1))) for b in batches]
    return joined(found)


def joined(batches: Sequence[TripletBatch]) -> TripletBatch:
    """Batches with truth and sight as one."""

    def put(parts: Sequence[Any]) -> Any:
        if isinstance(parts[0], Tensor):
            return torch.cat(list(parts))
        return type(parts[0])(**{name: put([getattr(part, name) for part in parts]) for name in vars(parts[0])})

    whole: TripletBatch = put(batches)
    return whole


def picked(batch: TripletBatch, rows: Tensor) -> TripletBatch:
    """Some captures (N,) of a batch."""
    assert batch.truth is not None
    assert batch.sight is not None
    views = (3 * rows[:, None] + torch.arange(3)).flatten()
    parts = {name: value[rows] for name, value in vars(batch).items() if isinstance(value, Tensor)}
    truth = Truth(**{name: value[rows] for name, value in vars(batch.truth).items()})
    sight = Sight(**{name: value[views] for name, value in vars(batch.sight).items()})
    return TripletBatch(**parts, truth=truth, sight=sight)


def trained(
    net: MFNet, model: HeadModel, seen: TripletBatch, held: TripletBatch, trial: Trial, config: AblationConfig
) -> list[Row]:
    """Train the fusion in place by eq. 11; its curve, a row for every 20 steps. No truth is used."""
    choice = replace(trial.loss, captures=config.flow)
    objective, judge = SelfSupervision(model, net.config, choice, trial.estimator), Supervision(model, net)
    weights = [p for p in net.parameters() if p.requires_grad]
    optimiser = torch.optim.Adam(weights, config.rate)
    rng = torch.Generator().manual_seed(0)  # every row sees the same captures in the same order
    torch.manual_seed(0)
    rows: list[Row] = []
    sums: dict[str, float] = {}
    for step in range(1, config.steps + 1):
        batch = picked(seen, torch.randint(len(seen), (config.batch,), generator=rng))
        assert batch.sight is not None
        net.train()
        losses = objective(net.say(batch.sight, batch.K), replace(batch, truth=None))
        optimiser.zero_grad()
        torch.stack(list(losses.values())).sum().backward()
        torch.nn.utils.clip_grad_norm_(weights, 5.0)
        optimiser.step()
        for name, value in losses.items():
            sums[name] = sums.get(name, 0.0) + float(value.detach()) / 20.0
        if step % 20 == 0:
            net.eval()
            rows.append({"row": trial.name, "step": step, **sums, **validation(net, judge, held)})
            sums = {}
    return rows


def measured(net: MFNet, model: HeadModel, held: TripletBatch) -> dict[str, float]:
    """CD (mm), MNE and the benchmark's MNE (rad), CR of the posed heads, and the neutral shape's error (mm), means over captures."""
    net.eval()
    assert held.sight is not None
    assert held.truth is not None
    vertices = vertex_decoder(model, net.config.identity, net.config.expression)
    with torch.no_grad():
        said = net.say(held.sight, held.K)
        found = vertices(said.identity, said.expression, said.jaw[:, 1])
        true = vertices(held.truth.identity, held.truth.expression, held.truth.jaw)
    face = model.part_vertices("face", "lips", "eyelids", "skin")
    region = np.flatnonzero(face & ~model.part_vertices("scalp", "neck", "ears"))
    scores = []
    for a, b in zip(found.double().numpy(), true.double().numpy(), strict=True):
        laid = aligned(a, b, region)
        middle = b[region].mean(0) * [1.0, 1.0, 0.0]  # the cylinder's axis: through the head, not through the face
        truth = Mesh(b - middle, model.faces)
        there, here = unroll(truth), unroll(Mesh(laid - middle, model.faces))
        counted = region_pixels(there, truth, region)
        s = compare(there, counted, here)
        scores.append([s.cd_mm, s.mne_rad, benchmark_mne(there, counted, here), s.cr])
    cd, mne, benchmark, cr = np.nanmean(scores, axis=0)
    said_of = validation(net, Supervision(model, net), held)
    return {
        "cd_mm": float(cd),
        "mne_rad": float(mne),
        "benchmark_mne": float(benchmark),
        "cr": float(cr),
        "shape_mm": said_of["shape_mm"],
        "reprojection_px": said_of["reprojection_px"],
    }


def aligned(a: Float64Array, b: Float64Array, region: np.ndarray[tuple[int], np.dtype[np.intp]]) -> Float64Array:
    """Vertices a (V, 3) laid over b by the similarity that is best on a region (Umeyama 1991)."""
    x, y = a[region] - a[region].mean(0), b[region] - b[region].mean(0)
    U, S, Vt = np.linalg.svd(x.T @ y)
    scale = S.sum() / max(float((x**2).sum()), 1e-12)
    return np.asarray((a - a[region].mean(0)) @ U @ Vt * scale + b[region].mean(0))


def table(rows: Sequence[Row]) -> bytes:
    """Rows as CSV."""
    text = io.StringIO()
    writer = csv.DictWriter(text, list(dict.fromkeys(name for row in rows for name in row)), lineterminator="\n")
    writer.writeheader()
    writer.writerows({k: f"{v:.4f}" if isinstance(v, float) else v for k, v in row.items()} for row in rows)
    return text.getvalue().encode()


def drawn(rows: Sequence[Row], curve: Sequence[Row]) -> bytes:
    """The PNG: each row's CD, and how the neutral shape's error went."""
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    figure = Figure(figsize=(10.0, 3.6), layout="constrained")
    canvas = FigureCanvasAgg(figure)
    left, right = figure.subplots(1, 2)
    names = [str(row["row"]) for row in rows]
    values = [float(row["cd_mm"]) for row in rows]
    left.barh(names[::-1], values[::-1], color="#6a8caf")
    for y, value in enumerate(values[::-1]):
        left.text(value, y, f" {value:.2f}", va="center", fontsize=8)
    left.set_xlim(0.0, 1.12 * max(values))
    left.set_title("CD of posed heads, mm", fontsize=9)
    for name in dict.fromkeys(str(row["row"]) for row in curve):
        points = [(float(row["step"]), float(row["shape_mm"])) for row in curve if row["row"] == name]
        right.plot(*zip(*points, strict=True), label=name if name == FULL else f"without {name}", linewidth=1.0)
    right.axhline(float(rows[0]["shape_mm"]), color="grey", linestyle=":", linewidth=1.0, label="average head")
    right.set_title("neutral shape's error on held-out heads, mm, over steps", fontsize=9)
    right.legend(fontsize=7)
    for axes in (left, right):
        axes.tick_params(labelsize=8)
    out = io.BytesIO()
    canvas.print_png(out)
    return out.getvalue()


if __name__ == "__main__":
    main()
