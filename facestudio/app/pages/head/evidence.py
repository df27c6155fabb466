"""What speaks for a head, drawn over its photos on request: where each photo shows the person, and where the photos still disagree.

Disagreement is the optical flow from another photo, drawn into this one through the head, to this one: the measure that refinement makes
small. It takes about a second and is made in a worker when the operator asks for it. Heavy imports happen inside.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from facestudio.app.pages.head.opened import crop_of
from facestudio.head.model import HeadModel
from facestudio.progress import CancelToken
from facestudio.types import Float32Array, Float64Array, Reconstruction, ViewName

_CELL = 7  # pixels of a tile: one arrow in each
_LEAST_TRUST = 0.15


@dataclass(frozen=True)
class Evidence:
    """What is drawn over one photo of the filmstrip, in the pixels of its tile.

    person: (h, w) float32 in [0, 1], 1 where the person is. starts: (N, 2), where arrows begin. flow: (N, 2) in pixels of the photo, where
    they point to: (0, 0) where the photos agree through the head. Empty for a head of one photo.
    """

    name: ViewName
    person: Float32Array
    starts: Float64Array
    flow: Float64Array


def evidence_of(reconstruction: Reconstruction, model: HeadModel, cancel: CancelToken | None = None) -> tuple[Evidence, ...]:
    """One for each photo. Raises Cancelled."""
    import cv2

    from facestudio.landmarks.segmentation import foreground_mask

    cancel, r = cancel or CancelToken(), reconstruction
    masks = []
    for view in r.views:
        cancel.check()
        masks.append(foreground_mask(view.image))
    found = _disagreement(r, model, masks, cancel)
    made = []
    for i, (view, camera) in enumerate(zip(r.views, r.cameras, strict=True)):
        crop = crop_of(view, camera, r)
        part = masks[i][crop.top : crop.bottom, crop.left : crop.right]
        person = np.asarray(cv2.resize(part, (crop.width, crop.height), interpolation=cv2.INTER_AREA), np.float32)
        pixels, flow = found[i]
        starts = crop.into(pixels)
        kept = _one_in_each_cell(starts)
        made.append(Evidence(view.name, person, starts[kept], flow[kept]))
    return tuple(made)


def _disagreement(
    r: Reconstruction, model: HeadModel, masks: list[Float32Array], cancel: CancelToken
) -> list[tuple[Float64Array, Float64Array]]:
    """Per photo: (N, 2) its pixels, and (N, 2) the flow there, pixels, from the photos that can be matched to it."""
    from dataclasses import replace

    from facestudio.geometry.camera import project
    from facestudio.head.retarget import with_parts
    from facestudio.reconstruct.correspondence import match
    from facestudio.reconstruct.photo import prepare_photo
    from facestudio.reconstruct.problem import PART_TRUST, choose_pairs
    from facestudio.reconstruct.refinement import RefineConfig
    from facestudio.reconstruct.sighting import sight

    model, config = with_parts(model), RefineConfig()
    vertices = np.asarray(r.posed_vertices, dtype=np.float64)
    trust = np.array([PART_TRUST.get(n, 0.0) for n in model.part_names], np.float32)[model.face_parts]
    sightings = []
    for view, camera, mask in zip(r.views, r.cameras, masks, strict=True):
        ideal = replace(camera, distortion=np.zeros(5))
        photo = prepare_photo(view, camera, ideal, vertices, model, mask, config.blur_px, cancel)
        sightings.append(sight(photo, ideal, vertices, model.faces))
    found: list[list[tuple[Float64Array, Float64Array]]] = [[] for _ in r.views]
    for source, target in choose_pairs(r.cameras, config.pair_degrees):
        if sightings[source] is not None and sightings[target] is not None:
            plain = match(sightings, source, target, config.flow, trust, cancel)[0]  # type: ignore[arg-type]
            sure = plain.trust > _LEAST_TRUST
            pixels = project(r.cameras[target], plain.points[sure].astype(np.float64))
            found[target].append((pixels, plain.flow[sure].astype(np.float64)))
    nothing = (np.zeros((0, 2)), np.zeros((0, 2)))
    return [(np.concatenate([p for p, _ in f]), np.concatenate([v for _, v in f])) if f else nothing for f in found]


def _one_in_each_cell(points: Float64Array) -> list[int]:
    """Which points (N, 2) to draw so that they do not cover each other: the first in each cell of a grid."""
    cells = np.floor(points / _CELL).astype(np.int64)
    return sorted(int(i) for i in np.unique(cells, axis=0, return_index=True)[1]) if len(points) else []
