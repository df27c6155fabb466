"""How matt each part of a head is: eyes and teeth are wet, lips less so, hair scatters. An eye as matt as skin looks blind."""

from __future__ import annotations

from collections.abc import Mapping

import cv2
import numpy as np

from facestudio.geometry.frames import uv_to_texel
from facestudio.geometry.rasterize import rasterize
from facestudio.head.model import HeadModel
from facestudio.head.retarget import with_parts
from facestudio.types import ByteArray

SKIN = 0.6
ROUGHNESS: Mapping[str, float] = {
    "eye_left": 0.12,
    "eye_right": 0.12,
    "teeth": 0.25,
    "tongue": 0.35,
    "mouth_interior": 0.35,
    "eye_sockets": 0.4,
    "lips": 0.48,
    "scalp": 0.72,
}
SIDE = 256
_BLUR = 0.8  # texels


def roughness_map(model: HeadModel) -> ByteArray | None:
    """(SIDE, SIDE) uint8, linear, 255 = wholly matt, row 0 at v = 1: glTF's perceptual roughness; None for a model without these parts."""
    model = with_parts(model)
    if not any(model.part_faces(part).any() for part in ROUGHNESS):
        return None
    of_face = np.full(len(model.faces), SKIN, np.float32)
    for part, rough in ROUGHNESS.items():
        of_face[model.part_faces(part)] = rough
    flat = np.ones((len(model.uv), 3))
    flat[:, :2] = uv_to_texel(np.asarray(model.uv, np.float64), SIDE)
    owner = rasterize(flat, model.uv_faces, SIDE, SIDE).pix_to_face
    value = np.where(owner >= 0, of_face[np.maximum(owner, 0)], np.float32(SKIN)).astype(np.float32)
    return np.asarray(np.rint(255.0 * cv2.GaussianBlur(value, (0, 0), _BLUR)), dtype=np.uint8)
