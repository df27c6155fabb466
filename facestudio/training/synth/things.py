"""What is worn and held that no asset gives: a torso in clothes below the neck, glasses, a hand."""

from __future__ import annotations

import numpy as np

from facestudio.head.model import HeadModel
from facestudio.types import Float32Array, Float64Array, IntArray

_AROUND = 72
# Rings from the collar outwards and down, metres: half width, half depth, drop below the collar.
_RINGS = np.array(
    [
        [0.085, 0.078, 0.012],
        [0.105, 0.088, 0.024],
        [0.130, 0.096, 0.036],
        [0.155, 0.103, 0.048],
        [0.178, 0.108, 0.062],
        [0.196, 0.112, 0.080],
        [0.210, 0.118, 0.110],
        [0.218, 0.124, 0.160],
        [0.222, 0.128, 0.240],
        [0.224, 0.130, 0.420],
    ]
)


def torso(model: HeadModel, head: Float64Array, seed: int) -> tuple[Float64Array, IntArray, Float32Array]:
    """Shoulders for a head (V, 3), metres: vertices (N, 3), faces (F, 3), and how bare (N,) the skin is (0.5: the neckline).

    The collar follows the neck's own outline, so that no neck ends in the air.
    """
    rng = np.random.default_rng(seed)
    neck = head[model.part_vertices("neck")]
    collar = neck[:, 1].min() + rng.uniform(0.018, 0.045)
    near = neck[np.abs(neck[:, 1] - collar) < 0.014]
    middle = (near.min(0) + near.max(0)) / 2
    angle = 2 * np.pi * np.arange(_AROUND) / _AROUND  # 0 = the subject's left, 90 degrees = front
    way = np.stack([np.cos(angle), np.sin(angle)], 1)
    flat = near[:, [0, 2]] - middle[[0, 2]]
    ahead = flat @ way.T
    beside = np.abs(flat[:, [0]] * way[:, 1] - flat[:, [1]] * way[:, 0])
    reach = np.where((ahead > 0) & (beside < 0.012), ahead, 0.0).max(0)
    reach = np.where(reach > 0, reach, np.median(reach[reach > 0]))
    reach = np.mean([np.roll(reach, k) for k in range(-2, 3)], axis=0)
    gap, stand, front = rng.uniform(0.001, 0.006), rng.choice([0.0, rng.uniform(0.004, 0.025)]), rng.uniform(0.005, 0.03)
    width, slope = rng.uniform(0.88, 1.08), rng.uniform(0.75, 1.3)
    forward = np.maximum(way[:, 1], 0.0) ** 1.5
    rings = []
    for lift, out in ((stand, gap + 0.25 * stand), (stand * 0.5, gap + 0.004 + 0.1 * stand), (-0.004, gap + 0.006)):
        plane = middle[[0, 2]] + way * (reach + out)[:, None]
        rings.append(np.stack([plane[:, 0], collar + lift - front * forward, plane[:, 1]], 1))
    for index, (half_width, half_depth, drop) in enumerate(_RINGS):
        t = min(index / 5.0, 1.0)
        power = 2.0 / (2.0 + 0.6 * t)
        shape = np.sign(way) * np.abs(way) ** power * [half_width * width, half_depth]
        floor = way * (reach + gap + 0.008)[:, None]
        further = np.linalg.norm(shape, axis=1) > np.linalg.norm(floor, axis=1)
        shape = np.where(further[:, None], shape, floor)
        fall = drop * slope if index < 6 else drop + _RINGS[5, 2] * (slope - 1)
        # The chest falls faster than the shoulders.
        y = collar - 0.004 - fall * (1.0 + 0.9 * np.abs(way[:, 1]) * (1 - t) + 0.25 * forward) - front * forward * (1 - 0.5 * t)
        rings.append(np.stack([middle[0] + shape[:, 0], y, middle[2] - 0.012 * t + shape[:, 1]], 1))
    points = np.vstack(rings)
    return points, _loft(len(rings), _AROUND), _bare(points, middle, collar, front, rng)


def _bare(points: Float64Array, middle: Float64Array, collar: float, front: float, rng: np.random.Generator) -> Float32Array:
    """(N,): 1 where clothes leave the chest bare, 0 where they cover it, 0.5 on the neckline."""
    if rng.random() < 0.6:
        return np.zeros(len(points), np.float32)
    below = collar - front - points[:, 1]
    deep, wide = rng.uniform(0.02, 0.09), rng.uniform(0.4, 1.1)
    inside = np.minimum(
        deep - below, (deep * wide - np.abs(points[:, 0] - middle[0]) - wide * np.maximum(below, 0) * rng.uniform(0.3, 1.0))
    )
    inside = np.where(points[:, 2] > middle[2], inside, -0.02)
    return np.clip(0.5 + inside / 0.012, 0, 1).astype(np.float32)


def torso_openness(points: Float64Array, head: Float64Array) -> Float32Array:
    """(N,): how much sky a torso sees under its head: little at the collar, more further out."""
    away = np.hypot(points[:, 0], points[:, 2] + 0.05)
    return np.clip(0.3 + (away - 0.06) / 0.16, 0.3, 0.95).astype(np.float32)


def glasses(model: HeadModel, head: Float64Array, seed: int) -> tuple[Float64Array, IntArray, Float64Array, IntArray]:
    """A frame for a head (V, 3), metres: its vertices and faces, and those of its lenses."""
    rng = np.random.default_rng(seed)
    eyes = [head[model.part_vertices(part)] for part in ("eye_left", "eye_right")]
    left, right = (0.5 * (e.min(0) + e.max(0)) for e in eyes)
    half_w, half_h = rng.uniform(0.023, 0.029), rng.uniform(0.015, 0.024)
    thick, power = rng.uniform(0.0007, 0.0022), rng.uniform(2.0, 4.5)
    bridge = head[(np.abs(head[:, 0]) < 0.008) & (np.abs(head[:, 1] - left[1]) < 0.008), 2].max()
    plane = max(float(max(e[:, 2].max() for e in eyes)) + rng.uniform(0.009, 0.014), float(bridge) + 0.001)
    drop = rng.uniform(-0.004, 0.003)
    tubes, lenses = [], []
    ears = head[model.part_vertices("ears")]
    angle = 2 * np.pi * np.arange(41) / 40
    for eye, sign in ((left, 1.0), (right, -1.0)):
        centre = np.array([eye[0] + sign * 0.002, eye[1] + drop, plane])
        c, s = np.cos(angle), np.sin(angle)
        x = np.sign(c) * np.abs(c) ** (2 / power) * half_w
        y = np.sign(s) * np.abs(s) ** (2 / power) * half_h * np.where(s < 0, rng.uniform(0.95, 1.1), 1.0)
        rim = np.stack([centre[0] + x, centre[1] + y, centre[2] - 3.0 * (centre[0] + x) ** 2], 1)
        tubes.append((rim, thick))
        lenses.append(np.vstack([rim[:-1].mean(0, keepdims=True), rim[:-1]]))
        ear = ears[ears[:, 0] * sign > 0]
        top = ear[ear[:, 1] > ear[:, 1].max() - 0.012]
        hinge = np.array([centre[0] + sign * half_w, centre[1] + 0.4 * half_h, plane - 3.0 * (centre[0] + sign * half_w) ** 2])
        end = np.array([sign * np.abs(top[:, 0]).mean(), top[:, 1].max() - 0.002, top[:, 2].mean() - 0.01])
        middle = hinge * 0.6 + end * 0.4 + [sign * 0.006, 0, 0]
        tubes.append((np.array([hinge, hinge + np.array([sign * 0.003, 0, -0.004]), middle, end]), thick * 1.2))
    inner = [left[0] + 0.002 - half_w, right[0] - 0.002 + half_w]
    xs = np.linspace(inner[1], inner[0], 9)
    arch = np.stack(
        [xs, np.full(9, left[1] + drop + 0.2 * half_h) + 0.003 * np.cos(np.linspace(-1.5, 1.5, 9)), np.full(9, plane + 0.001)],
        1,
    )
    tubes.append((arch, thick))
    points, faces = _sweep(tubes)
    lens_points = np.vstack(lenses)
    fan = np.array([[0, 1 + k, 1 + (k + 1) % 40] for k in range(40)], np.int32)
    return points, faces, lens_points, np.vstack([fan, fan + 41])


def hand(head: Float64Array, seed: int) -> tuple[Float64Array, IntArray]:
    """Something like a hand at the border of the face (head (V, 3), metres): four fingers before a cheek or the chin, and a palm."""
    rng = np.random.default_rng(seed)
    side = rng.choice([-1.0, 1.0])
    low, high = head.min(0), head.max(0)
    tip = np.array([side * rng.uniform(0.02, 0.06), low[1] + rng.uniform(0.07, 0.12), high[2] - rng.uniform(0.0, 0.025)])
    way = np.array([side * rng.uniform(-0.1, 0.9), -1.0, rng.uniform(-0.1, 0.4)])
    way /= np.linalg.norm(way)
    across = np.cross(way, [0.0, 0.0, 1.0])
    across /= np.linalg.norm(across)
    tubes = []
    for finger, length in enumerate((0.068, 0.08, 0.076, 0.06)):
        start = tip + across * (finger - 1.5) * 0.0185 - way * (length - 0.07)
        steps = np.linspace(0.0, 1.0, 6)[:, None]
        bend = np.array([0.0, 0.0, 0.012]) * np.sin(np.pi * steps)
        tubes.append((start + steps * way * (length + 0.02) + bend, 0.0088))
    palm = tip + way * np.linspace(0.085, 0.2, 5)[:, None] + [0.0, 0.0, 0.004]
    tubes += [(palm + across * shift, 0.02) for shift in (-0.018, 0.018)]
    points, faces = _sweep(tubes, sides=12)
    return points, faces


def _sweep(tubes: list[tuple[Float64Array, float]], sides: int = 6) -> tuple[Float64Array, IntArray]:
    """Tubes along lines (N, 3) with a radius each."""
    rings = [_tube(line, radius, sides) for line, radius in tubes]
    at = np.cumsum([0] + [len(r) for r in rings])
    faces = [_loft(len(r) // sides, sides) + a for r, a in zip(rings, at[:-1], strict=True)]
    return np.vstack(rings), np.vstack(faces).astype(np.int32)


def _tube(line: Float64Array, radius: float, sides: int) -> Float64Array:
    """(rings * sides, 3): a tube's vertices; thick ones, of many sides, start in a rounded tip."""
    thick = np.full((len(line), 1, 1), radius)
    if sides > 6:
        back = (line[1] - line[0]) / np.linalg.norm(line[1] - line[0])
        line = np.vstack([line[:1] - 0.75 * radius * back, line[:1] - 0.45 * radius * back, line])
        thick = np.vstack([np.full((1, 1, 1), 0.3 * radius), np.full((1, 1, 1), 0.8 * radius), thick])
    along = np.gradient(line, axis=0)
    along /= np.maximum(np.linalg.norm(along, axis=1, keepdims=True), 1e-9)
    side = np.cross(along, np.where(np.abs(along[:, [2]]) < 0.8, [0, 0, 1.0], [0, 1.0, 0]))
    side /= np.maximum(np.linalg.norm(side, axis=1, keepdims=True), 1e-9)
    third = np.cross(along, side)
    turn = 2 * np.pi * np.arange(sides) / sides
    ring = line[:, None] + thick * (side[:, None] * np.cos(turn)[:, None] + third[:, None] * np.sin(turn)[:, None])
    return np.asarray(ring.reshape(-1, 3))


def _loft(rings: int, around: int) -> IntArray:
    """Triangles between consecutive closed rings of `around` points, facing outwards when the rings go down and turn from +X to +Z."""
    ring, place = np.meshgrid(np.arange(rings - 1), np.arange(around), indexing="ij")
    a, b = ring * around + place, ring * around + (place + 1) % around
    quads = np.stack([a, b, b + around, a + around], -1).reshape(-1, 4)
    return np.vstack([quads[:, [0, 1, 2]], quads[:, [0, 2, 3]]]).astype(np.int32)
