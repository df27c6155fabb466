"""How good an identity prior is: how near it brings heads that it has not seen, from dense and from sparse evidence.

`python -m facestudio.head.open_head.prior_report --shared FOLDER` prints the table for the shipped prior and its rivals. FLAME's
heads are held out from the shipped prior altogether; Surrey's and ICT's are held out where their name is not in the prior's.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from facestudio.geometry.shading import vertex_normals
from facestudio.head.open_head.build import build
from facestudio.head.open_head.learned_prior import SURREY_SHARE, learn
from facestudio.head.open_head.prior import target_deltas
from facestudio.head.open_head.scan_models import (
    FACE_PARTS,
    CarriedIdentity,
    carry,
    completed,
    read_flame,
    read_ict,
    read_surrey,
)
from facestudio.types import BoolArray, Float64Array, FloatArray, IntArray

SPARSE_POINTS = 60  # about what three-view landmarks are worth
SPARSE_NOISE = 0.0015  # metres
DENSE_NOISE = 0.0005  # metres
_RIGID_FREEDOM = 1.0  # metres and radians: as good as no prior on the head's pose


@dataclass(frozen=True)
class Candidate:
    """A prior to be judged. mean: (V, 3) float64, metres. basis: (V, 3, S), metres per standard deviation."""

    name: str
    mean: Float64Array
    basis: FloatArray


@dataclass(frozen=True)
class Score:
    """Median over subjects of the median distance over the face, mm, measured along the surface's normal.

    mean_head: of the unfitted mean, rigidly aligned. sparse: predicted from SPARSE_POINTS noisy points. dense: fitted to all.
    plausibility: mean square of the coefficients that the dense fit needs; 1 or below when the subject is an ordinary one.
    surprise: negative log likelihood per observed coordinate, nats, of the sparse points' positions; lower is better.
    """

    candidate: str
    subjects: str
    mean_head: float
    sparse: float
    dense: float
    plausibility: float
    surprise: float


def sample_subjects(source: CarriedIdentity, count: int, seed: int) -> Float64Array:
    """(count, V, 3) float64, metres: random heads of a scan model, coefficients from N(0, 1)."""
    rng = np.random.default_rng(seed)
    return np.asarray(source.mean + np.einsum("nk,kvx->nvx", rng.standard_normal((count, len(source.modes))), source.modes))


def judge(
    candidate: Candidate, subjects: str, heads: Iterable[Float64Array], region: BoolArray, faces: IntArray, seed: int = 0
) -> Score:
    """Fit the candidate to heads (V, 3) given in its own topology and report the errors over the region (V,) bool."""
    ids = np.flatnonzero(region)
    mean = candidate.mean[ids]
    rng = np.random.default_rng(seed)
    basis = np.concatenate([_rigid_basis(mean), np.asarray(candidate.basis, dtype=np.float64)[ids]], axis=2)
    rows = []
    for head in heads:
        normals = vertex_normals(head, faces)[ids]
        gap = head[ids] - mean

        def error(coefficients: Float64Array, used: Float64Array, gap: Float64Array = gap, n: Float64Array = normals) -> float:
            return 1000.0 * float(np.median(np.abs(((gap - used @ coefficients) * n).sum(1))))

        few = rng.choice(len(ids), SPARSE_POINTS, replace=False)
        noisy = gap[few] + SPARSE_NOISE * rng.standard_normal((SPARSE_POINTS, 3))
        posed, _ = _map_estimate(basis[..., :6], gap, DENSE_NOISE)
        sparse, surprise = _map_estimate(basis[few], noisy, SPARSE_NOISE)
        dense, _ = _map_estimate(basis, gap, DENSE_NOISE)
        plausibility = float((dense[6:] ** 2).sum() / max(1, len(dense) - 6))
        rows.append((error(posed, basis[..., :6]), error(sparse, basis), error(dense, basis), plausibility, surprise))
    return Score(candidate.name, subjects, *map(float, np.median(np.array(rows), axis=0)))


def compare(shared: Path, count: int = 40) -> list[Score]:
    """The hand-set prior, priors of one or several scan models, and the shipped recipe, on `count` random heads of each scan model."""
    model, targets = build(), target_deltas()[1]
    ict = carry(model, read_ict(shared / "data" / "ict_facekit"))
    flame = carry(model, read_flame(shared / "data" / "flame2023_open" / "flame2023_open_shape60.npz"))
    surrey = carry(model, read_surrey(shared / "data" / "eos_sfm"))
    mask = completed(model, surrey, ict)
    recipes = {
        "ICT": ([(ict, 1.0)], None),
        "ICT + MakeHuman": ([(ict, 1.0)], targets),
        "FLAME": ([(flame, 1.0)], None),
        "ICT, FLAME": ([(ict, 0.5), (flame, 0.5)], None),
        "shipped: ICT, Surrey, MH": ([(ict, 1.0 - SURREY_SHARE), (mask, SURREY_SHARE)], targets),
    }
    candidates = [Candidate("hand-set (MakeHuman)", model.template.astype(np.float64), model.identity_basis)]
    for name, (sources, extra) in recipes.items():
        prior = learn(model, sources, extra, "")
        candidates.append(Candidate(name, model.template + prior.offset.astype(np.float64), prior.basis))
    region = model.part_vertices(*FACE_PARTS) & ict.trusted & flame.trusted
    scores = []
    for source, where in ((flame, region), (surrey, region & mask.trusted), (ict, region)):
        heads = sample_subjects(source, count, seed=1)
        scores += [judge(candidate, source.name, heads, where, model.faces) for candidate in candidates]
    return scores


def main(arguments: Sequence[str] | None = None) -> None:
    """Command line: print the comparison."""
    parser = argparse.ArgumentParser(description=main.__doc__)
    parser.add_argument(
        "--shared", type=Path, required=True, help="folder with data/ict_facekit, data/eos_sfm, data/flame2023_open"
    )
    sys.stdout.write(table(compare(parser.parse_args(arguments).shared)) + "\n")


def table(scores: Iterable[Score]) -> str:
    """The scores as fixed-width text, one line each."""
    lines = [f"{'prior':<28}{'subjects':<18}{'mean head':>10}{'sparse':>8}{'dense':>8}{'z^2':>7}{'surprise':>10}"]
    lines += [
        f"{s.candidate:<28}{s.subjects:<18}{s.mean_head:>10.2f}{s.sparse:>8.2f}{s.dense:>8.2f}{s.plausibility:>7.2f}{s.surprise:>10.2f}"
        for s in scores
    ]
    return "\n".join(lines)


def _rigid_basis(points: Float64Array) -> Float64Array:
    """(N, 3, 6): shifts and turns about the centre, each with a standard deviation of _RIGID_FREEDOM."""
    arms = points - points.mean(0)
    motions = np.zeros((len(points), 3, 6))
    motions[:, :, :3] = np.eye(3)
    for axis in range(3):
        motions[:, :, 3 + axis] = np.cross(np.eye(3)[axis], arms)
    return motions * _RIGID_FREEDOM


def _map_estimate(basis: Float64Array, gap: Float64Array, noise: float) -> tuple[Float64Array, float]:
    """Most probable coefficients under N(0, I) and isotropic noise (metres), and the negative log likelihood per coordinate.

    The likelihood is the marginal one, N(gap; 0, B B' + noise^2 I), by the matrix determinant lemma.
    """
    design, right = basis.reshape(-1, basis.shape[-1]) / noise, gap.ravel() / noise
    inner = np.eye(design.shape[1]) + design.T @ design
    factor = np.linalg.cholesky(inner)
    projected = np.linalg.solve(factor, design.T @ right)
    coefficients = np.linalg.solve(factor.T, projected)
    log_determinant = 2.0 * np.log(np.diag(factor)).sum() + len(right) * np.log(2.0 * np.pi * noise**2)
    quadratic = right @ right - projected @ projected
    return coefficients, float(0.5 * (quadratic + log_determinant) / len(right))


if __name__ == "__main__":
    main()
