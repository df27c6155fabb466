"""The hand-set identity prior: MakeHuman's face targets as independent sliders, whose covariance is decomposed exactly.

Full-range sliders give caricatures (6.7 mm from the mean), so each uses less than half of its range; left and right move together but
for a small remainder. `learned_prior.py` replaces the covariance by one learned from scans where it is available.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import lru_cache
from pathlib import Path

import numpy as np

from facestudio.head.open_head.cut import PART_NAMES
from facestudio.head.open_head.placement import delta_to_head, template
from facestudio.head.open_head.source import GENDERS, RACES, data_folder, macro_target, read_target, universal_name
from facestudio.head.open_head.topology import build_topology
from facestudio.types import Float32Array, Float64Array

COMPONENTS = 150
_FOLDERS = ("head", "eyes", "nose", "mouth", "chin", "cheek", "forehead", "ears", "neck", "eyebrows")
# MakeHuman's names for a slider's two ends.
_ENDS = (
    ("decr", "incr"),
    ("down", "up"),
    ("in", "out"),
    ("backward", "forward"),
    ("concave", "convex"),
    ("compress", "uncompress"),
)
_RANGE = 0.45  # of the slider, to either side, uniformly
_RANGES = {"head": 0.2, "neck": 0.2, "forehead": 0.35}  # these move centimetres at full range
_ONE_SIDED = 0.3  # range of targets without an opposite (face outlines, ear shapes): they exclude each other
_ASYMMETRY = 0.08  # range of the difference between left and right, and of the targets in "asym"
_MACRO_RANGE = {"race": 0.6, "sex": 0.7, "age": 0.3, "weight": 0.35}


@lru_cache(maxsize=1)
def target_deltas() -> tuple[tuple[str, ...], Float32Array]:
    """Names and (K, V, 3) float32, metres, head frame: what each target at full range does to the average head.

    The rigid motion of the head (a body target lifts the whole head) is taken out. Race, sex, age and weight are there as
    "macro/…", as differences from the average adult.
    """
    shapes: dict[str, Float64Array] = {}
    for folder in (*_FOLDERS, "asym"):
        for path in sorted((data_folder() / "mpfb2" / "targets" / folder).glob("*.target.gz")):
            if not path.name.startswith("asymm-"):
                shapes[f"{folder}/{_stem(path)}"] = delta_to_head(read_target(path))
    shapes |= {f"macro/{name}": delta_to_head(delta) for name, delta in _macros().items()}
    still = _rigid_remover()
    names = tuple(shapes)
    return names, np.stack([still(shapes[name]) for name in names]).astype(np.float32)


def identity_basis(components: int = COMPONENTS) -> Float32Array:
    """(V, 3, components) float32, metres per standard deviation, strongest first."""
    names, deltas = target_deltas()
    flat = deltas.reshape(len(names), -1).astype(np.float64)
    root = np.linalg.cholesky(_covariance(names) + 1e-12 * np.eye(len(names)))
    gram = root.T @ (flat @ flat.T) @ root
    values, vectors = np.linalg.eigh(gram)
    order = np.argsort(values)[::-1][:components]
    basis = (flat.T @ root) @ vectors[:, order]
    # The sign of an eigenvector is arbitrary and may differ between machines: the largest entry is made positive.
    peak = np.take_along_axis(basis, np.abs(basis).argmax(axis=0)[None], axis=0)
    return np.asarray((basis * np.sign(peak)).reshape(-1, 3, components), dtype=np.float32)


def _covariance(names: tuple[str, ...]) -> Float64Array:
    """(K, K) float64: covariance of the targets' weights."""
    index = {name: k for k, name in enumerate(names)}
    covariance = np.zeros((len(names), len(names)))
    for slider in _sliders(names):
        up, down = ([index[n] for n in end] for end in slider[:2])
        reach = slider[2]
        # x uniform in [-r, r]: E[max(x, 0)^2] = r^2 / 6, E[max(x, 0)] = r / 4; the two ends exclude each other.
        variance, cross = reach**2 / 6 - reach**2 / 16, -(reach**2) / 16
        for end in (up, down):
            covariance[np.ix_(end, end)] += variance
        if down:
            covariance[np.ix_(up, down)] += cross
            covariance[np.ix_(down, up)] += cross
    return covariance


def _sliders(names: tuple[str, ...]) -> list[tuple[list[str], list[str], float]]:
    """Targets of the upper end, of the lower end, and the reach, for each independent slider."""
    known, done = set(names), set[str]()
    sliders: list[tuple[list[str], list[str], float]] = []
    for name in names:
        if name in done:
            continue
        if name.startswith("macro/"):
            kind = name.removeprefix("macro/").split("-")[0]
            sliders.append(([name], [], 2.0 * _MACRO_RANGE[kind]))
            done.add(name)
            continue
        opposite = _opposite(name, known)
        pair = [name] if opposite is None else [name, opposite]
        folder = name.split("/")[0]
        reach = _ASYMMETRY if folder == "asym" else _RANGES.get(folder, _RANGE if opposite else _ONE_SIDED)
        both = [[n, *([_other_side(n)] if _other_side(n) in known else [])] for n in pair]
        sliders.append((both[0], both[1] if opposite else [], reach))
        if len(both[0]) > 1:
            sliders += [([both[0][k]], [both[1][k]] if opposite else [], _ASYMMETRY) for k in (0, 1)]
        done |= {n for side in both for n in side}
    return sliders


def _opposite(name: str, known: set[str]) -> str | None:
    """The other end of a target's slider."""
    for low, high in _ENDS:
        for end, other in ((low, high), (high, low)):
            if name.endswith(f"-{end}") and name.removesuffix(end) + other in known:
                return name.removesuffix(end) + other
    if name.startswith("asym/"):
        flipped = name[:-1] + {"l": "r", "r": "l"}[name[-1]]
        return flipped if flipped in known else None
    return None


def _other_side(name: str) -> str:
    """The same target on the right side of the head, for a left one; a name that does not exist for any other."""
    return name.replace("/l-", "/r-") if "/l-" in name else "none"


def _macros() -> dict[str, Float64Array]:
    """Base offsets from the average adult: towards each race, from female to male, young to old, thin to heavy."""
    young = {(r, g): macro_target(f"{r}-{g}-young") for r in RACES for g in GENDERS}
    old = {(r, g): macro_target(f"{r}-{g}-old") for r in RACES for g in GENDERS}
    mean = _mean(list(young.values()))
    macros = {f"race-{r}": _mean([young[r, g] for g in GENDERS]) - mean for r in RACES}
    female, male = (macro_target(universal_name(g)) + _mean([young[r, g] for r in RACES]) for g in GENDERS)
    macros["sex"] = 0.5 * (male - female)
    aged = _mean([macro_target(universal_name(g, "old")) - macro_target(universal_name(g)) for g in GENDERS])
    macros["age"] = aged + _mean(list(old.values())) - mean
    for end in ("min", "max"):
        macros[f"weight-{end}"] = _mean(
            [macro_target(universal_name(g, weight=end)) - macro_target(universal_name(g)) for g in GENDERS]
        )
    return macros


def _mean(shapes: list[Float64Array]) -> Float64Array:
    return np.asarray(np.mean(shapes, axis=0))


def _rigid_remover() -> Callable[[Float64Array], Float64Array]:
    """A function that takes the best rigid motion of the head (not of the neck) out of an offset (V, 3)."""
    topology, points = build_topology(), template()
    skin = np.isin(topology.parts, [PART_NAMES.index(p) for p in ("face", "scalp", "ears")])
    chosen = np.unique(topology.faces[skin])
    middle = points[chosen].mean(axis=0)

    def motions(p: Float64Array) -> Float64Array:
        turns = [np.cross(axis, p - middle).ravel() for axis in np.eye(3)]
        shifts = [np.tile(axis, len(p)) for axis in np.eye(3)]
        return np.column_stack(turns + shifts)

    inverse, everything = np.linalg.pinv(motions(points[chosen])), motions(points)

    def still(delta: Float64Array) -> Float64Array:
        return np.asarray(delta - (everything @ (inverse @ delta[chosen].ravel())).reshape(-1, 3))

    return still


def _stem(path: Path) -> str:
    return path.name.removesuffix(".target.gz")
