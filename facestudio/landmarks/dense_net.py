"""The 800 dense landmarks of a photo: a `LandmarkDetector` that asks another one where the face is, and then its own network.

The network (`dense_model`) looks at the square around the face and at its mirror image; both answers are averaged, as the points are
mirror images of each other in pairs. All views of a capture go through it in one call. Torch is imported when the first face is looked at.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from facestudio.landmarks.crop import crop_square, warp
from facestudio.landmarks.detector import Face, LandmarkDetector
from facestudio.paths import models_dir
from facestudio.types import Image, Landmarks

if TYPE_CHECKING:
    from facestudio.landmarks.dense_model import DenseLandmarker

SCHEME = "dense800"
FILE = "dense_landmarks_net.npz"


@dataclass(frozen=True)
class DenseConfig:
    """Constants of the dense detector.

    size: pixels of the crop. mirror: look at the mirror image, too. floor_of_side: smallest sigma, as a share of the crop's side.
    """

    size: int = 160
    mirror: bool = True
    floor_of_side: float = 0.0005


def dense_weights() -> Path:
    """The shipped weights; they need not exist."""
    return models_dir() / FILE


class DenseDetector:
    """`LandmarkDetector` of the dense landmarks over another detector. Use and close it in one thread, as the one below it."""

    scheme = SCHEME

    def __init__(self, first: LandmarkDetector, weights: Path | None = None, config: DenseConfig | None = None) -> None:
        """first: finds the face; its scheme must be the one the network was trained on (mediapipe478). It is closed with this one."""
        self._first, self._weights, self._config = first, weights or dense_weights(), config or DenseConfig()

    def detect(self, image: Image, where: str) -> Face:
        """The largest face, with its 800 points. Raises NoFaceError, and HeadModelError when the weights are missing."""
        face = self._first.detect(image, where)
        found = dense_landmarks([image], [face.landmarks], self._weights, self._config)[0]
        return Face(found, face.box, face.rivals)

    def close(self) -> None:
        """Release the detector below."""
        self._first.close()


def dense_landmarks(
    images: Sequence[Image], detected: Sequence[Landmarks], weights: Path | None = None, config: DenseConfig | None = None
) -> list[Landmarks]:
    """The dense landmarks of faces that mediapipe has found, one set for each picture, in the picture's pixels.

    detected: mediapipe's 478 points of each picture. Each point comes with its sigma (one standard deviation of each coordinate, pixels,
    as the network learned it on held-out synthetic subjects) and how probably it can be seen.
    Raises HeadModelError when the weights are missing or damaged.
    """
    import torch

    from facestudio.landmarks.dense_model import UNIT, to_pixels, to_unit
    from facestudio.landmarks.dense_start import start_points

    config = config or DenseConfig()
    path = weights or dense_weights()
    net, extra = _network(path, path.stat().st_mtime_ns if path.is_file() else 0)
    mirror, rows, size = extra["mirror"].astype(np.int64), extra["detected"].astype(np.int64), config.size
    crops = [crop_square(found.points[rows], size) for found in detected]
    pictures = np.stack([warp(image.pixels, crop) for image, crop in zip(images, crops, strict=True)])
    points = np.stack([crop.to_crop(found.points[rows]) for found, crop in zip(detected, crops, strict=True)])
    with torch.inference_mode():
        x = torch.from_numpy(pictures).permute(0, 3, 1, 2).float() / 255.0  # channels last in memory, as the network wants it
        start = to_unit(start_points(net.start, torch.from_numpy(points.astype(np.float32))), size)
        if config.mirror:
            flip = torch.tensor([-1.0, 1.0])
            x, start = torch.cat([x, x.flip(3)]), torch.cat([start, start[:, mirror] * flip])
        with torch.autocast(
            "cpu", dtype=torch.bfloat16, enabled=_has_bfloat16()
        ):  # as it was trained; half the time where it is native
            said = net.net(x.contiguous(memory_format=torch.channels_last), start)
        places, log_sigma, seen = said.points, said.log_sigma, said.seen
        variance = torch.exp(2.0 * log_sigma)
        if config.mirror:
            n = len(crops)
            other = places[n:, mirror] * flip
            apart = (((places[:n] - other) * (0.25 / UNIT)) ** 2).mean(-1)  # half their difference, in hundredths of the side
            variance = 0.5 * (variance[:n] + variance[n:, mirror]) + apart
            places, seen = 0.5 * (places[:n] + other), 0.5 * (seen[:n] + seen[n:, mirror])
        pixels = to_pixels(places, size).double().numpy()
        share = UNIT * float(extra["sigma_scale"][0]) * variance.sqrt().double().numpy()
        visible = torch.sigmoid(seen).double().numpy()
    return [
        Landmarks(crop.to_picture(p), SCHEME, crop.side * np.maximum(s, config.floor_of_side), seen=v)
        for crop, p, s, v in zip(crops, pixels, share, visible, strict=True)
    ]


@lru_cache(maxsize=1)
def _has_bfloat16() -> bool:
    """Does this processor multiply bfloat16 by itself? Where it must be imitated, float32 is faster."""
    import torch

    return bool(torch.cpu._is_avx512_bf16_supported() or torch.cpu._is_amx_tile_supported())


@lru_cache(maxsize=2)
def _network(path: Path, _stamp: int) -> tuple[DenseLandmarker, dict[str, np.ndarray[Any, np.dtype[Any]]]]:
    """The network and what it needs beside its weights. Read once: it is not changed by use and may serve several threads."""
    from facestudio.landmarks.dense_model import DenseLandmarker, DenseNet, DenseNetConfig
    from facestudio.landmarks.dense_start import StartConfig, StartNet
    from facestudio.landmarks.inference import for_use, in_bfloat16
    from facestudio.landmarks.weights import load_weights, read_extra

    extra = read_extra(path)
    points = len(extra["mirror"])
    net = DenseLandmarker(
        StartNet(StartConfig(inputs=len(extra["detected"]), points=points)), DenseNet(DenseNetConfig(points=points))
    )
    for_use(load_weights(net, path))
    if _has_bfloat16():
        in_bfloat16(net.net)
    return net, extra
