"""Rooms out of focus: what stands behind a synthetic subject."""

from __future__ import annotations

import cv2
import numpy as np

from facestudio.types import Float32Array


def backdrop(size: int, rng: np.random.Generator) -> Float32Array:
    """(size, size, 3) float32, linear light of about 0.02 to 1: a wall with doors, shelves, windows, lamps and plants, blurred."""
    S = 128
    wall = np.exp(rng.uniform(np.log(0.04), np.log(0.65))) * np.exp(
        rng.normal(0, 0.1, 3) + rng.normal(0, 0.12) * np.array([1, 0.1, -1])
    )
    room = np.full((S, S, 3), wall, np.float32)
    x, y = np.meshgrid(np.linspace(-1, 1, S), np.linspace(-1, 1, S))
    slope = rng.normal(0, 0.35, 3)
    room *= np.exp(slope[0] * x + slope[1] * y + 0.3 * slope[2] * x * y)[..., None].astype(np.float32)
    kind = rng.choice(4, p=[0.45, 0.25, 0.15, 0.15])
    if kind == 0:
        _furniture(room, rng)
    elif kind == 1:
        _corner(room, rng)
        _furniture(room, rng, most=3)
    elif kind == 2:
        for _ in range(int(rng.integers(10, 50))):
            _blob(room, rng)
    blur = float(np.exp(rng.uniform(np.log(0.8), np.log(9.0))))
    room = np.asarray(cv2.GaussianBlur(room, (0, 0), blur), np.float32)
    octaves = cv2.resize(rng.normal(0, 1, (9, 9, 1)).astype(np.float32), (S, S), interpolation=cv2.INTER_CUBIC)
    octaves = octaves + 0.6 * cv2.resize(
        rng.normal(0, 1, (31, 31, 1)).astype(np.float32), (S, S), interpolation=cv2.INTER_CUBIC
    )
    room *= np.exp(rng.uniform(0, 0.06) * octaves)[..., None]
    big = cv2.resize(room, (size, size), interpolation=cv2.INTER_CUBIC)
    return np.asarray(np.clip(big, 0.002, 4.0), dtype=np.float32)


def plain(size: int, rng: np.random.Generator) -> Float32Array:
    """(size, size, 3) float32: one wall of one colour, the same from everywhere."""
    return np.full((size, size, 3), np.exp(rng.uniform(np.log(0.04), np.log(0.6))) * np.exp(rng.normal(0, 0.12, 3)), np.float32)


def _colour(rng: np.random.Generator) -> list[float]:
    value = np.exp(rng.uniform(np.log(0.015), np.log(0.7)))
    return [float(v) for v in value * np.exp(rng.normal(0, rng.choice([0.1, 0.45]), 3))]


def _furniture(room: Float32Array, rng: np.random.Generator, most: int = 7) -> None:
    """Doors, pictures, cupboards, a window, a shelf of books."""
    S = len(room)
    for _ in range(int(rng.integers(1, most))):
        w, h = int(rng.uniform(0.08, 0.5) * S), int(rng.uniform(0.08, 0.9) * S)
        x, y = int(rng.uniform(-0.2, 1.0) * S), int(rng.uniform(-0.2, 1.0) * S)
        cv2.rectangle(room, (x, y), (x + w, y + h), _colour(rng), -1)
        if rng.random() < 0.5:
            cv2.rectangle(room, (x, y), (x + w, y + h), _colour(rng), int(rng.integers(1, 5)))
    if rng.random() < 0.3:
        w, h = int(rng.uniform(0.15, 0.45) * S), int(rng.uniform(0.3, 0.8) * S)
        x, y = int(rng.uniform(-0.1, 0.9) * S), int(rng.uniform(-0.2, 0.3) * S)
        glow = float(rng.uniform(0.7, 2.5))
        cv2.rectangle(room, (x, y), (x + w, y + h), [glow * 0.95, glow, glow * 1.05], -1)
        cv2.line(room, (x + w // 2, y), (x + w // 2, y + h), _colour(rng), 2)
    if rng.random() < 0.3:
        top = int(rng.uniform(0.0, 0.6) * S)
        for shelf in range(int(rng.integers(1, 4))):
            base, x = top + (shelf + 1) * int(0.2 * S), 0
            while x < S:
                w, h = int(rng.integers(2, 9)), int(rng.uniform(0.09, 0.17) * S)
                if rng.random() < 0.85:
                    cv2.rectangle(room, (x, base - h), (x + w - 1, base), _colour(rng), -1)
                x += w
            cv2.line(room, (0, base + 1), (S, base + 1), _colour(rng), 2)


def _corner(room: Float32Array, rng: np.random.Generator) -> None:
    """Another wall and a floor or table."""
    S = len(room)
    x0, x1 = (int(v) for v in rng.uniform(-0.1, 1.1, 2) * S)
    side = np.array([[x0, 0], [x1, S], [S, S], [S, 0]] if rng.random() < 0.5 else [[x0, 0], [x1, S], [0, S], [0, 0]], np.int32)
    shade = np.zeros((S, S), np.float32)
    cv2.fillPoly(shade, [side], (1.0,))
    room *= np.exp(shade * rng.normal(0, 0.5))[..., None]
    if rng.random() < 0.6:
        a, b = (int(v) for v in rng.uniform(0.55, 1.05, 2) * S)
        cv2.fillPoly(room, [np.array([[0, a], [S, b], [S, S], [0, S]], np.int32)], _colour(rng))


def _blob(room: Float32Array, rng: np.random.Generator) -> None:
    """A leaf, a lamp, a bokeh disc."""
    S = len(room)
    at = (int(rng.uniform(0, S)), int(rng.uniform(0, S)))
    axes = (int(rng.uniform(2, 0.18 * S)), int(rng.uniform(2, 0.12 * S)))
    cv2.ellipse(room, at, axes, float(rng.uniform(0, 180)), 0, 360, _colour(rng), -1)
