"""Hair, brows and lashes of the sample's subject as real strands: (N, K, 3) polylines in the head frame, metres (numpy, scipy)."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.spatial import cKDTree

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]


@dataclass(frozen=True)
class HairStyle:
    """A short crop: longer on top, brushed forward and to one side. Lengths in metres."""

    strands: int = 60000
    steps: int = 9
    top: float = 0.050
    side: float = 0.012
    edge: float = 0.005
    clumps: int = 1500
    crown: tuple[float, float, float] = (0.012, 0.105, -0.085)


def smooth(x: Floats, low: float, high: float) -> Floats:
    """Smoothstep from 0 at low to 1 at high."""
    t = np.clip((x - low) / (high - low), 0.0, 1.0)
    return t * t * (3 - 2 * t)


def unit(x: Floats) -> Floats:
    """Vectors (…, 3) scaled to length 1."""
    return x / np.maximum(np.linalg.norm(x, axis=-1, keepdims=True), 1e-9)


def sample_surface(
    tris: Ints, vertices: Floats, normals: Floats, density: Floats, count: int, rng: np.random.Generator
) -> tuple[Floats, Floats, Ints, Floats]:
    """Draw points on triangles with probability area x density (F,): positions, normals, triangle ids, barycentrics."""
    corners = vertices[tris]
    area = 0.5 * np.linalg.norm(np.cross(corners[:, 1] - corners[:, 0], corners[:, 2] - corners[:, 0]), axis=1)
    p = area * density
    ids = rng.choice(len(tris), count, p=p / p.sum())
    r1, r2 = np.sqrt(rng.random(count)), rng.random(count)
    bary = np.stack([1 - r1, r1 * (1 - r2), r1 * r2], axis=1)
    position = np.einsum("nk,nkc->nc", bary, corners[ids])
    normal = unit(np.einsum("nk,nkc->nc", bary, normals[tris[ids]]))
    return position, normal, ids, bary


# The hairline as seen from the middle of the skull: azimuth from the nose (degrees) and the elevation where hair begins.
HAIRLINE_AZIMUTH = (0, 14, 28, 40, 52, 62, 70, 80, 88, 96, 108, 120, 150, 180)
HAIRLINE_ELEVATION = (37, 38, 40, 36, 27, 16, 0, -8, 4, 10, 2, -14, -30, -33)
SKULL = (0.0, 0.03, -0.05)


def _angles(points: Floats) -> tuple[Floats, Floats]:
    """Azimuth from the nose (0..180) and elevation of points (N, 3) seen from the middle of the skull, degrees."""
    d = points - np.array(SKULL)
    azimuth = np.degrees(np.arctan2(np.abs(d[:, 0]), d[:, 2]))
    return azimuth, np.degrees(np.arctan2(d[:, 1], np.hypot(d[:, 0], d[:, 2])))


def above_brows(points: Floats) -> Floats:
    """0..1 at points (N, 3): upper forehead, temples and scalp, where MakeHuman's skins have painted stubble."""
    azimuth, elevation = _angles(points)
    start = np.interp(azimuth, (0, 45, 62, 75, 180), (16, 16, 14, 60, 60))
    return smooth(elevation - start, 0.0, 12.0)


def beard(points: Floats) -> Floats:
    """0..1 at points (N, 3): chin, jaw and upper lip, where a shaved man's beard shows through."""
    y, z = points[:, 1], points[:, 2]
    return smooth(-y, 0.022, 0.042) * smooth(z + 0.3 * np.maximum(-y - 0.06, 0), -0.005, 0.025) * (1 - smooth(-y, 0.090, 0.110))


def scalp_density(points: Floats) -> Floats:
    """Hair density 0..1 at points (N, 3): 1 inside the hairline, fading over some degrees, ragged as hairlines are."""
    azimuth, elevation = _angles(points)
    line = np.interp(azimuth, HAIRLINE_AZIMUTH, HAIRLINE_ELEVATION)
    ragged = 1.2 * np.sin(points[:, 0] * 310 + 1) + 0.9 * np.sin(points[:, 0] * 730) + 0.8 * np.sin(points[:, 2] * 500)
    return smooth(elevation - line - ragged, -2.0, 6.0)


def _flow(points: Floats, style: HairStyle) -> Floats:
    """Combing direction: away from the crown, turned towards the subject's left at the front."""
    away = unit(points - np.array(style.crown))
    front = smooth(points[:, 2], -0.03, 0.09) * smooth(points[:, 1], 0.05, 0.11)
    sideways = np.array([0.50, -0.10, 0.80])
    down = np.array([0.0, -1.0, -0.15])
    low = 1 - smooth(points[:, 1], 0.01, 0.09)
    return unit(away * (1 - 0.75 * front[:, None]) + front[:, None] * 0.75 * sideways + low[:, None] * down)


def scalp_hair(
    roots: Floats, normals: Floats, edge: Floats, skin: Floats, skin_normals: Floats, style: HairStyle, rng: np.random.Generator
) -> Floats:
    """Grow strands (N, K, 3) from roots: lift at the root, then follow the comb, never into the skin, then clump.

    edge (N,): 0 at the hairline, 1 well inside.
    """
    tree = cKDTree(skin)
    n = len(roots)
    upper = smooth(roots[:, 1], 0.045, 0.105)
    length = style.side + (style.top - style.side) * upper
    length = style.edge + (length - style.edge) * np.maximum(edge, upper)
    length *= rng.uniform(0.62, 1.12, n)
    guides = rng.choice(n, style.clumps, replace=False)
    owner = cKDTree(roots[guides]).query(roots)[1]
    clump_turn = rng.normal(0, 0.30, (style.clumps, 3))[owner]
    own_turn = rng.normal(0, 0.12, (n, 3))
    lift0 = 0.55 + 0.55 * upper + rng.normal(0, 0.12, n)
    step = (length / (style.steps - 1))[:, None]
    points = [roots - 0.0006 * normals]
    direction = normals
    for k in range(1, style.steps):
        s = k / (style.steps - 1)
        here = points[-1]
        lift = (lift0 * (1 - s) ** 1.6 + 0.04)[:, None]
        local = skin_normals[tree.query(here)[1]] if k > 1 else normals
        aim = _flow(here, style) + clump_turn + own_turn * (0.6 + s)
        aim[:, 1] -= 0.3 * s
        aim -= (aim * local).sum(1, keepdims=True) * local
        aim = unit(aim) + lift * local
        direction = unit(0.45 * direction + 0.55 * unit(aim))
        there = here + direction * step
        near = tree.query(there)[1]
        height = ((there - skin[near]) * skin_normals[near]).sum(1)
        floor = 0.0008 + 0.004 * s * upper
        push = np.maximum(floor - height, 0.0)
        points.append(there + push[:, None] * skin_normals[near])
    strands = np.stack(points, axis=1)
    s_all = np.linspace(0, 1, style.steps)[None, :, None]
    pull = 0.55 * s_all**1.4 * rng.uniform(0.5, 1.0, n)[:, None, None]
    same = np.linalg.norm(roots - roots[guides][owner], axis=1) < 0.008
    return strands + np.where(same[:, None, None], pull, 0.0) * (strands[guides][owner] - strands)


def brows(
    roots: Floats, normals: Floats, inner_to_outer: Floats, side: Floats, rng: np.random.Generator, steps: int = 6
) -> Floats:
    """Brow hairs (N, K, 3): upright at the inner end, lying outwards further on. inner_to_outer (N,) 0..1; side (N,) +1 left, -1 right."""
    n = len(roots)
    t = inner_to_outer[:, None]
    outward = np.stack([side * 1.0, np.zeros(n), -0.35 * np.ones(n)], axis=1)
    up = np.array([0.0, 1.0, 0.0])
    comb = unit(outward * (0.25 + 1.1 * smooth(t, 0.05, 0.45)) + up * (0.95 - 1.15 * t)) + rng.normal(0, 0.26, (n, 3))
    comb -= (comb * normals).sum(1, keepdims=True) * normals
    length = (0.0090 - 0.003 * inner_to_outer) * rng.uniform(0.6, 1.1, n)
    s = np.linspace(0, 1, steps)
    lift = 0.0011 * np.sin(np.pi * np.minimum(s, 0.8)) * rng.uniform(0.5, 1.2, n)[:, None]
    base = roots - 0.0003 * normals
    return base[:, None] + s[None, :, None] * (length[:, None] * unit(comb))[:, None] + lift[..., None] * normals[:, None]


def lashes(root: Floats, tip: Floats, upper: bool, per_metre: float, rng: np.random.Generator, steps: int = 6) -> Floats:
    """Lashes (N, K, 3) along a lid: root and tip (M, 3) are matching polylines on the lid's edge and in the air."""
    spans = np.linalg.norm(np.diff(root, axis=0), axis=1)
    where = np.r_[0.0, np.cumsum(spans)]
    n = int(where[-1] * per_metre)
    at = np.sort(rng.uniform(0, where[-1], n))
    a = np.stack([np.interp(at, where, root[:, c]) for c in range(3)], axis=1)
    lean = at + rng.normal(0, 0.0007, n)
    b = np.stack([np.interp(lean, where, tip[:, c]) for c in range(3)], axis=1)
    reach = (b - a) * rng.uniform(0.75, 1.05, n)[:, None]
    s = np.linspace(0, 1, steps)[None, :, None]
    curl = 0.28 if upper else -0.15
    bend = np.linalg.norm(reach, axis=1, keepdims=True) * np.array([0.0, curl, 0.0])
    return a[:, None] + s * reach[:, None] + (s * s - s) * bend[:, None]
