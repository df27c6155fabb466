"""What one capture can also look like: cut otherwise, mirrored, exposed otherwise, blurred, covered, of a guessed focal length."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np

from facestudio.landmarks.crop import Crop
from facestudio.reconstruct.mfnet.mirror import Mirror
from facestudio.training.mfnet.batch import Sample
from facestudio.types import ByteArray, Float32Array

_FLIP = np.diag([-1.0, 1.0, 1.0]).astype(np.float32)


@dataclass(frozen=True)
class AugmentConfig:
    """How much. Shares in [0, 1]; gains are standard deviations of logarithms.

    mirror: share of captures. single: share of which only one photo is there, three times. uncalibrated: share whose focal length the
    network is not told, but what is assumed then (60 degrees across the picture); focal: error of what it is told.
    exposure, contrast, colour: of one camera; common_exposure: of all three. blur: most, pixels. noise: most, of 255.
    patch: share of views that get a covered square, of side up to patch_side of the crop. zoom: of a crop's side, a logarithm;
    shift: of its middle, shares of the side; both are standard deviations, cut off at two.
    """

    mirror: float = 0.5
    single: float = 0.15
    uncalibrated: float = 0.7
    focal: float = 0.04
    common_exposure: float = 0.15
    exposure: float = 0.12
    contrast: float = 0.12
    colour: float = 0.06
    blur: float = 0.9
    noise: float = 6.0
    patch: float = 0.15
    patch_side: float = 0.35
    zoom: float = 0.07
    shift: float = 0.02


def cuts(picture: int, side: int, rng: np.random.Generator, config: AugmentConfig) -> list[Crop]:
    """How the three views of a capture are cut out of their pictures (of `picture` pixels) this time; side: pixels of the crops."""
    zoom = picture * np.exp(config.zoom * np.clip(rng.normal(size=3), -2.0, 2.0))
    shift = picture * config.shift * np.clip(rng.normal(size=(3, 2)), -2.0, 2.0)
    return [Crop((picture - 1) / 2.0 + off, float(z), side) for z, off in zip(zoom, shift, strict=True)]


def mirrored(sample: Sample, mirror: Mirror) -> Sample:
    """The mirror image of a capture: left and right change places, and the head is its mirror image."""
    side = sample.crops.shape[1]
    order = [2, 1, 0]
    K = sample.K[order].copy()
    K[:, 0, 2] = side - 1 - K[:, 0, 2]
    landmarks = sample.landmarks[order][:, mirror.landmarks].copy()
    detected = sample.detected[order][:, mirror.detected].copy()
    landmarks[..., 0] = side - 1 - landmarks[..., 0]
    detected[..., 0] = side - 1 - detected[..., 0]
    crops = np.ascontiguousarray(sample.crops[order][:, :, ::-1])
    visible = sample.visible[order][:, mirror.landmarks]
    if sample.identity is None:
        return Sample(crops, K, detected, landmarks, visible)
    assert sample.expression is not None and sample.jaw is not None and sample.R is not None
    assert sample.t is not None and sample.light is not None
    # x_cam = R x + t, mirrored on both sides: F R F and F t. Axis-angles are pseudo-vectors: y and z change sign.
    light = sample.light[order].copy()
    light[:, [3, 4, 7]] *= -1.0  # the harmonics that are odd in x: x, xy, xz
    return Sample(
        crops,
        K,
        detected,
        landmarks,
        visible,
        identity=(mirror.identity @ sample.identity).astype(np.float32),
        expression=sample.expression[mirror.expression],
        jaw=sample.jaw * np.array([1.0, -1.0, -1.0], np.float32),
        R=_FLIP @ sample.R[order] @ _FLIP,
        t=sample.t[order] * np.array([-1.0, 1.0, 1.0], np.float32),
        light=light,
        guess=sample.guess,
    )


def augmented(sample: Sample, mirror: Mirror, rng: np.random.Generator, config: AugmentConfig | None = None) -> Sample:
    """A random variant. Deterministic by the generator's state."""
    config = config or AugmentConfig()
    if rng.random() < config.mirror:
        sample = mirrored(sample, mirror)
    common = rng.normal(0.0, config.common_exposure)
    crops = np.stack([_relit(c, common, rng, config) for c in sample.crops])
    K = sample.K.copy()
    told = np.exp(rng.normal(0.0, config.focal)) * (sample.guess if rng.random() < config.uncalibrated else 1.0)
    K[:, [0, 1], [0, 1]] *= told  # the three webcams are usually of one make, and so is the error
    changed = {**vars(sample), "crops": crops, "K": K}
    if sample.t is not None:
        # Seen through a lens of another focal length, a head that looks the same stands that much farther away (first order).
        changed["t"] = _farther(sample.t, sample.K, K)
    variant = Sample(**changed)
    return alone(variant, int(rng.integers(3))) if rng.random() < config.single else variant


def alone(sample: Sample, view: int) -> Sample:
    """A capture of which there is only one photo: it takes all three places."""
    by_view = ("crops", "K", "detected", "landmarks", "visible", "R", "t", "light")
    repeated = {
        name: np.repeat(getattr(sample, name)[view][None], 3, axis=0) for name in by_view if getattr(sample, name) is not None
    }
    return Sample(**{**vars(sample), **repeated})


def _farther(t: Float32Array, true_K: Float32Array, told_K: Float32Array) -> Float32Array:
    ratio = told_K[:, 0, 0] / true_K[:, 0, 0]
    moved = t.copy()
    moved[:, 2] = t[:, 2] * ratio  # x and y over z times f stay: the place in the picture is kept
    return moved


def _relit(crop: ByteArray, common: float, rng: np.random.Generator, config: AugmentConfig) -> ByteArray:
    """Another exposure, contrast, white balance, focus and grain; at times a covered square. crop (S, S, 3) uint8."""
    gain = np.exp(common + rng.normal(0.0, config.exposure) + rng.normal(0.0, config.colour, 3))
    power = np.exp(rng.normal(0.0, config.contrast))
    # One table per colour: pictures are bytes.
    levels = np.arange(256)[:, None] / 255.0
    table = np.clip((levels**power) * gain, 0.0, 1.0) * 255.0
    out = cv2.LUT(crop, table.astype(np.uint8)[:, None].copy())
    if rng.random() < 0.4:
        out = cv2.GaussianBlur(out, (0, 0), rng.uniform(0.3, config.blur))
    if rng.random() < 0.4:
        grain = rng.normal(0.0, rng.uniform(1.0, config.noise), (*out.shape[:2], 1)).astype(np.float32)
        out = np.clip(out + grain, 0, 255).astype(np.uint8)
    if rng.random() < config.patch:
        side = out.shape[0]
        h, w = (rng.uniform(0.1, config.patch_side, 2) * side).astype(int)
        y, x = rng.integers(0, side - h), rng.integers(0, side - w)
        out = out.copy()
        out[y : y + h, x : x + w] = rng.integers(0, 256, 3)
    return np.asarray(out, np.uint8)
