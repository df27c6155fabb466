"""Pictures that show what a head model can do: `python -m facestudio.head.contact_sheet FOLDER` writes them for OpenHead.

A sheet of random heads tells at a glance whether the prior makes people; the second sheet shows mesh, texture square and rig.
"""

from __future__ import annotations

import sys
from pathlib import Path

import cv2
import numpy as np

from facestudio.geometry.camera import screen
from facestudio.geometry.rasterize import rasterize
from facestudio.geometry.shading import portrait_camera, render
from facestudio.head.decoder import Decoder
from facestudio.head.model import HeadModel
from facestudio.head.store import load_head
from facestudio.types import ByteArray, Float64Array, FloatArray, IntArray

# sRGB by part; parts not named here are skin.
_SKIN = (214, 172, 150)
_COLOURS = {
    "lips": (186, 108, 102),
    "eyelids": (203, 156, 136),
    "eye_sockets": (176, 106, 98),
    "mouth_interior": (132, 52, 50),
    "tongue": (190, 96, 96),
    "teeth": (238, 232, 216),
    "eye_left": (240, 238, 234),
    "eye_right": (240, 238, 234),
}
_IRIS, _PUPIL = (92, 74, 52), (14, 12, 12)
_PUPIL_SHARE = 0.38  # of the iris' radius, in room light
_YAWS = (-30.0, 0.0, 30.0)
_LINE = (40, 44, 52)
_FINE = 3  # lines are drawn this many times finer and averaged


def plain_texture(model: HeadModel, size: int = 1024) -> ByteArray:
    """(size, size, 3) uint8 sRGB: every part in one colour, irises and pupils painted; for looking at shapes."""
    corners = np.asarray(model.uv, dtype=np.float64) * (size, -size) + (-0.5, size - 0.5)
    flat = np.column_stack([corners, np.ones(len(corners))])
    part = rasterize(flat, model.uv_faces, size, size).pix_to_face
    colours = np.array([_COLOURS.get(name, _SKIN) for name in model.part_names], dtype=np.uint8)
    picture = np.where((part >= 0)[..., None], colours[model.face_parts[np.maximum(part, 0)]], np.uint8(0)).astype(np.uint8)
    # Bleed the islands outwards, or filtering at their edges would mix in black.
    for _ in range(4):
        spread = cv2.dilate(picture, np.ones((3, 3), np.uint8))
        picture = np.where(picture.any(axis=2, keepdims=True), picture, spread)
    for u, v, iris, _ in model.eye_islands:
        centre = (round(float(u) * size), round((1.0 - float(v)) * size))
        for radius, colour in ((float(iris), _IRIS), (float(iris) * _PUPIL_SHARE, _PUPIL)):
            cv2.circle(picture, centre, round(radius * size), colour, -1, cv2.LINE_AA)
    return picture


def contact_sheet(
    model: HeadModel, count: int = 36, seed: int = 0, columns: int = 6, size: int = 240, spread: float = 1.0
) -> ByteArray:
    """(H, W, 3) uint8 sRGB: `count` random heads of the model's prior, turned left, straight and right in turn.

    spread: standard deviations of every identity coefficient. The same seed gives the same people.
    """
    decoder, texture = Decoder(model), plain_texture(model)
    random = np.random.default_rng(seed)
    tiles = []
    for number in range(count):
        vertices = decoder.shape(spread * random.standard_normal(model.identity_basis.shape[2]))
        camera = portrait_camera(model.template, size, size, _YAWS[number % len(_YAWS)])
        tiles.append(render(vertices, model.faces, camera, texture=texture, uv=model.uv, uv_faces=model.uv_faces, shade=1.0))
    blank = np.full_like(tiles[0], 255)
    tiles += [blank] * (-count % columns)
    return np.vstack([np.hstack(tiles[k : k + columns]) for k in range(0, len(tiles), columns)])


def model_sheet(model: HeadModel, size: int = 480) -> ByteArray:
    """(2 size, 5 size, 3) uint8 sRGB: clay from three sides, mesh, texture square; open jaw, blink, smile, gaze and pucker."""
    decoder, texture = Decoder(model), plain_texture(model)
    rest = decoder.shape(np.zeros(0))

    def look(vertices: Float64Array, yaw: float = 0.0, coloured: bool = True) -> ByteArray:
        camera = portrait_camera(rest, size, size, yaw)
        if not coloured:
            return render(vertices, model.faces, camera)
        return render(vertices, model.faces, camera, texture=texture, uv=model.uv, uv_faces=model.uv_faces, shade=1.0)

    def face(yaw: float = 20.0, **weights: float) -> ByteArray:
        expression = np.array([weights.get(name, 0.0) for name in model.expression_names])
        return look(decoder.shape(np.zeros(0), expression), yaw)

    upper = [look(rest, yaw, coloured=False) for yaw in (0.0, 40.0, 90.0)] + [_wire(model, rest, size), _square(model, size)]
    lower = [
        face(jawOpen=1.0),
        face(0.0, eyeBlinkLeft=1.0, eyeBlinkRight=1.0),
        face(0.0, mouthSmileLeft=1.0, mouthSmileRight=1.0),
        face(0.0, eyeLookOutLeft=1.0, eyeLookInRight=1.0, browInnerUp=1.0),
        face(mouthPucker=1.0, browDownLeft=1.0, browDownRight=1.0),
    ]
    return np.vstack([np.hstack(upper), np.hstack(lower)])


def _wire(model: HeadModel, vertices: Float64Array, size: int) -> ByteArray:
    """The mesh's visible edges over the clay head."""
    camera = portrait_camera(vertices, size * _FINE, size * _FINE, 25.0)
    points = screen(camera, vertices)
    drawn = rasterize(points, model.faces, size * _FINE, size * _FINE, cull_backfaces=True).pix_to_face
    seen = np.unique(drawn[drawn >= 0]).astype(np.int64)
    return _outlined(render(vertices, model.faces, camera, supersample=1), points[:, :2], model.faces[seen])


def _square(model: HeadModel, size: int) -> ByteArray:
    """The texture square with the mesh's edges."""
    big = size * _FINE
    return _outlined(plain_texture(model, big), model.uv * (big, -big) + (-0.5, big - 0.5), model.uv_faces)


def _outlined(picture: ByteArray, points: FloatArray, faces: IntArray) -> ByteArray:
    """Triangles' outlines over a picture that is _FINE times too large, brought to size."""
    corners = np.round(points[faces] * 16).astype(np.int32)[:, :, None]
    cv2.polylines(picture, list(corners), True, _LINE, 1, cv2.LINE_AA, 4)
    small = picture.shape[0] // _FINE
    return np.asarray(cv2.resize(picture, (small, small), interpolation=cv2.INTER_AREA), dtype=np.uint8)


if __name__ == "__main__":
    folder, head = Path(sys.argv[1]), load_head("open")
    for name, sheet in (("openhead", model_sheet(head)), ("openhead_identities", contact_sheet(head))):
        cv2.imwrite(str(folder / f"{name}.png"), cv2.cvtColor(sheet, cv2.COLOR_RGB2BGR))
