"""Scans rendered from a camera that circles them every two degrees, as the deep SfM paper made its pictures (its section 5.2)."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import cv2
import numpy as np

from facestudio.errors import DatasetError
from facestudio.geometry.camera import screen
from facestudio.geometry.frames import uv_to_texel, yaw_degrees
from facestudio.geometry.rasterize import interpolate, rasterize
from facestudio.geometry.rotations import exp_so3
from facestudio.geometry.shading import vertex_normals
from facestudio.progress import CancelToken, Progress, silent
from facestudio.training.adaptors.scans import Place, Scan, read_scan
from facestudio.training.synth.shard import Shard, shard_path, write_description, write_shard
from facestudio.types import BoolArray, ByteArray, Camera, Float32Array, Float64Array

# Finds the 800 dense landmarks of a picture (H, W, 3): pixels (800, 2) and which are visible (800,); None when there is no face.
Finder = Callable[[ByteArray], tuple[Float64Array, BoolArray] | None]


@dataclass(frozen=True)
class SequenceConfig:
    """How a scan is circled. step: degrees between pictures; reach: degrees to each side.

    focal, size: of the virtual camera, pixels. distance: metres from the scan's middle. quality: of the JPEG.
    """

    step: float = 2.0
    reach: float = 40.0
    focal: float = 500.0
    size: int = 384
    distance: float = 0.55
    quality: int = 95


@dataclass(frozen=True)
class Picture:
    """One picture of a sequence: pixels (S, S, 3) uint8, depth (S, S) float32 metres (0 = none), and its camera, scan to pixels."""

    pixels: ByteArray
    depth: Float32Array
    camera: Camera


def circling_cameras(config: SequenceConfig) -> list[Camera]:
    """The cameras, from the subject's right to the left."""
    yaws = np.arange(-config.reach, config.reach + 1e-9, config.step)
    middle = (config.size - 1) / 2.0
    K = np.array([[config.focal, 0, middle], [0, config.focal, middle], [0, 0, 1.0]])
    flip = np.diag([1.0, -1.0, -1.0])
    turns = [flip @ exp_so3(np.array([0.0, -np.radians(yaw), 0.0])) for yaw in yaws]
    return [Camera(K, R, np.array([0.0, 0.0, config.distance]), config.size, config.size) for R in turns]


def render(scan: Scan, camera: Camera) -> Picture:
    """A scan as a camera sees it: its own colours without further light; without a texture, grey under a light beside the camera."""
    drawn = rasterize(screen(camera, scan.vertices), scan.faces, camera.height, camera.width)
    seen = drawn.pix_to_face >= 0
    if scan.texture is not None and scan.uv is not None:
        texel = uv_to_texel(np.asarray(interpolate(drawn, scan.faces, scan.uv), np.float64), 1)
        scale = np.array([scan.texture.shape[1], scan.texture.shape[0]])
        x, y = np.moveaxis(((texel + 0.5) * scale - 0.5).astype(np.float32), -1, 0)
        colours = cv2.remap(scan.texture, x, y, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)
    else:
        normals = interpolate(drawn, scan.faces, vertex_normals(scan.vertices, scan.faces))
        light = np.clip(normals @ -camera.R[2], 0.1, 1.0)
        colours = np.repeat((190 * light)[..., None], 3, axis=2)
    pixels = np.where(seen[..., None], colours, 0).astype(np.uint8)
    return Picture(pixels, np.where(seen, drawn.zbuf, 0.0).astype(np.float32), camera)


def sequence_shard(pictures: Sequence[Picture], subject: int, find: Finder, config: SequenceConfig) -> Shard:
    """Pictures of one head as a shard that `training.sfm.orbits` reads. Pictures without a face are left out.

    A scan has no coefficients of our head model: identity, expression, pose and light are empty or zero. Raises DatasetError when fewer
    than two pictures show a face.
    """
    kept = [(p, found) for p in pictures if (found := find(p.pixels)) is not None]
    if len(kept) < 2:
        raise DatasetError(
            f"Fewer than two pictures of scan {subject} show a face.", "Check that +Y is up and +Z out of the nose."
        )
    codes = [_jpeg(p.pixels, config.quality) for p, _ in kept]
    n, size = len(kept), config.size
    K = np.stack([p.camera.K for p, _ in kept])
    visible = np.stack([seen for _, (_, seen) in kept])
    return Shard(
        jpeg=np.concatenate(codes),
        offsets=np.cumsum([0, *map(len, codes)]).astype(np.int64),
        subject=np.full(n, subject, np.int64),
        view=np.arange(n, dtype=np.int16),
        yaw_deg=np.array([yaw_degrees(p.camera) for p, _ in kept], np.float32),
        identity=np.zeros((n, 0), np.float32),
        expression=np.zeros((n, 0), np.float32),
        pose=np.zeros((n, 0, 3), np.float32),
        K=K,
        R=np.stack([p.camera.R for p, _ in kept]),
        t=np.stack([p.camera.t for p, _ in kept]),
        frame_K=K,
        frame_size=np.full((n, 2), size, np.int32),
        distortion=np.zeros((n, 5), np.float32),
        landmarks=np.stack([points for _, (points, _) in kept]).astype(np.float32),
        visible=visible,
        covered=np.zeros_like(visible),
        light=np.zeros((n, 27), np.float32),
        maps={"depth": np.stack([p.depth for p, _ in kept]).astype(np.float16)},
    )


def write_sequences(
    places: Sequence[Place],
    out: Path,
    find: Finder,
    source: str,
    config: SequenceConfig | None = None,
    progress: Progress = silent,
    cancel: CancelToken | None = None,
) -> list[str]:
    """Render scans into a data set of orbits, one shard each; shards that exist stay. Returns what could not be used, a sentence each.

    source: what the scans are, for dataset.json. Raises DatasetError when `out` holds another data set, OutputError, Cancelled.
    """
    config, cancel = config or SequenceConfig(), cancel or CancelToken()
    write_description(out, {"mode": "orbit", "source": source, "size": config.size, **_plain(config)})
    left_out = []
    for number, place in enumerate(places):
        cancel.check()
        progress("sequences", number / len(places), place.path.name)
        path = shard_path(out, number)
        if path.is_file():
            continue
        try:
            pictures = list(_circled(read_scan(place), config, cancel))
            write_shard(path, sequence_shard(pictures, number, find, config))
        except DatasetError as error:
            left_out.append(str(error))
    progress("sequences", 1.0, f"{len(places) - len(left_out)} scans")
    return left_out


def _circled(scan: Scan, config: SequenceConfig, cancel: CancelToken) -> Iterator[Picture]:
    for camera in circling_cameras(config):
        cancel.check()
        yield render(scan, camera)


def _jpeg(pixels: ByteArray, quality: int) -> ByteArray:
    code = cv2.imencode(".jpg", pixels[..., ::-1], [cv2.IMWRITE_JPEG_QUALITY, quality])[1]
    return np.asarray(code, np.uint8).ravel()


def _plain(config: SequenceConfig) -> dict[str, Any]:
    return {f"circle_{key}": value for key, value in vars(config).items() if key != "size"}
