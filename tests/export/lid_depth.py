"""Do lids poke into the eyeballs, and do closed ones cover them? Shared by a test and a benchmark."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np

from facestudio.export.scene import HeadScene
from facestudio.geometry.rasterize import rasterize
from facestudio.head.eyelids import BLINKS
from facestudio.head.model import HeadModel

_PIXELS_PER_MM = 12.0
_ROOM_MM = 8.0
_LID_MM = 1.5  # lids are thinner than this: what is farther behind is seen through an opening


@dataclass(frozen=True)
class Eye:
    """One eye at one weight of the blink, orthographic: open_mm2, area of eyeball in the opening between the lids.

    poking_mm: how far the eyeball stands out of the lids at worst, along the line of sight, anywhere but in that opening; 0 where it
    does not.
    """

    open_mm2: float
    poking_mm: float


def look_at_eyes(model: HeadModel, scene: HeadScene, weight: float, yaw: float = 0.0) -> list[Eye]:
    """Both eyes of the exported head with both blinks at this weight, seen from the front, turned by yaw degrees.

    The opening is the largest connected patch of eyeball that is seen; other patches that are just in front of skin came through a lid.
    """
    morphs = [scene.morphs[scene.morph_names.index(name)] for name in BLINKS]
    turn = np.radians(yaw)
    R = np.array([[np.cos(turn), 0, -np.sin(turn)], [0, 1, 0], [np.sin(turn), 0, np.cos(turn)]])
    points = 1000.0 * (scene.vertices + weight * np.sum(morphs, axis=0)).astype(np.float64) @ R.T
    found = []
    for part in BLINKS.values():
        ball = model.part_faces(part)
        around = points[model.part_vertices(part)]
        low, high = around.min(0) - _ROOM_MM, around.max(0) + _ROOM_MM
        screen = np.stack([points[:, 0] - low[0], high[1] - points[:, 1], 1000.0 - points[:, 2]], axis=1)
        screen[:, :2] *= _PIXELS_PER_MM
        width, height = (int((high - low)[k] * _PIXELS_PER_MM) for k in (0, 1))
        seen = rasterize(screen, model.faces, height, width)
        on_ball = (seen.pix_to_face >= 0) & ball[np.maximum(seen.pix_to_face, 0)]
        count, label, stats, _ = cv2.connectedComponentsWithStats(on_ball.astype(np.uint8), connectivity=8)
        if count == 1:
            found.append(Eye(0.0, 0.0))
            continue
        opening = 1 + int(np.argmax(stats[1:, cv2.CC_STAT_AREA]))
        rest = rasterize(screen, model.faces[~ball], height, width)
        through = on_ball & (label != opening) & (rest.pix_to_face >= 0)
        out = (rest.zbuf - seen.zbuf)[through]
        poking = float(out[out < _LID_MM].max(initial=0.0))
        found.append(Eye(float(stats[opening, cv2.CC_STAT_AREA]) / _PIXELS_PER_MM**2, poking))
    return found
