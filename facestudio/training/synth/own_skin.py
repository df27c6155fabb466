"""Skins of our own making, for machines without MakeHuman's assets: drawn by place on the head, with noise for pores and blood."""

from __future__ import annotations

import itertools

import cv2
import numpy as np

from facestudio.geometry.rasterize import rasterize
from facestudio.head.landmarks import embedding, on_surface
from facestudio.head.model import HeadModel
from facestudio.types import ByteArray, Float32Array, Float64Array, IntArray

_SIZE = 512


def own_skins(model: HeadModel) -> tuple[Float32Array, IntArray, tuple[ByteArray, ...]]:
    """uv (T, 2), uv_faces (F, 3) of the head model's own square, and four skins' ratios (H, W, 3) uint8 over it."""
    flat = np.column_stack([model.uv[:, 0] * _SIZE - 0.5, (1 - model.uv[:, 1]) * _SIZE - 0.5, np.ones(len(model.uv))])
    fragments = rasterize(flat, model.uv_faces, _SIZE, _SIZE)
    hit = fragments.pix_to_face >= 0
    corners = model.template[model.faces[np.maximum(fragments.pix_to_face, 0)]]
    points = np.einsum("hwk,hwkc->hwc", fragments.bary, corners)
    places = on_surface(model.template, model.faces, embedding(model, "ibug68"))
    return model.uv, model.uv_faces, tuple(_draw(points, hit, places, seed) for seed in range(4))


def _draw(
    points: Float64Array, hit: np.ndarray[tuple[int, ...], np.dtype[np.bool_]], places: Float64Array, seed: int
) -> ByteArray:
    rng = np.random.default_rng([77, seed])

    def spot(at: Float64Array, radius: float) -> Float64Array:
        return np.asarray(np.exp(-((points - at) ** 2).sum(-1) / (2 * radius**2)))

    ratio = np.ones((*hit.shape, 3))
    for octave, strength in ((8, 0.06), (32, 0.05), (128, 0.05), (512, 0.06)):
        grain = cv2.resize(rng.normal(0, strength, (octave, octave)), hit.shape[::-1], interpolation=cv2.INTER_CUBIC)
        ratio *= np.exp(grain[..., None] * [0.6, 1.0, 1.1])
    lips = np.max([spot(p, 0.0035) for p in places[48:]], axis=0)
    brows = np.max(
        [spot(0.5 * (a + b), 0.0038) for row in (places[17:22], places[22:27]) for a, b in itertools.pairwise(row)],
        0,
    )
    lids = np.max([spot(p, 0.0028) for p in places[36:48]], axis=0)
    ratio *= 1 - np.clip(lips, 0, 1)[..., None] * [0.15, 0.45, 0.42]
    ratio *= 1 - np.clip(1.2 * brows, 0, 0.92)[..., None] * (0.75 + 0.25 * rng.random((*hit.shape, 1)))
    ratio *= 1 - 0.5 * np.clip(lids, 0, 1)[..., None]
    return np.where(hit[..., None], np.clip(np.rint(ratio * 64.0), 0, 255), 64).astype(np.uint8)
