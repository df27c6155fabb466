"""How far detected landmarks are from where they truly lie: on photos of heads whose surface and cameras are known.

The truth of a landmark is its place on the head model registered to the scan (`evaluate.registered`), projected by the true camera. It
counts where the scan itself does not hide it and the registration lies on the scan.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from facestudio.evaluate.registered import Registered
from facestudio.geometry.camera import project, screen
from facestudio.geometry.frames import yaw_degrees
from facestudio.geometry.rasterize import rasterize
from facestudio.head.model import Embedding, HeadModel
from facestudio.types import BoolArray, Camera, Float64Array, IntArray, Landmarks, Mesh

BANDS = (("front", 0.0, 20.0), ("side", 20.0, 90.0))


@dataclass(frozen=True)
class TrueLandmarks:
    """Where an embedding's landmarks are in one photo.

    ids: (N,) of the scheme. points: (N, 2) float64 pixels. visible: (N,) bool. yaw: degrees, of the head to this camera.
    """

    ids: IntArray
    points: Float64Array
    visible: BoolArray
    yaw: float


@dataclass(frozen=True)
class LandmarkErrors:
    """Distances of the visible points of one photo. error: (M, 2) float64 pixels, detected minus true. sigma: (M,) pixels."""

    yaw: float
    ids: IntArray
    error: Float64Array
    sigma: Float64Array

    @property
    def distance(self) -> Float64Array:
        """(M,) pixels."""
        return np.asarray(np.linalg.norm(self.error, axis=1))


def true_landmarks(
    model: HeadModel,
    points: Embedding,
    head: Registered,
    scan: Mesh,
    camera: Camera,
    gap_m: float = 0.0015,
    depth_m: float = 0.003,
) -> TrueLandmarks:
    """The truth in one photo.

    head: registered to the scan, in the scan's frame, from which `camera` maps. gap_m: farther from the scan than this nothing is known
    of a landmark. depth_m: how far behind the nearest surface a landmark still counts as seen.
    """
    corners = model.faces[points.faces]
    places = np.einsum("nk,nkx->nx", points.bary.astype(np.float64), head.vertices[corners])
    known = np.where(points.bary > 0.0, head.gap[corners], 0.0).max(1) < gap_m
    depth = rasterize(screen(camera, np.asarray(scan.vertices, np.float64)), scan.faces, camera.height, camera.width).zbuf
    flat = screen(camera, places)
    x, y = np.rint(flat[:, 0]).astype(int), np.rint(flat[:, 1]).astype(int)
    inside = (x >= 0) & (y >= 0) & (x < camera.width) & (y < camera.height)
    nearest = np.full(len(flat), np.inf)
    nearest[inside] = depth[y[inside], x[inside]]
    seen = inside & ((nearest < 0) | (flat[:, 2] < nearest + depth_m))
    # The camera's yaw to the head, whose own frame may be turned in the scan's.
    return TrueLandmarks(points.ids, project(camera, places), known & seen, yaw_degrees(camera))


def landmark_errors(found: Landmarks, truth: TrueLandmarks, only: IntArray | None = None) -> LandmarkErrors:
    """What a detector missed in one photo, on the visible points (those of the scheme's ids `only`, when given)."""
    chosen = truth.visible if only is None else truth.visible & np.isin(truth.ids, only)
    ids = truth.ids[chosen]
    return LandmarkErrors(truth.yaw, ids, found.points[ids] - truth.points[chosen], found.sigma[ids])


def in_band(errors: list[LandmarkErrors], low: float, high: float) -> list[LandmarkErrors]:
    """Those whose yaw's size lies in [low, high), degrees."""
    return [e for e in errors if low <= abs(e.yaw) < high]


def mean_distance(errors: list[LandmarkErrors]) -> float:
    """Mean over all points, pixels."""
    return float(np.concatenate([e.distance for e in errors]).mean())


def share_inside(errors: list[LandmarkErrors], scale: float = 1.0) -> float:
    """Share of coordinates within one sigma of the truth: 0.683 for a Gaussian that knows its width."""
    return float(np.concatenate([(np.abs(e.error) < scale * e.sigma[:, None]).ravel() for e in errors]).mean())
