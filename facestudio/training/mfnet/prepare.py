"""Photographs as shards that `triplets.PhotoTriplets` reads: cut out once, with the landmarks that the detectors found."""

from __future__ import annotations

from collections.abc import Sequence

import cv2
import numpy as np

from facestudio.geometry.frames import yaw_degrees
from facestudio.head.landmarks import embedding
from facestudio.head.model import HeadModel
from facestudio.landmarks.crop import crop_square, warp
from facestudio.reconstruct.mfnet.mirror import SCHEME
from facestudio.reconstruct.pose import assumed_camera, head_pose
from facestudio.training.mfnet.triplets import PhotoTriplets
from facestudio.training.synth.shard import Shard
from facestudio.types import ByteArray, Camera, Landmarks, View

_QUALITY = 95


def photo_shard(captures: Sequence[tuple[int, Sequence[View], Sequence[Landmarks]]], model: HeadModel, size: int) -> Shard:
    """A shard of captures, each (its number, three views left, front, right with mediapipe's points, the 800 dense ones of each).

    size: pixels of the pictures. Cameras are those of the views, or assumed; R and t are the average head's. Of what only synthetic
    subjects have, identity, expression and pose are empty and light is zero. Raises FitError for a view whose landmarks are no face.
    """
    marked = embedding(model, SCHEME)
    mean = np.einsum("nk,nkc->nc", marked.bary, model.template[model.faces[marked.faces]]).astype(np.float64)
    codes, detected, landmarks, visible, crops, frames = [], [], [], [], [], []
    for _, views, dense in captures:
        for view, points in zip(views, dense, strict=True):
            assert view.landmarks is not None
            found = view.landmarks.points[marked.ids]
            crop = crop_square(found, size)
            frame = view.camera or assumed_camera(view.image)
            posed = head_pose(frame, mean, found, f"{view.name} photo")
            codes.append(_jpeg(warp(view.image.pixels, crop)))
            detected.append(crop.to_crop(found))
            landmarks.append(crop.to_crop(points.points))
            inside = ((landmarks[-1] >= 0) & (landmarks[-1] <= size - 1)).all(1)
            visible.append(inside & (np.ones(len(inside)) if points.seen is None else points.seen > 0.5).astype(bool))
            crops.append(crop.camera(posed))
            frames.append(frame)
    n = len(codes)
    shown = np.stack(visible)
    return Shard(
        jpeg=np.concatenate(codes),
        offsets=np.cumsum([0, *map(len, codes)]).astype(np.int64),
        subject=np.repeat(np.array([number for number, _, _ in captures], np.int64), 3),
        view=np.tile(np.arange(3, dtype=np.int16), len(captures)),
        yaw_deg=np.array([yaw_degrees(camera) for camera in crops], np.float32),
        identity=np.zeros((n, 0), np.float32),
        expression=np.zeros((n, 0), np.float32),
        pose=np.zeros((n, 0, 3), np.float32),
        K=np.stack([camera.K for camera in crops]),
        R=np.stack([camera.R for camera in crops]),
        t=np.stack([camera.t for camera in crops]),
        frame_K=np.stack([frame.K for frame in frames]),
        frame_size=np.array([_size(frame) for frame in frames], np.int32),
        distortion=np.zeros((n, 5), np.float32),
        landmarks=np.stack(landmarks).astype(np.float32),
        visible=shown,
        covered=np.zeros_like(shown),
        light=np.zeros((n, 27), np.float32),
        maps={"detected": np.stack(detected).astype(np.float32)},
    )


def described(source: str, size: int) -> dict[str, object]:
    """What `dataset.json` says of prepared photographs. source: where they came from."""
    return {"mode": PhotoTriplets.mode, "size": size, "source": source}


def _size(camera: Camera) -> tuple[int, int]:
    return camera.width, camera.height


def _jpeg(pixels: ByteArray) -> ByteArray:
    code = cv2.imencode(".jpg", pixels[..., ::-1], [cv2.IMWRITE_JPEG_QUALITY, _QUALITY])[1]
    return np.asarray(code, np.uint8).ravel()
