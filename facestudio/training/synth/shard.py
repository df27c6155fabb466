"""How synthetic pictures and their labels lie on the disk: a folder with `dataset.json` and shards that are whole or absent.

Subjects do not straddle shards. A shard holds whole triplets in the order left, front, right (or whole orbits), so that a reader may
take any shard that exists, also while the factory still works.
"""

from __future__ import annotations

import io
import json
import zipfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from facestudio.atomic import write_file
from facestudio.errors import DatasetError
from facestudio.head.model import pack_arrays
from facestudio.types import BoolArray, ByteArray, Float32Array, Float64Array, IntArray

SCHEMA = 1
MODES = ("triplets", "orbit")
_STORED = ("jpeg",)  # compressed already
_MAPS = ("depth", "normals", "parts", "uv")


@dataclass(frozen=True)
class Shard:
    """N pictures of S x S pixels and all that is known of them.

    jpeg (B,) uint8 and offsets (N + 1,) int64: the pictures' JPEG files one after the other. subject (N,) int64: the subject's seed.
    view (N,) int16: 0 left, 1 front, 2 right, or the place in the orbit. yaw_deg (N,) float32 as `geometry.frames` has it.
    identity (N, K), expression (N, E) float32: the head model's coefficients. pose (N, J, 3) float32: `head.posing`'s axis-angles.
    K (N, 3, 3), R (N, 3, 3), t (N, 3) float64: the crop's own camera, head frame to crop pixels (centres at integers), metres.
    frame_K (N, 3, 3) float64, frame_size (N, 2) int32 width, height: the whole frame's camera. distortion (N, 5) float32: both cameras'
    OpenCV coefficients, zero for most; landmarks follow it.
    landmarks (N, 800, 2) float32 crop pixels, in the order of the embedding "dense800". visible (N, 800): the head itself does not hide
    them and they lie in the picture. covered (N, 800): hair, glasses, clothes or a hand lie over them.
    light (N, 27) float32: 9 SH coefficients x RGB of the head frame, the webcam's gains included: linear colour = albedo * sum l_k H_k.
    maps, where asked for: depth (N, S, S) float16 metres, 0 none; normals (N, S, S, 3) int8, head frame, x 127; parts (N, S, S) uint8:
    the head model's part + 1, hair 200, brows 201, glasses 202, clothes 203, a hand 204, 0 background; uv (N, S, S, 2) float16, the
    head model's own. depth, normals and uv are the bare head's, also under hair. detected (N, D, 2) float32 crop pixels, of photographs
    only (mode "photo triplets", `training.mfnet.prepare`, whose landmarks are found, not true): the first detector's points.
    """

    jpeg: ByteArray
    offsets: IntArray
    subject: IntArray
    view: NDArray[np.int16]
    yaw_deg: Float32Array
    identity: Float32Array
    expression: Float32Array
    pose: Float32Array
    K: Float64Array
    R: Float64Array
    t: Float64Array
    frame_K: Float64Array
    frame_size: IntArray
    distortion: Float32Array
    landmarks: Float32Array
    visible: BoolArray
    covered: BoolArray
    light: Float32Array
    maps: Mapping[str, NDArray[Any]]

    def __len__(self) -> int:
        """N."""
        return len(self.subject)

    def picture(self, index: int) -> ByteArray:
        """(S, S, 3) uint8 RGB. Raises DatasetError when the JPEG is damaged."""
        code = self.jpeg[self.offsets[index] : self.offsets[index + 1]]
        decoded = cv2.imdecode(code, cv2.IMREAD_COLOR)
        if decoded is None:
            raise DatasetError(f"Picture {index} of a shard is damaged.", "Delete the shard and run facestudio synth again.")
        return np.ascontiguousarray(decoded[..., ::-1])


@dataclass(frozen=True)
class Dataset:
    """A data set's shards that exist, in order, and `dataset.json`'s content."""

    folder: Path
    shards: tuple[Path, ...]
    config: Mapping[str, Any]


def shard_path(folder: Path, number: int) -> Path:
    """The file of shard `number`."""
    return folder / f"shard-{number:05d}.npz"


def write_shard(path: Path, shard: Shard) -> None:
    """Write a shard, whole or not at all. Raises OutputError when the disk refuses."""
    arrays = {k: v for k, v in vars(shard).items() if k != "maps"} | {f"map/{k}": v for k, v in shard.maps.items()}
    write_file(path, pack_arrays(arrays, stored=_STORED))


def read_shard(path: Path) -> Shard:
    """Read a shard. Raises DatasetError when it is missing or damaged."""
    try:
        with np.load(io.BytesIO(path.read_bytes()), allow_pickle=False) as data:
            fields = {k: data[k] for k in data.files if not k.startswith("map/")}
            maps = {k.removeprefix("map/"): data[k] for k in data.files if k.startswith("map/")}
        return Shard(**fields, maps=maps)
    except (OSError, ValueError, TypeError, KeyError, EOFError, zipfile.BadZipFile) as error:
        what = f"The shard {path} cannot be read ({error})."
        raise DatasetError(what, "Delete it and run the same facestudio synth again.") from error


def write_description(folder: Path, config: Mapping[str, Any]) -> None:
    """Write `dataset.json`, or check that the one there describes the same data. Raises DatasetError when it does not, OutputError."""
    text = json.dumps({"schema": SCHEMA, **config}, indent=2, sort_keys=True)
    path = folder / "dataset.json"
    if path.is_file():
        if json.loads(path.read_text(encoding="utf-8")) != json.loads(text):
            raise DatasetError(f"{folder} holds another data set.", "Choose an empty folder, or the same options as before.")
        return
    write_file(path, text.encode())


def read_dataset(folder: Path) -> Dataset:
    """What a data set's folder holds so far. Raises DatasetError when it is none."""
    try:
        config = json.loads((folder / "dataset.json").read_text(encoding="utf-8"))
    except FileNotFoundError as error:
        raise DatasetError(
            f"{folder} is not a data set: it holds no dataset.json.", "Make one with facestudio synth."
        ) from error
    except (OSError, ValueError) as error:
        raise DatasetError(f"{folder} is not a data set ({error}).", "Make one with facestudio synth.") from error
    if config.get("schema") != SCHEMA:
        raise DatasetError(
            f"{folder} has schema {config.get('schema')!r}, this version reads {SCHEMA}.", "Make the data set again."
        )
    return Dataset(folder, tuple(sorted(folder.glob("shard-*.npz"))), config)
