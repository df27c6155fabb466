"""A reconstructed head in the other head model's topology: the same surface and photos, other vertices, coefficients and texture."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from facestudio.export.saved import SavedHead
from facestudio.head.model import HeadModel
from facestudio.head.retarget import carry_head, carry_scalar, fit_expression, fit_identity
from facestudio.landmarks.segmentation import foreground_mask
from facestudio.progress import CancelToken, Progress, silent
from facestudio.reconstruct.gaze import turned_eyes
from facestudio.texture.build import build_texture

_LABELS = {"openhead": "OpenHead", "flame": "FLAME"}


def retarget_head(
    saved: SavedHead, target: HeadModel, progress: Progress = silent, cancel: CancelToken | None = None
) -> SavedHead:
    """The head in the topology of `target` (OpenHead or FLAME); the head itself when it has that topology already.

    The texture is built anew from the photos, in the other model's layout. Raises HeadModelError for models that are not registered to
    each other, Cancelled when asked to stop.
    """
    source, r = saved.model, saved.reconstruction
    if source.name == target.name:
        return saved
    cancel = cancel or CancelToken()
    progress("topology", 0.0, _LABELS.get(target.name, target.name))
    vertices = carry_head(r.vertices, source, target)
    # Eyes are carried over as balls that look straight ahead, and turned again.
    straight = carry_head(r.posed_vertices, source, target)
    posed = straight if r.gaze is None else turned_eyes(target, straight, r.gaze)
    cancel.check()
    said = f"Reconstructed with {_LABELS[source.name]} and carried over to {_LABELS[target.name]}'s topology."
    carried = replace(
        r,
        head_model=target.name,
        identity=fit_identity(vertices, target),
        expression=fit_expression(straight - vertices, target),
        vertices=vertices,
        posed_vertices=posed,
        sigma=None if r.sigma is None else np.maximum(carry_scalar(r.sigma, source, target), 0.0),
        notes=(*r.notes, said),
    )
    cancel.check()
    masks = [foreground_mask(v.image) for v in r.views]
    progress("topology", 1.0, "")
    side = int(saved.texture.albedo.shape[0])
    texture = build_texture(target, posed, r.views, r.cameras, side, foreground=masks, progress=progress, cancel=cancel)
    return SavedHead(target, carried, texture, saved.name)
