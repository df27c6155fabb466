"""How far from the limit is the matching? `python tests/benchmarks/bench_limit.py FOLDER`.

Every way of matching is run on the *true* surface of a bench's heads, seen by the true cameras, where it should find nothing to move.
What it finds all the same is its error. For each way, a line: the error along the epipolar line, pixels (median of the absolute); along
the surface's normal, millimetres (median: bias; positive: the photos want the surface further out); and that averaged over 8 mm of skin
(Gaussian, Cauchy weights), as a smooth displacement would take it: median and mean of the absolute, where at least 40 samples lie
within 16 mm, and the share of the face for which that holds. Then the refined head (standard) at those points: its distance from the
truth, nothing aligned.

The second table is how much of a wave of 0.5 mm, pressed into the true surface in two directions, is found, for three ways and four
lengths: what `FlowConfig.blur_px` and `SweepConfig.blur_px` are taken from. A blur of b passes a wave of number k with 1 / (1 + b^2 k^2).
"""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass, replace
from pathlib import Path

import cv2
import numpy as np
import trimesh
from scipy.spatial import cKDTree

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

from facestudio.evaluate.datasets.bench import head_names, read_head
from facestudio.evaluate.scan_to_mesh import Surface
from facestudio.geometry.shading import vertex_normals
from facestudio.pipeline.cameras_file import read_cameras
from facestudio.pipeline.evidence import landmark_term
from facestudio.progress import CancelToken
from facestudio.reconstruct.correspondence import FlowConfig, Matches, match
from facestudio.reconstruct.fit import head_to_world
from facestudio.reconstruct.photo import prepare_photo
from facestudio.reconstruct.problem import choose_pairs, ideal
from facestudio.reconstruct.refinement import RefineConfig
from facestudio.reconstruct.sighting import Layer, Photo, Sighting, sight
from facestudio.reconstruct.solve import projection
from facestudio.reconstruct.sweep import SweepConfig, sweep
from facestudio.types import Camera, Float32Array, Float64Array, Mesh, ViewName
from tests.benchmarks.bench_ablation import fitted, model

RADIUS_M = 0.008
EVERY = 8  # of the face's points
LEAST = 40
WAVE_M = 0.0005
LENGTHS_M = (np.inf, 0.05, 0.025, 0.0125)
WAYS = ("flow, plain", "flow, dull", "sweep 1.7 px", "sweep 2.5 px", "sweep 4 px", "sweep 6 px", "sweep, dull", "sweep, detail")


@dataclass(frozen=True)
class Found:
    """What one way of matching says on a true surface. points (N, 3) metres; pixels, mm (N,): signed; weight (N,)."""

    points: Float64Array
    pixels: Float64Array
    mm: Float64Array
    weight: Float64Array


def found(matches: Sequence[Matches], cameras: Sequence[Camera]) -> Found:
    """Matches as motions along the normal."""
    parts = []
    for m in matches:
        X, n = m.points.astype(np.float64), m.normals.astype(np.float64)
        ray = X - cameras[m.source].centre
        J, _ = projection(cameras[m.target], X)
        Jr = np.einsum("nij,nj->ni", J, ray)
        length = np.linalg.norm(Jr, axis=1)
        along = np.einsum("ni,ni->n", Jr, m.flow) / length
        facing = np.minimum(np.einsum("ni,ni->n", n, ray), -1e-3)
        rate = length / -facing
        out = facing * along / length
        parts.append((X, along, 1000.0 * out, m.trust / ((m.sigma_px / rate) ** 2 + 0.00015**2) / 1e6))
    return Found(*(np.concatenate(p) for p in zip(*parts, strict=True)))


def smoothed(found: Found, at: Float64Array) -> Float64Array:
    """(Q,) millimetres: the robust mean around each point (Q, 3), not a number where too little was found."""
    tree, result = cKDTree(found.points), np.full(len(at), np.nan)
    for i, near in enumerate(tree.query_ball_point(at, 2.0 * RADIUS_M)):
        if len(near) < LEAST:
            continue
        value = found.mm[near]
        weight = found.weight[near] * np.exp(-0.5 * ((found.points[near] - at[i]) ** 2).sum(1) / RADIUS_M**2) + 1e-12
        mean = np.average(value, weights=weight)
        for _ in range(3):
            mean = np.average(value, weights=weight / (1.0 + ((value - mean) / 0.6) ** 2))
        result[i] = mean
    return result


def read_by(photo: Photo, way: str) -> Photo:
    """The photo with the reading that a way takes as its first."""
    plain, dull = photo.layers
    if way == "sweep, dull":
        return replace(photo, layers=(dull, dull))
    if way == "sweep, detail":  # nothing smoother than 5 px: no broad highlight
        sharp = plain.picture - cv2.GaussianBlur(plain.picture, (0, 0), 5.0)
        return replace(photo, layers=(Layer(np.asarray(sharp, np.float32), plain.noise), dull))
    return photo


def by(way: str, seen: Sequence[Sighting], cameras: Sequence[Camera], trust: Float32Array) -> Found:
    """Run one way of matching."""
    pairs, flow, cancel = choose_pairs(tuple(cameras), RefineConfig().pair_degrees), FlowConfig(), CancelToken()
    if way.startswith("flow"):
        layer = 0 if way.endswith("plain") else 1
        return found([match(seen, a, b, flow, trust)[layer] for a, b in pairs], [s.camera for s in seen])
    window = float(way.split()[1]) if way.endswith("px") else SweepConfig().window_px
    config, read = SweepConfig(window_px=window), [replace(s, photo=read_by(s.photo, way)) for s in seen]
    return found([sweep(read, a, b, config, flow, trust, cancel) for a, b in pairs], [s.camera for s in seen])


@dataclass(frozen=True)
class Result:
    """One head.

    ways: per way, errors in pixels, in millimetres, and smoothed at the face's points. head: the refined head's distance there, mm.
    waves: per way and length, the sums of found times pressed in, and of pressed in squared.
    """

    ways: dict[str, tuple[Float64Array, Float64Array, Float64Array]]
    head: Float64Array
    waves: dict[tuple[str, float], Float64Array]


def wave_found(still: Found, pressed: Found, height: Float64Array, vertices: Float64Array) -> Float64Array:
    """(2,): how much of a wave of vertex heights (V,), metres, is found beyond what is found without it."""
    _, vertex = cKDTree(vertices).query(pressed.points)
    _, near = cKDTree(still.points).query(pressed.points, k=8)
    wanted, seen = -1000.0 * height[vertex], pressed.mm - np.median(still.mm[near], axis=1)
    weight = pressed.weight / (1.0 + (pressed.mm / 0.8) ** 2)
    return np.array([(weight * seen * wanted).sum(), (weight * wanted**2).sum()])


def run(job: tuple[Path, str]) -> Result:
    """Measure one head."""
    dataset, name = job
    from facestudio.reconstruct.refine import refine  # the package offers a function of this name, too

    head = read_head(dataset, name, calibrated=True)
    triplet, masks, fit = fitted(dataset, name)
    known = [ideal(c) for c in fit.cameras]
    start = model().template + model().identity_basis @ fit.identity + model().expression_basis @ fit.expression
    given = zip(triplet.views, fit.cameras, known, masks, strict=True)
    photos = [prepare_photo(v, c, i, start, model(), m, RefineConfig().blur_px) for v, c, i, m in given]
    truth = trimesh.load_mesh(dataset / name / "truth.ply", process=False)
    vertices, faces = np.asarray(truth.vertices, np.float64), np.asarray(truth.faces, np.int32)
    chosen = np.load(dataset / name / "face_region.npy")
    in_region = np.zeros(len(vertices), bool)
    in_region[chosen] = True
    rig = read_cameras(head.cameras)
    cameras = [ideal(rig[v]) for v in (ViewName.LEFT, ViewName.FRONT, ViewName.RIGHT)]
    sightings = [sight(p, c, vertices, faces) for p, c in zip(photos, cameras, strict=True)]
    seen, at = [s for s in sightings if s is not None], vertices[chosen[::EVERY]]
    assert len(seen) == len(cameras)
    trust, result, said = in_region[faces].all(1).astype(np.float32), {}, {}
    for way in WAYS:
        said[way] = by(way, seen, cameras, trust)
        result[way] = said[way].pixels, said[way].mm, smoothed(said[way], at)
    normals, waves = vertex_normals(vertices, faces), {}
    for length in LENGTHS_M:
        height = WAVE_M * np.cos(2.0 * np.pi / length * vertices[:, :2]).prod(1)
        pressed = [sight(p, c, vertices + normals * height[:, None], faces) for p, c in zip(photos, cameras, strict=True)]
        for way in WAYS[:3]:
            found_there = by(way, [s for s in pressed if s is not None], cameras, trust)
            waves[way, length] = wave_found(said[way], found_there, height, vertices)
    refined = refine(
        triplet.views,
        fit.cameras,
        model(),
        fit.identity,
        fit.expression,
        masks,
        calibrated=True,
        landmarks=[landmark_term(model(), "dense")],
    )
    first = triplet.views[0].camera
    assert first is not None
    world = head_to_world(first, (refined.cameras[0].R, refined.cameras[0].t))
    mesh = Mesh(refined.posed_vertices @ world[:, :3].T + world[:, 3], model().faces)
    return Result(result, 1000.0 * Surface(mesh).nearest(at).distances, waves)


def main() -> None:
    """Print the table."""
    dataset = Path(sys.argv[1])
    with ProcessPoolExecutor(max(1, os.cpu_count() or 2)) as pool:
        heads = list(pool.map(run, [(dataset, name) for name in head_names(dataset)]))
    for way in WAYS:
        pixels, mm, smooth = (np.concatenate([h.ways[way][k] for h in heads]) for k in range(3))
        known = smooth[np.isfinite(smooth)]
        sys.stdout.write(
            f"| {way} | {np.median(np.abs(pixels)):.2f} | {np.median(mm):+.3f} | {np.median(np.abs(known)):.3f} / "
            f"{np.abs(known).mean():.3f} | {100 * len(known) / len(smooth):.0f} % |\n"
        )
    smooth, distance = np.concatenate([h.ways[WAYS[2]][2] for h in heads]), np.concatenate([h.head for h in heads])
    there = distance[np.isfinite(smooth)]
    sys.stdout.write(f"| refined head | | | {np.median(there):.3f} / {there.mean():.3f} | |\n")
    for way in WAYS[:3]:
        sums = [np.sum([h.waves[way, length] for h in heads], axis=0) for length in LENGTHS_M]
        shares = [found / wanted for found, wanted in sums]
        sys.stdout.write(f"| {way} | {' | '.join(f'{share:.2f}' for share in shares)} |\n")


if __name__ == "__main__":
    main()
