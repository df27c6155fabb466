"""Pictures that dense refinement would match, with the flow that is true between them.

A subject of known shape is photographed by known cameras. Refinement would hold a head that is not quite right, seen by cameras that are
not quite right: the truth is shaken by a random amount, and photo a is carried by the shaken head into view b, as `correspondence` does.
What the drawing shows at pixel p then comes from photo a's pixel q; the truth says which point of the skin q shows, and where photo b
shows the same point: there the flow has to lead. And back in the same way.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

import cv2
import numpy as np

from facestudio.geometry.rotations import exp_so3
from facestudio.geometry.shading import vertex_normals
from facestudio.head.model import HeadModel
from facestudio.reconstruct.correspondence import FlowConfig, covisible, equalised
from facestudio.reconstruct.photo import prepare_photo
from facestudio.reconstruct.problem import choose_pairs, part_trust
from facestudio.reconstruct.refinement import RefineConfig
from facestudio.reconstruct.sighting import Sighting, sight
from facestudio.training.synth.bumps import bumps
from facestudio.types import BoolArray, ByteArray, Camera, Float16Array, Float32Array, Float64Array, IntArray, View

_FARTHEST_PX = 16.0
_BENT_M = 0.0008  # a pixel's point may be so far from the mean of its neighbours': farther off, an edge lies between them
_HIDDEN_M = 0.003


@dataclass(frozen=True)
class Subject:
    """One head of known shape.

    views: with pictures, free of distortion. cameras: world to each. vertices: (V, 3) metres, world, posed.
    masks: per view (H, W) float32 in [0, 1], where the person is.
    """

    views: tuple[View, ...]
    cameras: tuple[Camera, ...]
    vertices: Float64Array
    masks: tuple[Float32Array, ...]


@dataclass(frozen=True)
class ShakeConfig:
    """How wrong the head and the cameras are at most; each subject gets a random share of it (standard deviations).

    identity: of each coefficient, in the model's own. bump_m, bumps, widths_m: of a sum of random bumps. turn, shift_m, depth_m: the
    head's pose, radians and metres, across and along the front camera's axis. camera_turn, camera_shift_m: each camera's own, for every
    second subject (unknown cameras).
    """

    identity: float = 0.8
    bump_m: float = 0.0005
    bumps: int = 60
    widths_m: tuple[float, float] = (0.01, 0.04)
    turn: float = 0.012
    shift_m: float = 0.0008
    depth_m: float = 0.003
    camera_turn: float = 0.004
    camera_shift_m: float = 0.0015


@dataclass(frozen=True)
class Pair:
    """A window of a drawing and a photo, side x side pixels, in every reading.

    drawn, photo: (layers, h, w) uint8. there, back: (h, w, 2) float16, pixels, the true flow from the drawing to the photo and back.
    there_weight, back_weight: (h, w) uint8, 255 where it counts fully, 0 where nothing is known.
    """

    drawn: ByteArray
    photo: ByteArray
    there: Float16Array
    back: Float16Array
    there_weight: ByteArray
    back_weight: ByteArray


def draw_pairs(
    subject: Subject, model: HeadModel, side: int, rng: np.random.Generator, shake: ShakeConfig | None = None
) -> Iterator[Pair]:
    """One window of every ordered pair of the subject's views that refinement would match; the head is shaken once for all."""
    config = RefineConfig()
    wrong, cameras = shaken(subject, model, rng, shake or ShakeConfig())
    photos = [
        prepare_photo(v, c, c, subject.vertices, model, m, config.blur_px)
        for v, c, m in zip(subject.views, subject.cameras, subject.masks, strict=True)
    ]
    seen = [sight(p, c, wrong, model.faces) for p, c in zip(photos, cameras, strict=True)]
    true = [sight(p, c, subject.vertices, model.faces) for p, c in zip(photos, subject.cameras, strict=True)]
    for a, b in choose_pairs(cameras, config.pair_degrees):
        views = (seen[a], seen[b], true[a], true[b])
        if all(v is not None for v in views):
            pair = _pair(*views, config.flow, part_trust(model), side, rng)  # type: ignore[arg-type]
            if pair is not None:
                yield pair


def shaken(
    subject: Subject, model: HeadModel, rng: np.random.Generator, config: ShakeConfig
) -> tuple[Float64Array, list[Camera]]:
    """(V, 3) float64 metres and one camera per view, both a little wrong."""
    share, true = rng.uniform(0.0, 1.0), subject.vertices
    middle, axes = true.mean(0), subject.cameras[len(subject.cameras) // 2].R
    coefficients = share * config.identity * rng.normal(size=model.identity_basis.shape[2])
    wrong = true + model.identity_basis @ coefficients
    height = bumps(true, config.bumps, config.widths_m, share * config.bump_m, rng)
    wrong = wrong + height[:, None] * vertex_normals(true, model.faces)
    turn = exp_so3(share * config.turn * rng.normal(size=3))
    shift = axes.T @ (share * np.array([config.shift_m, config.shift_m, config.depth_m]) * rng.normal(size=3))
    wrong = (wrong - middle) @ turn.T + middle + shift
    own = share * float(rng.integers(2))
    cameras = []
    for camera in subject.cameras:
        turn = exp_so3(own * config.camera_turn * rng.normal(size=3))
        # Turned about the head, which is what is known of unknown cameras: they look at it.
        stays = camera.R @ middle + camera.t
        R = turn @ camera.R
        cameras.append(replace(camera, R=R, t=stays - R @ middle + own * config.camera_shift_m * rng.normal(size=3)))
    return np.asarray(wrong), cameras


def _pair(
    seen_a: Sighting,
    seen_b: Sighting,
    true_a: Sighting,
    true_b: Sighting,
    config: FlowConfig,
    worth: Float32Array,
    side: int,
    rng: np.random.Generator,
) -> Pair | None:
    shared = covisible(seen_a, seen_b, config, worth)
    there, known_there = _there(seen_a, seen_b, true_a, true_b, shared.warp.x, shared.warp.y)
    back, known_back = _back(seen_a, seen_b, true_a, true_b)
    rows, columns = np.nonzero(shared.trust > 0.1)
    if len(rows) < 500:
        return None
    k = rng.integers(len(rows))
    top, left = (
        int(np.clip(v + rng.integers(-side // 4, side // 4 + 1) - side // 2, 0, max(n - side, 0)))
        for v, n in zip((rows[k], columns[k]), shared.trust.shape, strict=True)
    )
    window = np.s_[top : top + side, left : left + side]
    readings = []
    for of_a, of_b in zip(seen_a.photo.layers, seen_b.photo.layers, strict=True):
        drawn = cv2.remap(of_a.picture, shared.warp.x, shared.warp.y, cv2.INTER_CUBIC, borderMode=cv2.BORDER_REPLICATE)
        readings.append(equalised(np.asarray(drawn, np.float32), of_b.picture, shared.context, config.gain_sigma_px))
    drawn, photo = (_bytes([reading[i][window] for reading in readings], side) for i in range(2))
    weights = [_bytes([255.0 * shared.trust[window] * known[window]], side)[0] for known in (known_there, known_back)]
    flows = [_padded(np.clip(np.nan_to_num(flow[window]), -99.0, 99.0).astype(np.float16), side) for flow in (there, back)]
    return Pair(drawn, photo, flows[0], flows[1], weights[0], weights[1])


def _there(
    seen_a: Sighting, seen_b: Sighting, true_a: Sighting, true_b: Sighting, x: Float32Array, y: Float32Array
) -> tuple[Float32Array, BoolArray]:
    """The flow (h, w, 2) from the drawing in view b to photo b, and where it is known. x, y: the drawing's pixels in a's crop."""
    skin, known = _looked_up(true_a, x, y, seen_a.corner - true_a.corner)
    spot, seen = _shown(true_b, skin)
    flow = spot + (true_b.corner - seen_b.corner).astype(np.float32) - _grid(seen_b)
    return flow, known & seen & seen_b.covered & _near(flow)


def _back(seen_a: Sighting, seen_b: Sighting, true_a: Sighting, true_b: Sighting) -> tuple[Float32Array, BoolArray]:
    """The flow (h, w, 2) from photo b back to the drawing in view b, and where it is known."""
    grid = _grid(seen_b)
    skin, known = _looked_up(true_b, grid[..., 0], grid[..., 1], seen_b.corner - true_b.corner)
    in_a, seen = _shown(true_a, skin)
    drawn, held = _looked_up(seen_a, in_a[..., 0], in_a[..., 1], true_a.corner - seen_a.corner)
    spot, open_ = _shown(seen_b, drawn)
    flow = spot - grid
    return flow, known & seen & held & open_ & _near(flow)


def _grid(sighting: Sighting) -> Float32Array:
    h, w = sighting.depth.shape
    return np.stack(np.meshgrid(np.arange(w, dtype=np.float32), np.arange(h, dtype=np.float32)), -1)


def _near(flow: Float32Array) -> BoolArray:
    return np.asarray(np.isfinite(flow).all(-1) & (np.abs(np.nan_to_num(flow)).max(-1) < _FARTHEST_PX))


def _looked_up(sighting: Sighting, x: Float32Array, y: Float32Array, offset: IntArray) -> tuple[Float32Array, BoolArray]:
    """The surface points (h, w, 3) that a sighting shows at pixels x, y of another crop, and where it shows one."""
    x, y = x + np.float32(offset[0]), y + np.float32(offset[1])
    points = np.where(sighting.covered[..., None], sighting.points, np.float32(1e3))
    bent = np.abs(points - cv2.blur(points, (3, 3))).max(-1)
    smooth = cv2.erode((sighting.covered & (bent < _BENT_M)).astype(np.uint8), np.ones((3, 3), np.uint8))
    between = cv2.remap(points, x, y, cv2.INTER_LINEAR, borderMode=cv2.BORDER_CONSTANT, borderValue=(1e3, 1e3, 1e3))
    known = cv2.remap(smooth, x, y, cv2.INTER_NEAREST, borderMode=cv2.BORDER_CONSTANT, borderValue=(0.0,))
    return np.asarray(between, np.float32), np.asarray(known > 0)


def _shown(sighting: Sighting, points: Float32Array) -> tuple[Float32Array, BoolArray]:
    """Where a sighting shows points (h, w, 3), (h, w, 2) pixels of its crop, and where nothing hides them."""
    camera = sighting.camera
    inside = points @ camera.R.T.astype(np.float32) + camera.t.astype(np.float32)
    z = np.maximum(inside[..., 2], np.float32(1e-3))
    homogeneous = inside @ camera.K.T.astype(np.float32)
    spot = np.asarray(homogeneous[..., :2] / z[..., None], np.float32)
    depth = np.where(sighting.covered, sighting.depth, np.float32(0.0))
    behind = cv2.remap(depth, spot[..., 0], spot[..., 1], cv2.INTER_NEAREST, borderMode=cv2.BORDER_CONSTANT, borderValue=(0.0,))
    return spot, np.asarray(z < behind + np.float32(_HIDDEN_M))


def _bytes(pictures: Sequence[Float32Array], side: int) -> ByteArray:
    return np.stack([_padded(np.clip(p, 0.0, 255.0).astype(np.uint8), side) for p in pictures])


def _padded(picture: ByteArray | Float16Array, side: int) -> np.ndarray:  # type: ignore[type-arg]
    h, w = picture.shape[:2]
    return np.pad(picture, [(0, side - h), (0, side - w)] + [(0, 0)] * (picture.ndim - 2))
