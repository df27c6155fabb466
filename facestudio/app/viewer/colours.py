"""What the viewer's modes paint on the head, and the legend that explains it. No Qt, no VTK."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

import numpy as np

from facestudio.app.viewer.surface import ShownHead
from facestudio.types import ByteArray, Float32Array, FloatArray

Rgb = tuple[int, int, int]

CLAY: Rgb = (214, 205, 197)
# Ordered by lightness too, so that they read without colour vision: seen by none, one, two, three photos.
SEEN: tuple[Rgb, ...] = ((92, 98, 110), (63, 106, 168), (86, 170, 176), (226, 226, 150))
# From sure (dark blue) to unsure (pale yellow); perceptually even, after the viridis family.
_SIGMA_STOPS: tuple[Rgb, ...] = ((58, 62, 128), (46, 110, 142), (38, 155, 137), (112, 200, 92), (246, 226, 74))
_SIGMA_STEPS_MM = (0.5, 1.0, 2.0, 3.0, 5.0, 10.0, 20.0, 50.0)


class ViewMode(StrEnum):
    """What the viewer paints on the head."""

    TEXTURE = "texture"
    CLAY = "clay"
    WIRE = "wire"
    NORMALS = "normals"
    SEEN = "seen"
    CONFIDENCE = "confidence"


@dataclass(frozen=True)
class Legend:
    """How to read a mode. colours: patches, or the stops of a gradient with equal steps. labels: one per patch, or along the gradient."""

    colours: tuple[Rgb, ...]
    labels: tuple[str, ...]
    gradient: bool = False


def available(head: ShownHead) -> tuple[ViewMode, ...]:
    """The modes that this head has data for."""
    missing = {
        ViewMode.TEXTURE: head.albedo is None,
        ViewMode.SEEN: head.views_seen is None,
        ViewMode.CONFIDENCE: head.sigma is None,
    }
    return tuple(mode for mode in ViewMode if not missing.get(mode, False))


def vertex_colours(mode: ViewMode, head: ShownHead, normals: Float32Array) -> ByteArray | None:
    """A colour per vertex (V, 3) uint8 sRGB, or None for modes that paint none (or lack the data). normals (V, 3): as now posed."""
    if mode is ViewMode.NORMALS:
        return np.asarray(np.rint((normals * 0.5 + 0.5) * 255.0), dtype=np.uint8)
    if mode is ViewMode.SEEN and head.views_seen is not None:
        return np.asarray(np.asarray(SEEN)[np.minimum(head.views_seen, len(SEEN) - 1)], dtype=np.uint8)
    if mode is ViewMode.CONFIDENCE and head.sigma is not None:
        share = np.asarray(head.sigma, dtype=np.float64) * (1000.0 / sigma_range_mm(head.sigma))
        return gradient(share, _SIGMA_STOPS)
    return None


def gradient(values: FloatArray, stops: tuple[Rgb, ...]) -> ByteArray:
    """Colours (…, 3) uint8 of values (…), clipped to [0, 1], along stops with equal steps."""
    table = np.asarray(stops, dtype=np.float64)
    place = np.clip(np.nan_to_num(np.asarray(values, dtype=np.float64), nan=1.0), 0.0, 1.0) * (len(table) - 1)
    below = np.minimum(place.astype(np.intp), len(table) - 2)
    part = (place - below)[..., None]
    return np.asarray(np.rint(table[below] * (1 - part) + table[below + 1] * part), dtype=np.uint8)


def sigma_range_mm(sigma: FloatArray) -> float:
    """The end of the confidence scale, millimetres: the first round number that 95 % of the vertices stay below."""
    finite = np.asarray(sigma)[np.isfinite(sigma)]
    most = float(np.percentile(finite, 95.0)) * 1000.0 if len(finite) else 0.0
    return next((step for step in _SIGMA_STEPS_MM if most <= step), _SIGMA_STEPS_MM[-1])


def legend(mode: ViewMode, head: ShownHead) -> Legend | None:
    """How to read a mode, or None where there is nothing to explain."""
    if mode is ViewMode.SEEN and head.views_seen is not None:
        return Legend(SEEN, ("0", "1", "2", "3"))
    if mode is ViewMode.CONFIDENCE and head.sigma is not None:
        end = sigma_range_mm(head.sigma)
        return Legend(_SIGMA_STOPS, ("±0 mm", f"±{end / 2:g} mm", f"±{end:g} mm"), gradient=True)
    return None
