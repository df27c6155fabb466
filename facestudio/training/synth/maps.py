"""Truth per pixel: depth, normals, parts and texture coordinates of what a crop's camera sees, at the pixels' own centres."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from facestudio.geometry.camera import screen
from facestudio.geometry.rasterize import interpolate, rasterize
from facestudio.training.synth import shade
from facestudio.training.synth.dress import Dressed, Wearer
from facestudio.training.synth.people import Person
from facestudio.training.synth.photograph import trace
from facestudio.types import Camera

HAIR, BROWS, GLASSES, CLOTHES, HAND = 200, 201, 202, 203, 204
_THINGS = {shade.HAIR: HAIR, shade.FRAME: GLASSES, shade.CLOTH: CLOTHES, shade.THING: HAND}


def map_pictures(wearer: Wearer, dressed: Dressed, person: Person, camera: Camera) -> dict[str, NDArray[Any]]:
    """depth (S, S) float16 metres (of the head alone: what a reconstruction is after), normals, parts and uv as `Shard.maps` says."""
    model, surface = wearer.model, dressed.surface
    buffers, veils, _ = trace(wearer, dressed, person, camera)
    own = rasterize(
        screen(camera, surface.vertices[: dressed.head].astype(np.float64)), model.faces, camera.height, camera.width, True
    )
    head = own.pix_to_face >= 0
    depth = np.where(head, own.zbuf, 0.0).astype(np.float16)
    normals = interpolate(own, model.faces, surface.normals[: dressed.head])
    normals = normals / np.maximum(np.linalg.norm(normals, axis=-1, keepdims=True), 1e-9)
    uv = interpolate(own, model.uv_faces, model.uv)
    parts = np.zeros(head.shape, np.uint8)
    seen = buffers.face >= 0
    part_of = np.zeros(len(surface.faces), np.uint8)
    part_of[: dressed.head_faces] = model.face_parts + 1
    for kind, number in _THINGS.items():
        part_of[surface.layer == kind] = number
    parts[seen] = part_of[buffers.face[seen]]
    parts[(veils.brow < 0.7) & seen & (buffers.face < dressed.head_faces)] = BROWS
    return {
        "depth": depth,
        "normals": np.rint(normals * 127).astype(np.int8),
        "parts": parts,
        "uv": uv.astype(np.float16),
    }
