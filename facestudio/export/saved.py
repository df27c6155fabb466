"""NAME.head.npz: a finished head in one file, from which it is opened, looked at and exported again.

The file is self-contained: it holds the photos, the cameras, the shape and the texture. It is a plain `.npz` without pickles: number
arrays under the names of `Reconstruction`'s fields, pictures as JPEG or PNG bytes, and one JSON text `meta`. The head model is not in
it (FLAME may not be passed on); its name and sha256 are, and another model is refused: coefficients mean nothing to it.
"""

from __future__ import annotations

import json
import zipfile
import zlib
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from facestudio.atomic import write_file
from facestudio.errors import FaceStudioError, HeadModelError, SavedHeadError
from facestudio.export.pictures import decoded, jpeg_bytes, original_bytes, png_bytes
from facestudio.head.model import HeadModel, pack_arrays
from facestudio.head.store import load_head as load_head_model
from facestudio.progress import CancelToken, beside
from facestudio.types import (
    Camera,
    Float64Array,
    Image,
    Landmarks,
    PointCloud,
    Reconstruction,
    Scale,
    Texture,
    View,
    ViewName,
    ViewQuality,
)

SCHEMA_VERSION = 1
ENDING = ".head.npz"
LARGEST_FILE_BYTES = 1_000_000_000  # of the unpacked contents: nothing we write comes near, so that a bomb is refused unread
_PHOTO_QUALITY = 96
_NAMES = {"openhead": "open"}  # head models whose name in `head.store` is not their own
_REMEDY = "Reconstruct the head again from its photos."


@dataclass(frozen=True)
class SavedHead:
    """A head read back. The views' photos have `image.source` set to the file name they came from, without a folder."""

    model: HeadModel
    reconstruction: Reconstruction
    texture: Texture
    name: str


def save_head(folder: Path, name: str, model: HeadModel, reconstruction: Reconstruction, texture: Texture) -> Path:
    """Write folder/NAME.head.npz, whole or not at all, and return its path. Raises OutputError when the disk refuses."""
    path = folder / f"{name}{ENDING}"
    write_file(path, saved_bytes(name, model, reconstruction, texture))
    return path


def saved_bytes(
    name: str,
    model: HeadModel,
    r: Reconstruction,
    texture: Texture,
    albedo_png: bytes = b"",
    cancel: CancelToken | None = None,
) -> bytes:
    """The file's bytes; equal heads give equal bytes. albedo_png: the texture's picture, when `png_bytes` has made it already."""
    cancel = cancel or CancelToken()
    arrays: dict[str, NDArray[Any]] = {
        "identity": r.identity,
        "expression": r.expression,
        "vertices": r.vertices,
        "posed_vertices": r.posed_vertices,
        "albedo_png": _bytes(albedo_png or beside(lambda: png_bytes(texture.albedo), cancel)),
        "provenance_png": _bytes(png_bytes(texture.provenance)),
        "views_seen": texture.views_seen,
    }
    if r.sigma is not None:
        arrays["sigma"] = r.sigma
    if r.gaze is not None:
        arrays["gaze"] = r.gaze
    if r.world_from_head is not None:
        arrays["world_from_head"] = r.world_from_head
    if r.points is not None:
        arrays |= {f"points/{key}": value for key, value in vars(r.points).items()}
    for i, (view, camera) in enumerate(zip(r.views, r.cameras, strict=True)):
        cancel.check()
        arrays[f"view/{i}/camera"] = _camera_numbers(camera)
        arrays[f"view/{i}/photo"] = _bytes(original_bytes(view.image) or jpeg_bytes(view.image.pixels, _PHOTO_QUALITY))
        if view.camera is not None:
            arrays[f"view/{i}/rig_camera"] = _camera_numbers(view.camera)
        if view.landmarks is not None:
            columns = [view.landmarks.points, view.landmarks.sigma]
            columns += [] if view.landmarks.seen is None else [view.landmarks.seen]
            arrays[f"view/{i}/landmarks"] = np.column_stack(columns)
    arrays["meta"] = _bytes(
        json.dumps(_meta(name, model, r), sort_keys=True, allow_nan=True).encode("utf-8", "backslashreplace")
    )
    return pack_arrays(arrays, stored=[key for key in arrays if key.endswith(("_png", "/photo"))])


def load_head(path: Path, model: HeadModel | None = None) -> SavedHead:
    """Read a saved head. model: the head model it belongs to, when it is neither OpenHead nor the imported FLAME.

    Raises SavedHeadError when the file is missing, damaged, or of a newer FaceStudio, HeadModelError when its head model is not here.
    """
    arrays = _read(path)
    try:
        meta = json.loads(bytes(arrays["meta"]))
        if meta["schema"] > SCHEMA_VERSION:
            raise SavedHeadError(f"{path.name} was written by a newer FaceStudio.", "Update FaceStudio, then open it again.")
        owner = _owner(path, meta["head_model"], model)
        name = str(meta["name"])
        saved = SavedHead(owner, _reconstruction(meta, arrays), _texture(arrays), name)
        _check(saved)
    except FaceStudioError:
        raise
    except (KeyError, ValueError, TypeError, IndexError, AttributeError, MemoryError, RecursionError, cv2.error) as error:
        raise _damaged(path, error) from error
    return saved


def saved_name(path: Path) -> str:
    """The head's name as its file's name says it."""
    return path.name.removesuffix(ENDING)


def _owner(path: Path, wanted: dict[str, str], given: HeadModel | None) -> HeadModel:
    name = str(wanted["name"])
    model = given
    if model is None:
        if name not in ("openhead", "flame"):
            raise HeadModelError(f"{path.name} belongs to the head model {name!r}.", "Name that model's file with --head.")
        model = load_head_model(_NAMES.get(name, name))
    if model.sha256 != wanted["sha256"]:
        what = f"{path.name} was made with another version of the head model {name} than the one on this computer."
        raise HeadModelError(what, f"{_REMEDY} Or name the model it was made with by --head FILE.")
    return model


def _read(path: Path) -> dict[str, NDArray[Any]]:
    """All arrays of the file, after a look at how much they claim to hold."""
    try:
        with zipfile.ZipFile(path) as archive:
            claimed = sum(member.file_size for member in archive.infolist())
        if claimed > LARGEST_FILE_BYTES:
            raise ValueError(f"it claims to hold {claimed / 1e9:.0f} GB")
        with np.load(path, allow_pickle=False) as data:
            return {key: data[key] for key in data.files}
    except FileNotFoundError as error:
        raise SavedHeadError(f"{path} does not exist.", "Check the name, or reconstruct the capture first.") from error
    except OSError as error:
        if error.errno is not None:
            raise SavedHeadError(
                f"{path} cannot be read ({error.strerror}).", "Check that the file is yours to read."
            ) from error
        raise _damaged(path, error) from error
    except (
        ValueError,
        KeyError,
        EOFError,
        MemoryError,
        NotImplementedError,
        RuntimeError,
        zipfile.BadZipFile,
        zlib.error,
    ) as error:
        raise _damaged(path, error) from error


def _damaged(path: Path, error: BaseException) -> SavedHeadError:
    return SavedHeadError(
        f"{path.name} is damaged, or not a head saved by FaceStudio ({type(error).__name__}: {error}).", _REMEDY
    )


def _meta(name: str, model: HeadModel, r: Reconstruction) -> dict[str, Any]:
    return {
        "schema": SCHEMA_VERSION,
        "name": name,
        "head_model": {"name": model.name, "version": model.version, "sha256": model.sha256},
        "engine": r.engine,
        "scale": str(r.scale),
        "notes": list(r.notes),
        "seconds": {k: float(v) for k, v in r.seconds.items()},
        "mean_head_reprojection_px": None if r.mean_head_reprojection_px is None else float(r.mean_head_reprojection_px),
        "quality": [
            {
                "name": str(q.name),
                "reprojection_px": float(q.reprojection_px),
                "held_out_px": None if q.held_out_px is None else float(q.held_out_px),
                "yaw_degrees": float(q.yaw_degrees),
            }
            for q in r.quality
        ],
        "views": [_view_meta(v) for v in r.views],
    }


def _view_meta(view: View) -> dict[str, Any]:
    landmarks = view.landmarks
    return {
        "name": str(view.name),
        "file": view.image.source.name if view.image.source else None,
        "focal_px": None if view.image.focal_px is None else float(view.image.focal_px),
        "notes": list(view.image.notes),
        "landmarks": None if landmarks is None else {"scheme": landmarks.scheme, "notes": list(landmarks.notes)},
    }


def _reconstruction(meta: dict[str, Any], arrays: dict[str, NDArray[Any]]) -> Reconstruction:
    def numbers(key: str) -> Float64Array:
        return np.asarray(arrays[key], dtype=np.float64)

    views, cameras = [], []
    for i, entry in enumerate(meta["views"]):
        camera = _camera(arrays[f"view/{i}/camera"])
        rig = arrays.get(f"view/{i}/rig_camera")
        views.append(_view(entry, arrays, i, None if rig is None else _camera(rig)))
        cameras.append(camera)
    return Reconstruction(
        head_model=str(meta["head_model"]["name"]),
        identity=numbers("identity"),
        expression=numbers("expression"),
        vertices=numbers("vertices"),
        posed_vertices=numbers("posed_vertices"),
        views=tuple(views),
        cameras=tuple(cameras),
        scale=Scale(meta["scale"]),
        quality=tuple(
            ViewQuality(ViewName(q["name"]), float(q["reprojection_px"]), _optional(q["held_out_px"]), float(q["yaw_degrees"]))
            for q in meta["quality"]
        ),
        engine=str(meta["engine"]),
        notes=tuple(map(str, meta["notes"])),
        seconds={str(k): float(v) for k, v in meta["seconds"].items()},
        mean_head_reprojection_px=_optional(meta["mean_head_reprojection_px"]),
        world_from_head=numbers("world_from_head") if "world_from_head" in arrays else None,
        sigma=numbers("sigma") if "sigma" in arrays else None,
        gaze=numbers("gaze") if "gaze" in arrays else None,
        points=_points(arrays) if "points/points" in arrays else None,
    )


def _points(arrays: dict[str, NDArray[Any]]) -> PointCloud:
    points = np.asarray(arrays["points/points"], dtype=np.float32)
    normals = np.asarray(arrays["points/normals"], dtype=np.float32)
    colours = np.asarray(arrays["points/colours"], dtype=np.uint8)
    views = np.asarray(arrays["points/views"], dtype=np.uint8)
    if not points.shape == normals.shape == colours.shape == (len(views), 3):
        raise ValueError("the points, their normals and colours do not belong together")
    if not np.isfinite(points).all() or not np.isfinite(normals).all():
        raise ValueError("points hold values that are not finite")
    return PointCloud(points, colours, normals, views)


def _view(entry: dict[str, Any], arrays: dict[str, NDArray[Any]], i: int, rig: Camera | None) -> View:
    pixels = decoded(arrays[f"view/{i}/photo"].tobytes())
    source = None if entry["file"] is None else Path(Path(str(entry["file"])).name)
    landmarks = None
    if entry["landmarks"] is not None:
        rows = np.asarray(arrays[f"view/{i}/landmarks"], dtype=np.float64)
        points, sigma = np.ascontiguousarray(rows[:, :2]), np.ascontiguousarray(rows[:, 2])
        seen = np.ascontiguousarray(rows[:, 3]) if rows.shape[1] > 3 else None
        notes = tuple(map(str, entry["landmarks"]["notes"]))
        landmarks = Landmarks(points, str(entry["landmarks"]["scheme"]), sigma, notes, seen)
    image = Image(pixels, _optional(entry["focal_px"]), source, tuple(map(str, entry["notes"])))
    return View(ViewName(entry["name"]), image, rig, landmarks)


def _texture(arrays: dict[str, NDArray[Any]]) -> Texture:
    provenance = decoded(arrays["provenance_png"].tobytes(), colour=False)
    return Texture(decoded(arrays["albedo_png"].tobytes()), provenance, np.asarray(arrays["views_seen"], dtype=np.uint8))


def _check(saved: SavedHead) -> None:
    """Raise ValueError naming the first thing that cannot belong to the head model or to the photos."""
    r, model, count = saved.reconstruction, saved.model, saved.model.vertex_count
    shapes: dict[str, tuple[NDArray[Any], tuple[int, ...]]] = {
        "identity": (r.identity, (model.identity_basis.shape[2],)),
        "expression": (r.expression, (model.expression_basis.shape[2],)),
        "vertices": (r.vertices, (count, 3)),
        "posed_vertices": (r.posed_vertices, (count, 3)),
        "views_seen": (saved.texture.views_seen, (count,)),
        "gaze": (np.zeros((2, 3)) if r.gaze is None else r.gaze, (2, 3)),
        "sigma": (np.zeros(count) if r.sigma is None else r.sigma, (count,)),
        "world_from_head": (np.zeros((3, 4)) if r.world_from_head is None else r.world_from_head, (3, 4)),
    }
    for name, (value, shape) in shapes.items():
        if value.shape != shape:
            raise ValueError(f"{name} has shape {value.shape}, expected {shape}")
        if not np.isfinite(value).all():
            raise ValueError(f"{name} holds values that are not finite")
    side = saved.texture.albedo.shape[0]
    if saved.texture.albedo.shape[1] != side or saved.texture.provenance.shape != (side, side):
        raise ValueError("the texture is not square, or its provenance has another size")
    for view, camera in zip(r.views, r.cameras, strict=True):
        if (camera.width, camera.height) != (view.image.width, view.image.height):
            raise ValueError(f"the {view.name} camera does not fit its photo")


def _camera_numbers(camera: Camera) -> Float64Array:
    """(28,): K, R, t, five distortion coefficients, width and height (the last two exact in float64)."""
    parts = (
        camera.K.ravel(),
        camera.R.ravel(),
        camera.t.ravel(),
        np.resize(camera.distortion, 5),
        [camera.width, camera.height],
    )
    return np.concatenate([np.asarray(p, dtype=np.float64) for p in parts])


def _camera(numbers: NDArray[Any]) -> Camera:
    values = np.asarray(numbers, dtype=np.float64)
    if values.shape != (28,) or not np.isfinite(values).all():
        raise ValueError("a camera is malformed")
    K, R, t, distortion = values[:9].reshape(3, 3), values[9:18].reshape(3, 3), values[18:21], values[21:26]
    return Camera(K, R, t, int(values[26]), int(values[27]), distortion)


def _bytes(raw: bytes) -> NDArray[np.uint8]:
    return np.frombuffer(raw, dtype=np.uint8)


def _optional(value: Any) -> float | None:
    return None if value is None else float(value)
