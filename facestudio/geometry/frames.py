"""Every frame of reference in FaceStudio, defined once.

head frame
    +X the subject's left, +Y up, +Z out of the nose. Metres. Origin: inside the head, between and behind the eyes, where FLAME
    puts it; OpenHead is registered to FLAME's mean, so that heads of both models lie on top of each other.
camera frame
    OpenCV: x right, y down, z forward. Metres. `x_cam = R X + t`.
pixel frame
    x right, y down, **pixel centres at integers**: the top-left pixel's centre is (0, 0) and the picture spans
    [-0.5, W - 0.5] x [-0.5, H - 0.5]. This is OpenCV's convention, the bench's, and our rasteriser's.
texture frame
    (u, v) in [0, 1]^2, u right, v **up** (OBJ). Texel row 0 is at the top, so texel centres are
    x = u W - 0.5, y = (1 - v) H - 0.5. glTF counts v downwards; `export.glb` flips it.
yaw
    The head's turn about +Y relative to a camera, degrees; positive when the camera stands on the subject's left (and so sees
    the subject's left cheek). `left.jpg` has yaw of about +40.
"""

from __future__ import annotations

import numpy as np

from facestudio.types import Camera, Float64Array


def uv_to_texel(uv: Float64Array, size: int) -> Float64Array:
    """Texture coordinates (…, 2) to texel positions (…, 2) float64 (x, y), texel centres at integers, for a size x size picture."""
    uv = np.asarray(uv, dtype=np.float64)
    return np.stack([uv[..., 0] * size - 0.5, (1.0 - uv[..., 1]) * size - 0.5], axis=-1)


def yaw_degrees(camera: Camera) -> float:
    """Yaw of the head as this camera sees it: positive when the camera stands on the subject's left. Degrees."""
    # The direction from the head to the camera's line of sight, not its position: robust when the head is off-centre.
    back = -camera.R[2]  # the camera's -z axis in the head frame
    return float(np.degrees(np.arctan2(back[0], back[2])))
