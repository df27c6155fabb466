"""The last tenth of a millimetre: with known cameras a surface point has one free direction, so search along it and nowhere else.

Optical flow searches two directions and smooths over both. Once the head is within about a millimetre, a plane sweep (Collins 1996;
Gallup et al. 2007) shaped like the head does better. Photo b is the reference: pixel p shows the surface point X, seen along the unit
ray r. If the surface is shifted by d along its normal n, the pixel shows

    X(d) = X + r d / (n . r)

instead, and photo a shows the same at its projection q(d). For a row of shifts d, photo a is warped onto b's pixels by q(d) and compared
over a Gaussian window w by the normalised correlation, which exposure and white balance do not touch:

    rho(d) = cov_w(I_b, I_a(q(d))) / sqrt(var_w(I_b) var_w(I_a(q(d))))

Because the warp follows the head, a window on a cheek seen from the side is not torn by perspective. A parabola through the maximum gives
the shift; the noise of two pictures that correlate by rho and the curvature of rho there give its standard deviation.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import cv2
import numpy as np

from facestudio.progress import CancelToken
from facestudio.reconstruct.correspondence import FlowConfig, Matches, covisible
from facestudio.reconstruct.sighting import Sighting, length
from facestudio.types import BoolArray, Float32Array


@dataclass(frozen=True)
class SweepConfig:
    """Constants of the sweep. Pixels are the photo's.

    reach_m: shifts to either side; steps: how many in all, odd. window_px: standard deviation of the window.
    blur_px: what the sweep sees the surface through (`displace.blurred`). flat: variance, grey levels squared, below which a
    window shows nothing. least_likeness: correlation below which nothing is claimed.
    floor_px: error of the best matches. window_count: how many independent pixels a window holds, as a share of its area: the photos
    are smoothed. flattest: cosine of the reference's line of sight from which on a shift is not stretched further.
    """

    reach_m: float = 0.0015
    steps: int = 13
    window_px: float = 1.7
    blur_px: float = 1.7
    flat: float = 0.5
    least_likeness: float = 0.5
    floor_px: float = 0.15
    window_count: float = 0.25
    flattest: float = 0.15


def sweep(
    sightings: Sequence[Sighting],
    other: int,
    reference: int,
    config: SweepConfig,
    flow: FlowConfig,
    part_trust: Float32Array,
    cancel: CancelToken,
) -> Matches:
    """What photo `other` says about the surface that photo `reference` shows, as matches from the reference to the other.

    flow: for what counts as covisible. part_trust: (F,) float32 in [0, 1]. Raises Cancelled.
    """
    a, b = sightings[other], sightings[reference]
    shared = covisible(a, b, flow, part_trust)
    path = _Path.of(a, b, config.flattest)
    shifts = np.linspace(-config.reach_m, config.reach_m, config.steps, dtype=np.float32)
    scores = _scores(a, b, path, shifts, shared.context, config, cancel)
    shift, likeness, sigma_m, inside = peak(scores, shifts, 4.0 * np.pi * config.window_px**2 * config.window_count)
    home, goal, nudged = (np.stack(path.at(d), -1) for d in (np.float32(0.0), shift, np.float32(1e-4)))
    moved, per_metre = goal - home, np.linalg.norm(nudged - home, axis=-1) / 1e-4
    keep = shared.chosen & inside & (likeness > config.least_likeness)
    return Matches(
        reference,
        other,
        b.face[keep],
        b.bary[keep],
        b.points[keep],
        b.normals[keep],
        moved[keep],
        np.hypot(config.floor_px, sigma_m[keep] * per_metre[keep]).astype(np.float32),
        (shared.trust * np.clip(likeness, 0.0, 1.0))[keep].astype(np.float32),
        float(keep.sum() / max(int(shared.chosen.sum()), 1)),
        0.0,
        float((likeness * shared.trust).sum() / max(float(shared.trust.sum()), 1e-6)),
    )


@dataclass(frozen=True)
class _Path:
    """Where a camera sees the pixels of another as their surface is shifted.

    start, step: (3, h, w) float32, homogeneous pixels (x z, y z, z) of the camera, and what a metre of shift adds to them.
    """

    start: Float32Array
    step: Float32Array

    @staticmethod
    def of(a: Sighting, b: Sighting, flattest: float) -> _Path:
        """The paths of b's pixels in a's picture."""
        ray = b.points - b.camera.centre.astype(np.float32)
        ray /= length(ray)[..., None]
        facing = np.minimum((b.normals * ray).sum(-1), np.float32(-flattest))
        K, R, t = a.camera.K, a.camera.R, a.camera.t
        KR, Kt = (K @ R).astype(np.float32), (K @ t).astype(np.float32)
        start = np.where(b.covered[..., None], b.points @ KR.T + Kt, np.float32(1.0))
        step = (ray @ KR.T) / facing[..., None]
        return _Path(*(np.ascontiguousarray(np.moveaxis(c, -1, 0)) for c in (start, step)))

    def at(self, shift: Float32Array | np.float32) -> tuple[Float32Array, Float32Array]:
        """x and y, (h, w) float32 pixels each, for a shift, metres: one number or (h, w)."""
        x, y, z = self.start + shift * self.step
        nearer = np.float32(1.0) / np.maximum(z, np.float32(1e-3))
        return x * nearer, y * nearer


def _scores(
    a: Sighting,
    b: Sighting,
    path: _Path,
    shifts: Float32Array,
    context: Float32Array,
    config: SweepConfig,
    cancel: CancelToken,
) -> Float32Array:
    """(D, h, w) float32: the correlation of b with a for each shift, in the plain reading: the dull one is too grainy for such windows."""

    def mean(picture: Float32Array) -> Float32Array:
        return np.asarray(cv2.GaussianBlur(picture * context, (0, 0), config.window_px), np.float32) / weight

    weight = np.asarray(cv2.GaussianBlur(context, (0, 0), config.window_px), np.float32) + np.float32(1e-3)
    picture, other = b.photo.layers[0].picture, a.photo.layers[0].picture
    middle, variance = _moments(picture, mean, config.flat)
    scores = np.zeros((len(shifts), *context.shape), np.float32)
    for k, shift in enumerate(shifts):
        cancel.check()
        warped = np.asarray(cv2.remap(other, *path.at(shift), cv2.INTER_CUBIC, borderMode=cv2.BORDER_REPLICATE), np.float32)
        other_middle, other_variance = _moments(warped, mean, config.flat)
        scores[k] = (mean(warped * picture) - middle * other_middle) / np.sqrt(variance * other_variance)
    return scores


def _moments(
    picture: Float32Array, mean: Callable[[Float32Array], Float32Array], flat: float
) -> tuple[Float32Array, Float32Array]:
    """Local mean and variance (h, w) of a picture."""
    middle = mean(picture)
    return middle, np.maximum(mean(picture * picture) - middle * middle, np.float32(0.0)) + np.float32(flat)


def peak(
    scores: Float32Array, shifts: Float32Array, count: float
) -> tuple[Float32Array, Float32Array, Float32Array, BoolArray]:
    """The best shift of each pixel.

    scores: (D, h, w) float32, correlations for the evenly spaced shifts (D,), metres. count: independent pixels in a window. Returns the
    shift (h, w) metres, refined by a parabola, the correlation there, the standard deviation of the shift, metres, and (h, w) bool,
    whether the maximum lies inside the row.

    Sigma: of two unit-variance windows the mean squared difference is 2 (1 - rho), and bends by twice the curvature c of rho; the maximum
    of such a likelihood is uncertain by sqrt((1 - rho) / (c count)) (Cramer-Rao).
    """
    best = scores.argmax(0)
    inside = (best > 0) & (best < len(shifts) - 1)
    middle = np.clip(best, 1, len(shifts) - 2)[None]
    before, at, after = (np.take_along_axis(scores, middle + k, 0)[0] for k in (-1, 0, 1))
    bend = np.maximum(2.0 * at - before - after, 1e-6)
    part = np.clip(0.5 * (after - before) / bend, -1.0, 1.0)
    step = float(shifts[1] - shifts[0])
    likeness = np.minimum(at + 0.25 * (after - before) * part, 0.999)
    sigma = step * np.sqrt(np.maximum(1.0 - likeness, 1e-3) / (bend * count))
    return (shifts[middle[0]] + part * step).astype(np.float32), likeness, sigma.astype(np.float32), inside
