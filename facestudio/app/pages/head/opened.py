"""What the Head page shows, made by workers: a head read from its file, or one on its way out of a running job.

Everything slow happens here: reading, splitting seams, drawing the mesh over the photos. The GUI thread is handed frozen values.
Nothing heavy is imported until one of the functions runs.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from facestudio.app.strings import tr
from facestudio.app.viewer.surface import ShownHead, Surface, surface
from facestudio.head.model import HeadModel
from facestudio.progress import CancelToken, Progress, silent
from facestudio.types import ByteArray, Camera, Float64Array, Reconstruction, Texture, Triplet, View, ViewName

if TYPE_CHECKING:
    from facestudio.export.overlay import Crop

TILE_HEIGHT, TILE_WIDTH = 300, 240  # twice their size on the page, for screens at 200 %
LARGEST_TEXTURE = 2048  # texels of a side: finer than a screen shows of a whole head, and quick to hand to the graphics card
LARGEST_BACKDROP = 2560  # pixels of the longer side
_MODEL_NAMES = {"openhead": "open"}


@dataclass(frozen=True)
class Tile:
    """A photo of the filmstrip, cut to the head. plain, wired: (h, w, 3) uint8; wired shows the projected mesh, None before there is one.

    landmarks: (N, 2) in the tile's pixels, empty before there are any.
    """

    name: ViewName
    plain: ByteArray
    wired: ByteArray | None
    landmarks: Float64Array


@dataclass(frozen=True)
class Worth:
    """What a result is worth. sentences: plain words, the most important first. rows: (what, number). notes: for the operator.

    scale: how sizes are to be taken, a sentence. shares: what the texture comes from, in [0, 1]. seen: by 0, 1, 2, 3 photos.
    """

    sentences: tuple[str, ...]
    rows: tuple[tuple[str, str], ...]
    notes: tuple[str, ...]
    scale: str
    metric: bool
    shares: Mapping[str, float]
    seen: tuple[float, ...]


@dataclass(frozen=True)
class Backdrop:
    """A photo to fly to: as a lens without distortion would have taken it, and no larger than a screen can show.

    camera: without distortion; its pixels are those of the photo at its full size. pixels: (h, w, 3) uint8 sRGB.
    """

    camera: Camera
    pixels: ByteArray


@dataclass(frozen=True)
class OpenedHead:
    """A head to look at. path: its NAME.head.npz, None while it is being made. texture, worth: None before there is one.

    thumbnail: the texture, small, (h, w, 3) uint8.
    """

    name: str
    path: Path | None
    model: HeadModel
    reconstruction: Reconstruction
    texture: Texture | None
    shown: ShownHead
    tiles: tuple[Tile, ...]
    backdrops: tuple[Backdrop, ...] = ()
    worth: Worth | None = None
    thumbnail: ByteArray | None = None


@dataclass(frozen=True)
class Read:
    """What was read for the page. name: the capture's, "" for a head that belongs to none; attention: what is wrong with it, or "".

    head: None for a capture without one, whose photos are then in tiles.
    """

    name: str
    attention: str
    head: OpenedHead | None
    tiles: tuple[Tile, ...]


def open_saved(path: Path, progress: Progress = silent, cancel: CancelToken | None = None) -> OpenedHead:
    """Read NAME.head.npz. Raises SavedHeadError or HeadModelError, Cancelled when asked to stop."""
    from facestudio.export.portraits import shrunk
    from facestudio.export.saved import load_head

    cancel = cancel or CancelToken()
    progress("open", 0.0, path.name)
    saved = load_head(path)
    cancel.check()
    progress("open", 0.6, path.name)
    r, texture = saved.reconstruction, saved.texture
    tiles = head_tiles(r, saved.model)
    cancel.check()
    drawn = shrunk(texture.albedo, LARGEST_TEXTURE)
    shown = ShownHead(_surface(saved.model), r.vertices, drawn, texture.views_seen, r.sigma)
    worth = worth_of(saved.model, r, texture)
    progress("open", 1.0, path.name)
    return OpenedHead(
        saved.name, path, saved.model, r, texture, shown, tiles, backdrops_of(r), worth, shrunk(texture.albedo, 512)
    )


def on_the_way(reconstruction: Reconstruction, name: str, head: str) -> OpenedHead:
    """A head of a running job: shape and no colour yet. head: the head model that the job uses, as the settings name it."""
    from facestudio.head.store import load_head

    model = load_head(_MODEL_NAMES.get(reconstruction.head_model, head))
    shown = ShownHead(_surface(model), reconstruction.vertices, sigma=reconstruction.sigma)
    return OpenedHead(
        name, None, model, reconstruction, None, shown, head_tiles(reconstruction, model), backdrops_of(reconstruction)
    )


def photo_tiles(photos: Mapping[ViewName, Path]) -> tuple[Tile, ...]:
    """Photos as they are, whole. Raises PictureError for one that cannot be read."""
    from facestudio.export.overlay import head_crop
    from facestudio.pipeline.read_picture import read_picture

    tiles = []
    for name, path in photos.items():
        picture = read_picture(path)
        crop = head_crop(np.zeros((0, 2)), picture.height, picture.width, TILE_HEIGHT, TILE_WIDTH)
        tiles.append(Tile(name, crop.picture(picture.pixels), None, np.zeros((0, 2))))
    return tuple(tiles)


def landmark_tiles(triplet: Triplet) -> tuple[Tile, ...]:
    """Photos cut to the face, with the landmarks found in them."""
    from facestudio.export.overlay import head_crop

    tiles = []
    for view in triplet.views:
        points = shown_landmarks(view)
        face = points if view.landmarks is None else view.landmarks.points[:478]  # dense landmarks behind them reach beyond it
        crop = head_crop(_with_hair(face), view.image.height, view.image.width, TILE_HEIGHT, TILE_WIDTH)
        tiles.append(Tile(view.name, crop.picture(view.image.pixels), None, crop.into(points)))
    return tuple(tiles)


def head_tiles(reconstruction: Reconstruction, model: HeadModel) -> tuple[Tile, ...]:
    """Photos cut to the head, with landmarks, and with the mesh as it projects."""
    pairs = zip(reconstruction.views, reconstruction.cameras, strict=True)
    return tuple(_head_tile(view, camera, reconstruction, model) for view, camera in pairs)


def _head_tile(view: View, camera: Camera, r: Reconstruction, model: HeadModel) -> Tile:
    from facestudio.export.overlay import wired
    from facestudio.geometry.camera import screen

    points, crop = screen(camera, np.asarray(r.posed_vertices, dtype=np.float64)), crop_of(view, camera, r)
    plain = crop.picture(view.image.pixels)
    points[:, :2] = crop.into(points[:, :2])
    return Tile(view.name, plain, wired(plain, points, model.faces), crop.into(shown_landmarks(view)))


def shown_landmarks(view: View) -> Float64Array:
    """(N, 2) float64, pixels of the photo: the view's landmarks but those that their detector takes for hidden; (0, 2) without any."""
    if view.landmarks is None:
        return np.zeros((0, 2))
    return view.landmarks.points if view.landmarks.seen is None else view.landmarks.points[view.landmarks.seen > 0.5]


def crop_of(view: View, camera: Camera, r: Reconstruction) -> Crop:
    """The part of a photo that its tile shows: the head, with some air."""
    from facestudio.export.overlay import head_crop
    from facestudio.geometry.camera import screen

    points = screen(camera, np.asarray(r.posed_vertices, dtype=np.float64))
    return head_crop(points[points[:, 2] > 0, :2], view.image.height, view.image.width, TILE_HEIGHT, TILE_WIDTH)


def backdrops_of(reconstruction: Reconstruction) -> tuple[Backdrop, ...]:
    """The photos to fly to, one per view."""
    import cv2

    made = []
    for view, camera in zip(reconstruction.views, reconstruction.cameras, strict=True):
        pixels = view.image.pixels
        if np.any(camera.distortion):
            pixels = np.asarray(cv2.undistort(pixels, camera.K, camera.distortion), dtype=np.uint8)
        scale = LARGEST_BACKDROP / max(pixels.shape[:2])
        if scale < 1.0:
            height, width = (max(1, round(side * scale)) for side in pixels.shape[:2])
            pixels = np.asarray(cv2.resize(pixels, (width, height), interpolation=cv2.INTER_AREA), dtype=np.uint8)
        made.append(Backdrop(replace(camera, distortion=np.zeros(5)), pixels))
    return tuple(made)


def worth_of(model: HeadModel, r: Reconstruction, texture: Texture) -> Worth:
    """Words and numbers about a result; every number was measured on this head."""
    from facestudio.export.head_json import provenance_shares, views_seen_shares
    from facestudio.export.scene import SCALE_SENTENCE
    from facestudio.export.verdict import expression_sentence, fit_sentences, texture_sentence

    sentences = [*fit_sentences(r), texture_sentence(texture), expression_sentence(model, r)]
    rows = [(str(q.name), tr("{px:.1f} px at {yaw:+.0f}°", px=q.reprojection_px, yaw=q.yaw_degrees)) for q in r.quality]
    return Worth(
        sentences=tuple(s for s in sentences if s),
        rows=tuple(rows),
        notes=tuple(dict.fromkeys((*r.notes, *(note for view in r.views for note in view.image.notes)))),
        scale=SCALE_SENTENCE[r.scale],
        metric=r.scale == "metric",
        shares=dict(provenance_shares(texture)),
        seen=tuple(views_seen_shares(texture)),
    )


def _with_hair(points: Float64Array) -> Float64Array:
    """The points, and room above them: landmarks end at the hairline."""
    if not len(points):
        return points
    low, high = points.min(axis=0), points.max(axis=0)
    return np.concatenate([points, [[low[0], low[1] - 0.35 * (high[1] - low[1])]]])


def _surface(model: HeadModel) -> Surface:
    return _surface_of(_ByIdentity(model))


@dataclass(frozen=True)
class _ByIdentity:
    """A head model as a key: models hold arrays and cannot be hashed, and `head.store` loads each only once."""

    model: HeadModel

    def __hash__(self) -> int:
        return id(self.model)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, _ByIdentity) and other.model is self.model


@lru_cache(maxsize=2)
def _surface_of(key: _ByIdentity) -> Surface:
    return surface(key.model)
