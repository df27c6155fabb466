"""Five joints in FLAME's order (root, neck, jaw, eyes), their regressor and skin weights.

As in FLAME the joint "neck" carries the whole head, "root" the lowest neck, "jaw" the chin, lower lip, lower teeth and tongue.
Jaw weights are MakeHuman's own: everything that hangs on the bone "jaw" of its default rig.
"""

from __future__ import annotations

import numpy as np

from facestudio.head.open_head.cut import PART_NAMES
from facestudio.head.open_head.source import average_vertices, read_bone_weights
from facestudio.head.open_head.topology import average_eyes, build_topology
from facestudio.types import Float32Array, Float64Array, IntArray

PARENTS = (-1, 0, 1, 1, 1)
_SIDES = (".L", ".R")
_JAW_BONES = (
    *("jaw", "special04", "oris01", "oris02", "tongue00", "tongue01", "tongue02", "tongue03", "tongue04"),
    *(f"oris0{k}{s}" for k in (6, 7) for s in _SIDES),
    *(f"tongue0{k}{s}" for k in (5, 6, 7) for s in _SIDES),
)
# Decimetres, base frame. The jaw turns about the axis through both temporomandibular joints, a finger's breadth before the ear canal.
_NECK_JOINT = (0.0, 6.85, 0.42)
_JAW_JOINT = (0.0, 7.02, 0.62)
_ROOT_JOINT = (0.0, 5.75, 0.25)
_NECK_FADE = (5.75, 6.35)  # the skin passes from root to neck between these heights along the neck's axis


def skin_weights() -> Float32Array:
    """(V, 5) float32, rows sum to 1."""
    topology = build_topology()
    points = topology.binding @ average_vertices() + topology.offset
    weights = np.zeros((topology.vertex_count, 5))
    jaw = topology.binding @ read_bone_weights(*_JAW_BONES)
    jaw[topology.teeth[0]] = 0.0
    jaw[topology.teeth[1]] = 1.0
    jaw = 0.5 * (jaw + jaw[topology.mirror])
    # The neck leans forwards: heights are measured square to the cut, not to the floor.
    height = points[:, 1] + 0.32 * (points[:, 2] - 0.2)
    fade = np.clip((height - _NECK_FADE[0]) / (_NECK_FADE[1] - _NECK_FADE[0]), 0.0, 1.0)
    head = fade * fade * (3.0 - 2.0 * fade)
    head[np.isin(np.arange(len(head)), np.unique(topology.faces[topology.parts == PART_NAMES.index("mouth_interior")]))] = 1.0
    head[topology.tongue.start :] = 1.0
    weights[:, 2] = np.clip(jaw, 0.0, 1.0) * head
    weights[:, 1] = head - weights[:, 2]
    weights[:, 0] = 1.0 - head
    for joint, eye in zip((3, 4), topology.eyes, strict=True):
        weights[eye] = 0.0
        weights[eye, joint] = 1.0
    return weights.astype(np.float32)


def joint_regressor() -> Float32Array:
    """(5, V) float32, rows sum to 1: each joint as a weighted mean of vertices that stay around it for every identity."""
    topology = build_topology()
    points = topology.binding @ average_vertices() + topology.offset
    for eye, (centre, radius) in zip(topology.eyes, average_eyes(), strict=True):
        points[eye] = centre + radius * topology.ball.directions
    own = topology.base_ids >= 0
    ear = np.isin(np.arange(len(points)), np.unique(topology.faces[topology.parts == PART_NAMES.index("ears")])) & own
    skin = own & (np.arange(len(points)) < topology.tongue.start)
    rows = [
        _mean_at(points, np.flatnonzero(skin & (points[:, 1] < 6.0)), _ROOT_JOINT),
        _mean_at(
            points, np.flatnonzero(skin & (points[:, 1] > 6.2) & (points[:, 1] < 7.2) & (points[:, 2] < 0.9)), _NECK_JOINT
        ),
        _mean_at(points, np.flatnonzero(ear), _JAW_JOINT),
    ]
    rows += [_mean_at(points, np.arange(e.start, e.stop), c) for e, (c, _) in zip(topology.eyes, average_eyes(), strict=True)]
    regressor = np.array(rows)
    # The joints on the midline stay there: mirrored vertices weigh the same.
    regressor[:3] = 0.5 * (regressor[:3] + regressor[:3, topology.mirror])
    return regressor.astype(np.float32)


def _mean_at(points: Float64Array, chosen: IntArray, joint: tuple[float, float, float] | Float64Array) -> Float64Array:
    """(V,) weights on the chosen points with sum 1 and mean exactly at the joint, as near to equal as that allows."""
    system = np.column_stack([points[chosen], np.ones(len(chosen))]).T
    even = np.full(len(chosen), 1.0 / len(chosen))
    gap = np.append(np.asarray(joint, dtype=np.float64), 1.0) - system @ even
    weights = np.zeros(len(points))
    weights[chosen] = even + np.linalg.lstsq(system, gap, rcond=None)[0]
    return weights
