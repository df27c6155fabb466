"""What a landmark detector gets wrong, as a statistical model learned from renders whose truth is known.

A detector's error is not independent noise. It has a *bias* (contour points slide towards the visible edge as the head turns), and
what is left moves many points together, in ways that differ from head to head but repeat in every photo of the same head. Treating
478 such points as independent is what lets a landmark fit talk itself into a worse head than the average one. So the residual of
landmark i in view v is modelled as

    detected_i - projected_i = s_v (bias_i(yaw_v) + M_i(yaw_v) a + N_i(yaw_v) b_v) + e_i,    a, b_v ~ N(0, I),  e_i ~ N(0, sigma_i^2)

with a shared by all views of a head and b_v by the points of one view; s_v = f_v / z_v turns metres at the head into pixels.
The coefficients a and b_v are unknowns of the fit, which amounts to weighting with the full covariance M M^T + N N^T + sigma^2.
The bases are principal components over synthetic subjects (`facestudio.training.detector_study`).
"""

from __future__ import annotations

import json
import zipfile
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from facestudio.atomic import write_file
from facestudio.errors import HeadModelError
from facestudio.head.model import pack_arrays
from facestudio.types import Float64Array, IntArray


@dataclass(frozen=True)
class DetectorError:
    """The error model of one detector on one landmark scheme. All lengths in metres at the head's depth; x right, y down.

    yaws: (Y,) float64 degrees, ascending. ids: (N,) int32, the landmarks described.
    bias: (Y, N, 2). shared: (Y, N, 2, A), standard deviations of the head's own error. single: (Y, N, 2, B), of one view's error.
    sigma: (Y, N, 2): what remains, independent.
    """

    yaws: Float64Array
    ids: IntArray
    bias: Float64Array
    shared: Float64Array
    single: Float64Array
    sigma: Float64Array

    def at(self, yaw: float, ids: IntArray) -> ErrorAtYaw:
        """The model for one view, linear between the tabulated yaws, for the landmarks `ids` in their order.

        Landmarks the table does not hold get no bias and five times the median sigma.
        """
        i = int(np.clip(np.searchsorted(self.yaws, yaw) - 1, 0, len(self.yaws) - 2))
        w = float(np.clip((yaw - self.yaws[i]) / (self.yaws[i + 1] - self.yaws[i]), 0.0, 1.0))
        row = np.full(int(max(ids.max(), self.ids.max())) + 1, -1)
        row[self.ids] = np.arange(len(self.ids))
        rows = row[ids]
        known = rows >= 0

        def mix(table: Float64Array, fill: float) -> Float64Array:
            value = ((1.0 - w) * table[i] + w * table[i + 1])[np.maximum(rows, 0)]
            value[~known] = fill
            return np.asarray(value, dtype=np.float64)

        unknown_sigma = 5.0 * float(np.median(self.sigma))
        return ErrorAtYaw(mix(self.bias, 0.0), mix(self.shared, 0.0), mix(self.single, 0.0), mix(self.sigma, unknown_sigma))


@dataclass(frozen=True)
class ErrorAtYaw:
    """`DetectorError` at one yaw: bias (N, 2), shared (N, 2, A), single (N, 2, B), sigma (N, 2), metres at the head's depth."""

    bias: Float64Array
    shared: Float64Array
    single: Float64Array
    sigma: Float64Array

    def scaled(self, factor: float) -> ErrorAtYaw:
        """The same error in another unit, such as pixels per metre at the head."""
        return ErrorAtYaw(factor * self.bias, factor * self.shared, factor * self.single, factor * self.sigma)


def ignorant(ids: IntArray, sigma: float = 0.0015) -> DetectorError:
    """An error model that knows nothing: no bias, no common modes, the same independent sigma (metres) for every landmark."""
    n = len(ids)
    empty = np.zeros((2, n, 2, 0))
    return DetectorError(np.array([-90.0, 90.0]), ids, np.zeros((2, n, 2)), empty, empty, np.full((2, n, 2), sigma))


def save(error: DetectorError, path: Path) -> None:
    """Write the model as an .npz (float16 tables in millimetres)."""
    tables = {name: (getattr(error, name) * 1000.0).astype(np.float16) for name in ("bias", "shared", "single", "sigma")}
    meta = np.frombuffer(json.dumps({"format": 1, "unit": "mm"}).encode(), np.uint8)
    write_file(path, pack_arrays(tables | {"meta": meta, "yaws": error.yaws, "ids": error.ids.astype(np.int32)}))


def load(path: Path) -> DetectorError:
    """Read a model written by `save`. Raises HeadModelError when it is missing or damaged."""
    try:
        with np.load(path, allow_pickle=False) as data:
            tables = {name: data[name].astype(np.float64) / 1000.0 for name in ("bias", "shared", "single", "sigma")}
            return DetectorError(data["yaws"].astype(np.float64), data["ids"].astype(np.int32), **tables)
    except (OSError, ValueError, KeyError, EOFError, zipfile.BadZipFile) as error:
        raise HeadModelError(
            f"The detector's error model {path.name} cannot be read ({error}).", "Reinstall FaceStudio."
        ) from error
