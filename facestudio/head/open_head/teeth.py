"""Teeth: two rows of fourteen, shaped on MakeHuman's helper bands (a plain 4 x 17 grid per jaw).

The band gives the dental arch and follows every target; on it we lay one strip per jaw with three columns per tooth, pinched between
the teeth. Widths are the mean mesio-distal crown widths of anatomy textbooks (for example Wheeler's Dental Anatomy), scaled to the arch.
"""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass

import numpy as np
from scipy.sparse import coo_matrix, csr_matrix

from facestudio.head.open_head.source import average_vertices, read_base_mesh
from facestudio.types import Float64Array, IntArray

# Millimetres, from the midline backwards: two incisors, canine, two premolars, two molars.
_WIDTHS = {"upper": (8.5, 6.5, 7.5, 7.0, 7.0, 10.0, 9.0), "lower": (5.0, 5.5, 7.0, 7.0, 7.0, 11.0, 10.5)}
_COLUMNS_PER_TOOTH = 3
# Rows along the band's cross-section: 0 = gum outside, 2 = biting edge (the band's fold), 3 = gum inside.
_BITE_ROW = 2.0
_ROWS = (0.0, 0.6, 0.9, 1.5, _BITE_ROW, 3.0)
_PINCH = (0.0, 0.0, 0.008, 0.008, 0.009, 0.0)  # decimetres: how far a row is drawn in between two teeth
_GRID_COLUMNS, _GRID_ROWS = 17, 4
# Decimetres. With the lips at rest the upper incisors end about 3 mm below the line of the lips; MakeHuman's end above it.
_LOWER_BY = 0.03
_END_IN = 0.025  # the rearmost corners, which would reach through the cheeks
_GUM_UP = 0.04  # the lower gums' rims, which would reach through the floor of the mouth otherwise


@dataclass(frozen=True)
class TeethRow:
    """One row of teeth.

    binding: (N, 19158) sparse: positions on the helper band from base vertices. offset: (N, 3) float64, decimetres, to be added.
    faces: (F, 3) int64. square: (N, 2) float64 in [0, 1]^2: along the arch (subject's right to left), gum outside to gum inside.
    mirror: (N,) int64.
    """

    binding: csr_matrix
    offset: Float64Array
    faces: IntArray
    square: Float64Array
    mirror: IntArray


def teeth_row(jaw: str) -> TeethRow:
    """The teeth of the "upper" or "lower" jaw."""
    grid = _helper_grid(f"helper-{jaw}-teeth")
    points = average_vertices()[grid]
    edge = points[int(_BITE_ROW)]
    along = np.concatenate([[0.0], np.cumsum(np.linalg.norm(np.diff(edge, axis=0), axis=1))])
    widths = np.array(_WIDTHS[jaw][::-1] + _WIDTHS[jaw])
    bounds = np.concatenate([[0.0], np.cumsum(widths)]) / widths.sum() * along[-1]
    steps = np.arange(_COLUMNS_PER_TOOTH) / _COLUMNS_PER_TOOTH
    lengths = np.append((bounds[:-1, None] + np.diff(bounds)[:, None] * steps).ravel(), along[-1])
    columns = np.interp(lengths, along, np.arange(_GRID_COLUMNS))
    rows = np.array(_ROWS)
    r, c = (a.ravel() for a in np.meshgrid(rows, columns, indexing="ij"))
    binding = _bilinear(grid, r, c)
    count = len(columns)
    between = (np.arange(count) % _COLUMNS_PER_TOOTH == 0).astype(float)
    between[[0, -1]] = 0.0
    depth = np.array(_PINCH)[:, None] * between
    depth[:, [0, -1]] = _END_IN
    depth = depth.ravel()
    base = binding @ average_vertices()
    hub = np.array([0.0, edge[:, 1].mean(), edge[:, 2].min()])
    inward = (hub - base) * (1.0, 0.0, 1.0)
    inward /= np.linalg.norm(inward, axis=1, keepdims=True)
    # Crowns taper towards the biting edge, so the edge's corners also rise.
    rise = np.where(r == _BITE_ROW, 0.6, 0.0) * np.tile(between, len(rows)) * _PINCH[4] * (1.0 if jaw == "upper" else -1.0)
    rim = np.isin(r, (0.0, _GRID_ROWS - 1.0)) & (jaw == "lower")
    rise += np.where(rim, _GUM_UP, 0.0) - _LOWER_BY
    offset = inward * depth[:, None] + np.column_stack([np.zeros_like(rise), rise, np.zeros_like(rise)])
    offset = 0.5 * (offset + offset.reshape(len(rows), count, 3)[:, ::-1].reshape(-1, 3) * (-1.0, 1.0, 1.0))
    mirror = np.arange(len(r)).reshape(len(rows), count)[:, ::-1].ravel()
    square = np.column_stack([lengths[None].repeat(len(rows), 0).ravel() / along[-1], r / (_GRID_ROWS - 1)])
    faces = _strip(len(rows), count, base, hub)
    return TeethRow(binding, offset, faces, square, mirror)


def _helper_grid(group: str) -> IntArray:
    """(4, 17) int64 base vertices of a helper band: row 0 the gum outside, columns from the subject's right to left."""
    quads = read_base_mesh().quads[group]
    neighbours: dict[int, set[int]] = {}
    for quad in quads.tolist():
        for a, b in zip(quad, quad[1:] + quad[:1], strict=True):
            neighbours.setdefault(a, set()).add(b)
            neighbours.setdefault(b, set()).add(a)
    corners = [v for v, around in neighbours.items() if len(around) == 2]
    x = read_base_mesh().vertices[:, 0]
    right, left = min(corners, key=lambda v: float(x[v])), max(corners, key=lambda v: float(x[v]))
    from_right, from_left = _steps(neighbours, right), _steps(neighbours, left)
    grid = np.zeros((_GRID_ROWS, _GRID_COLUMNS), dtype=np.int64)
    last = _GRID_COLUMNS - 1
    for v in neighbours:
        grid[(from_right[v] + from_left[v] - last) // 2, (from_right[v] - from_left[v] + last) // 2] = v
    return grid


def _steps(neighbours: dict[int, set[int]], start: int) -> dict[int, int]:
    """Number of edges from `start` to every vertex."""
    steps, queue = {start: 0}, deque([start])
    while queue:
        here = queue.popleft()
        for there in neighbours[here]:
            if there not in steps:
                steps[there] = steps[here] + 1
                queue.append(there)
    return steps


def _bilinear(grid: IntArray, r: Float64Array, c: Float64Array) -> csr_matrix:
    """(N, 19158) sparse: bilinear interpolation in the grid at fractional rows r and columns c, each (N,)."""
    r0, c0 = np.minimum(r.astype(int), _GRID_ROWS - 2), np.minimum(c.astype(int), _GRID_COLUMNS - 2)
    fr, fc = r - r0, c - c0
    index = np.arange(len(r))
    parts = [(r0 + i, c0 + j, (fr if i else 1 - fr) * (fc if j else 1 - fc)) for i in (0, 1) for j in (0, 1)]
    values = np.concatenate([w for _, _, w in parts])
    columns = np.concatenate([grid[i, j] for i, j, _ in parts])
    shape = (len(r), len(read_base_mesh().vertices))
    return coo_matrix((values, (np.tile(index, 4), columns)), shape).tocsr()


def _strip(rows: int, count: int, points: Float64Array, hub: Float64Array) -> IntArray:
    """Triangles of a rows x count grid, seen counter-clockwise from outside the band; mirrored halves lean opposite ways."""
    faces = []
    for i in range(rows - 1):
        for j in range(count - 1):
            a, b, d, e = i * count + j, i * count + j + 1, (i + 1) * count + j, (i + 1) * count + j + 1
            faces += [[a, d, e], [a, e, b]] if j < (count - 1) // 2 else [[a, d, b], [b, d, e]]
    result = np.array(faces)
    first = points[result[: 2 * (count - 1)]]
    normal = np.cross(first[:, 1] - first[:, 0], first[:, 2] - first[:, 0]).sum(axis=0)
    # The outer gum row faces away from the arch's middle, that is, forwards.
    return result if normal[2] > 0 else result[:, ::-1]
