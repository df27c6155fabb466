"""Dense correspondence between a render of the textured head and a photo, and what it says about the surface.

For an ordered pair (source a, target b): texture the current head with photo a, draw it with camera b, and measure the optical flow F from
the drawing to photo b. Were the head right, F would be zero. What a shows at pixel p lies on a's ray r through the surface point X; if
photo b shows it at p + F, then the true point is Y = X + s r, and with J = d(pixel of b)/d(point)

    s = (J r) . F / |J r|^2,     delta = (n . r) s                                        displacement along the normal n

(to first order, for a locally flat surface). The component of F across J r cannot come from the shape: with exact cameras it is pure
error, and so tells how far to trust the pixel. No landmark, no semantics: hence no bias of either.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial

import cv2
import numpy as np

from facestudio.progress import CancelToken
from facestudio.reconstruct.sighting import Layer, Sighting, Transfer, transfer
from facestudio.types import BoolArray, Float32Array, IntArray

DenseFlow = Callable[[Float32Array, Float32Array, CancelToken], tuple[Float32Array, Float32Array]]
"""(drawing (h, w), photo (h, w), cancel), made alike by `equalised`, to the flow (h, w, 2), pixels, from one to the other and back."""


_PATCH_STRIDE = 4  # pixels between DIS's patches of 8: its preset has 3, which takes longer and is no more accurate here


@dataclass(frozen=True)
class FlowConfig:
    """Constants of the correspondence. Pixels are the photo's.

    steepest_cosine: nothing is read where a surface is seen at a flatter angle; context_cosine: the drawing itself reaches further, so
    that the flow's patches see skin on both sides of what is read. depth_margin_m: grace of the z-buffer test.
    gain_sigma_px: size of the window in which brightness and contrast of the two photos are made equal.
    estimator: the dense flow; None: DIS, with `smoothness` as the weight of its own regularisation.
    consistency_px: forward-backward error beyond which a match is dropped.
    floor_px: error of the best matches. across_px: cross-epipolar residual at which trust is halved.
    flat_contrast: gradient of the picture along the epipolar line, in noise sigmas, at which the match is worth half.
    shine_px: difference from the layer that is blind to highlights at which trust in the other is halved.
    layer_sigma: factor on the standard deviation of each layer's matches: the dull one's grain harms the flow more than contrast tells.
    blur_px: the flow sees the surface through a blur of this (`displace.blurred`; `tests/benchmarks/bench_limit.py` measures it).
    stride: only every stride-th pixel and row becomes a sample: neighbours share the flow's patch anyway.
    """

    steepest_cosine: float = 0.06
    context_cosine: float = 0.02
    depth_margin_m: float = 0.0025
    gain_sigma_px: float = 7.0
    estimator: DenseFlow | None = None
    smoothness: float = 12.0
    consistency_px: float = 1.0
    floor_px: float = 0.2
    across_px: float = 0.7
    flat_contrast: float = 1.0
    shine_px: float = 0.3
    layer_sigma: tuple[float, ...] = (1.0, 2.0)
    blur_px: float = 6.4
    stride: int = 2


@dataclass(frozen=True)
class Matches:
    """Samples of one ordered pair. N samples.

    source, target: indices of the views. face (N,) int32, bary (N, 3) float32. points, normals: (N, 3) float32, head frame, metres.
    flow: (N, 2) float32, pixels. sigma_px: (N,) float32, standard deviation along the epipolar line. trust: (N,) float32 in [0, 1].
    agreement: share of the covisible pixels that passed the forward-backward check. across_px: median of the flow across the
    epipolar lines, pixels. likeness: mean correlation of drawing and photo, weighted by trust.
    """

    source: int
    target: int
    face: IntArray
    bary: Float32Array
    points: Float32Array
    normals: Float32Array
    flow: Float32Array
    sigma_px: Float32Array
    trust: Float32Array
    agreement: float
    across_px: float
    likeness: float


def match(
    sightings: Sequence[Sighting],
    source: int,
    target: int,
    config: FlowConfig,
    part_trust: Float32Array,
    cancel: CancelToken | None = None,
) -> tuple[Matches, ...]:
    """Match view `source` to view `target`, once per layer. part_trust: (F,) float32 in [0, 1], what a match on each triangle is worth."""
    cancel = cancel or CancelToken()
    a, b = sightings[source], sightings[target]
    shared = covisible(a, b, config, part_trust)
    warp, context, trust, chosen = shared.warp, shared.context, shared.trust, shared.chosen
    rays = b.points[chosen] - a.camera.centre.astype(np.float32)
    along = epipolar_direction(b, chosen, rays)
    unit = along / np.maximum(np.linalg.norm(along, axis=1, keepdims=True), np.float32(1e-9))
    readings = [
        _read(of_a, of_b, warp, context, chosen, unit, trust, config, factor, cancel)
        for of_a, of_b, factor in zip(a.photo.layers, b.photo.layers, config.layer_sigma, strict=True)
    ]
    matches = []
    for k, reading in enumerate(readings):
        worth = trust[chosen] / (1.0 + (reading.across / config.across_px) ** 2)
        for dull in readings[k + 1 :]:
            worth = worth * _agreeing(reading, dull, config.shine_px)
        keep = reading.inconsistency < config.consistency_px
        matches.append(
            Matches(
                source,
                target,
                b.face[chosen][keep],
                b.bary[chosen][keep],
                b.points[chosen][keep],
                b.normals[chosen][keep],
                reading.flow[keep],
                reading.sigma_px[keep],
                worth[keep].astype(np.float32),
                float(keep.mean()) if len(keep) else 0.0,
                float(np.median(np.abs(reading.across[keep]))) if keep.any() else np.inf,
                reading.likeness,
            )
        )
    return tuple(matches)


def likeness(
    sightings: Sequence[Sighting], source: int, target: int, config: FlowConfig, part_trust: Float32Array
) -> tuple[float, ...]:
    """How alike view `source`, drawn into view `target`, and its photo are, per layer: `Matches.likeness` without the flow."""
    a, b = sightings[source], sightings[target]
    shared = covisible(a, b, config, part_trust)
    pairs = zip(a.photo.layers, b.photo.layers, strict=True)
    return tuple(
        _likeness(*equalised(_textured(of_a, shared.warp), of_b.picture, shared.context, config.gain_sigma_px), shared.trust)
        for of_a, of_b in pairs
    )


def _textured(source: Layer, warp: Transfer) -> Float32Array:
    """(h, w) float32: the source's picture on the head, drawn into the target."""
    return np.asarray(cv2.remap(source.picture, warp.x, warp.y, cv2.INTER_CUBIC, borderMode=cv2.BORDER_REPLICATE), np.float32)


@dataclass(frozen=True)
class Covisible:
    """What one sighting shows of another's surface, (h, w) each, in the target's pixels.

    warp: where they lie in the source. context: float32, 1 where the drawing is used at all. trust: float32 in [0, 1], by part and both
    photos. chosen: bool, the pixels that become samples.
    """

    warp: Transfer
    context: Float32Array
    trust: Float32Array
    chosen: BoolArray


def covisible(source: Sighting, target: Sighting, config: FlowConfig, part_trust: Float32Array) -> Covisible:
    """The surface that both photos see, and what a sample there is worth. part_trust: (F,) float32 in [0, 1]."""
    a, b = source, target
    warp = transfer(b, a, config.depth_margin_m)
    context = warp.visible(config.context_cosine)
    mask = cv2.morphologyEx(warp.visible(config.steepest_cosine), cv2.MORPH_OPEN, np.ones((3, 3), np.uint8))
    trust_a = cv2.remap(a.photo.trust, warp.x, warp.y, cv2.INTER_LINEAR, borderMode=cv2.BORDER_CONSTANT, borderValue=(0.0,))
    on_part = np.where(b.covered, part_trust[np.maximum(b.face, 0)], np.float32(0.0))
    trust = np.asarray(mask * on_part * trust_a * b.photo.trust, np.float32)
    grid = np.zeros(mask.shape, bool)
    grid[:: config.stride, :: config.stride] = True
    chosen = grid & (mask > 0) & (on_part > 0.0)
    return Covisible(warp, context, trust, chosen)


@dataclass(frozen=True)
class _Reading:
    """What one layer says at the chosen pixels. flow (N, 2); along, across (N,) pixels, of the epipolar line; the rest as in `Matches`."""

    flow: Float32Array
    along: Float32Array
    across: Float32Array
    inconsistency: Float32Array
    sigma_px: Float32Array
    likeness: float


def _read(
    source: Layer,
    target: Layer,
    warp: Transfer,
    context: Float32Array,
    chosen: BoolArray,
    unit: Float32Array,
    trust: Float32Array,
    config: FlowConfig,
    factor: float,
    cancel: CancelToken,
) -> _Reading:
    cancel.check()
    textured = _textured(source, warp)
    drawn, photo = equalised(textured, target.picture, context, config.gain_sigma_px)
    forward, backward = (config.estimator or partial(flow_both_ways, smoothness=config.smoothness))(drawn, photo, cancel)
    inconsistency = np.linalg.norm(forward + _moved_by(backward, forward), axis=-1)[chosen]
    flow = forward[chosen]
    contrast = texture_power(textured, chosen, unit) / (source.noise**2 + target.noise**2)
    sigma = factor * np.sqrt(
        (config.floor_px**2 + inconsistency**2) * (1.0 + config.flat_contrast / np.maximum(contrast, 1e-3))
    )
    across = flow[:, 0] * -unit[:, 1] + flow[:, 1] * unit[:, 0]
    likeness = _likeness(drawn, photo, trust)
    return _Reading(flow, (flow * unit).sum(1), across, inconsistency, sigma.astype(np.float32), likeness)


def _agreeing(shiny: _Reading, dull: _Reading, shine_px: float) -> Float32Array:
    """(N,) float32 in (0, 1]: how far a reading that highlights can mislead agrees with one that is blind to them, within its error."""
    apart = (shiny.along - dull.along) ** 2 / (shine_px**2 + dull.sigma_px**2)
    return np.asarray(1.0 / (1.0 + apart), np.float32)


def equalised(
    drawn: Float32Array, photo: Float32Array, mask: Float32Array, sigma_px: float
) -> tuple[Float32Array, Float32Array]:
    """Give both pictures (h, w) the same local mean and contrast inside the mask, and the photo's own content outside.

    Exposure, white balance and highlights differ between cameras; only structure is compared. Both come back stretched so that the
    eight bits the flow works with resolve the faint structure of skin.
    """

    def smooth(picture: Float32Array) -> Float32Array:
        return np.asarray(cv2.GaussianBlur(picture, (0, 0), sigma_px), np.float32)

    weight = smooth(mask) + np.float32(1e-3)
    mean_d, mean_p = smooth(drawn * mask) / weight, smooth(photo * mask) / weight
    flat_d, flat_p = (drawn - mean_d) * mask, (photo - mean_p) * mask
    spread_d, spread_p = (np.sqrt(smooth(f * f) / weight) + np.float32(1.5) for f in (flat_d, flat_p))
    common = np.sqrt(spread_d * spread_p)
    stretch = np.float32(36.0) / (common + np.float32(6.0))
    same_d, same_p = stretch * common / spread_d * flat_d, stretch * common / spread_p * flat_p
    # A soft edge: a hard one would be the strongest structure of all, and always matched.
    return np.asarray(128.0 + np.where(mask > 0, same_d, same_p), np.float32), np.asarray(128.0 + same_p, np.float32)


def flow_both_ways(
    drawn: Float32Array, photo: Float32Array, cancel: CancelToken | None = None, smoothness: float = FlowConfig.smoothness
) -> tuple[Float32Array, Float32Array]:
    """Dense inverse search flow (Kroeger et al. 2016), (h, w, 2) float32 pixels, from the drawing to the photo and back."""
    first, second = (np.clip(p, 0.0, 255.0).astype(np.uint8) for p in (drawn, photo))
    engine = cv2.DISOpticalFlow.create(cv2.DISOPTICAL_FLOW_PRESET_MEDIUM)
    engine.setPatchStride(_PATCH_STRIDE)
    engine.setVariationalRefinementAlpha(smoothness)
    start = np.zeros((*drawn.shape, 2), np.float32)
    there = engine.calc(first, second, start.copy())
    (cancel or CancelToken()).check()
    back = engine.calc(second, first, start.copy())
    return np.asarray(there, np.float32), np.asarray(back, np.float32)


def texture_power(picture: Float32Array, chosen: BoolArray, unit: Float32Array) -> Float32Array:
    """(N,) float32: how much a picture (h, w) changes along unit (N, 2) at its chosen pixels, grey levels squared per pixel squared.

    By the structure tensor over a patch of the flow's size.
    """
    dx, dy = cv2.Sobel(picture, cv2.CV_32F, 1, 0, scale=0.125), cv2.Sobel(picture, cv2.CV_32F, 0, 1, scale=0.125)
    xx, xy, yy = (cv2.GaussianBlur(p, (0, 0), 3.0)[chosen] for p in (dx * dx, dx * dy, dy * dy))
    x, y = unit.T
    return np.asarray(x * x * xx + 2.0 * x * y * xy + y * y * yy, np.float32)


def epipolar_direction(target: Sighting, chosen: BoolArray, rays: Float32Array) -> Float32Array:
    """(N, 2) float32: J r, the pixels the target sees a point move by when it moves along the source's ray by the ray's length."""
    R, K = target.camera.R.astype(np.float32), target.camera.K
    point, step = target.points[chosen] @ R.T + target.camera.t.astype(np.float32), rays @ R.T
    z = point[:, 2]
    dx = K[0, 0] * (step[:, 0] - point[:, 0] / z * step[:, 2]) / z
    dy = K[1, 1] * (step[:, 1] - point[:, 1] / z * step[:, 2]) / z
    return np.asarray(np.stack([dx, dy], -1), np.float32)


def _likeness(drawn: Float32Array, photo: Float32Array, weight: Float32Array) -> float:
    """Correlation of two equalised pictures where weight (h, w) says."""
    total = float(weight.sum())
    if total < 1.0:
        return 0.0
    d, p = drawn - np.float32(128.0), photo - np.float32(128.0)
    power = float((weight * d * d).sum()) * float((weight * p * p).sum())
    return float((weight * d * p).sum()) / float(np.sqrt(max(power, 1e-6)))


def _moved_by(field: Float32Array, flow: Float32Array) -> Float32Array:
    """A field (h, w, 2) looked up where the flow leads to."""
    h, w = flow.shape[:2]
    x, y = np.meshgrid(np.arange(w, dtype=np.float32), np.arange(h, dtype=np.float32))
    return np.asarray(cv2.remap(field, x + flow[..., 0], y + flow[..., 1], cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE))
