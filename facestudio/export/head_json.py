"""NAME.json: all numbers of a head, for programs and for the record."""

from __future__ import annotations

import hashlib
import json
import math
import re
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np

from facestudio.export.checklist import Check
from facestudio.export.scene import SCALE_SENTENCE, HeadScene, Json, named_expression
from facestudio.export.smplx_npz import EXPRESSION_COUNT, SHAPE_COUNT, padded
from facestudio.export.versions import versions
from facestudio.head.landmarks import NOW7_IBUG68, on_surface
from facestudio.head.model import EYES, HeadModel
from facestudio.types import Camera, Float64Array, Reconstruction, Texture

SCHEMA_VERSION = 1
# A list of numbers over many lines. Inside a string a line break is escaped, so that this cannot match there.
_NUMBER_LIST = re.compile(r"\[\n[-+.\deE,\s]*\]")
PROVENANCE_SHARES = ("outside", "measured", "mirrored", "inferred")


def head_json(
    model: HeadModel,
    reconstruction: Reconstruction,
    texture: Texture,
    scene: HeadScene,
    seconds: Mapping[str, float],
    checks: Sequence[Check] = (),
) -> str:
    """The JSON text: schema, head model, parameters, cameras, quality, notes, versions, hashes, seconds, NoW landmarks.

    Coefficients stand there as the head model has them, and with zeros behind them as programs made for FLAME expect them.

    `gaze`: the eyes' turns in the photos, axis-angle in radians about the joints of these names; the exported eyes look straight ahead.
    `sigma_mm`, where the engine knows it: one standard deviation of each vertex along its normal, in the head model's vertex order.

    Lengths are metres in the head frame, which is the frame of the exported meshes too. Numbers that are not finite become null.
    seconds: by stage; the caller's, because export itself is one of them.
    """
    content: dict[str, Json] = {
        "schema": SCHEMA_VERSION,
        "name": scene.name,
        "head_model": {"name": model.name, "version": model.version, "sha256": model.sha256, "licence": model.licence},
        "engine": reconstruction.engine,
        "frame": "metres, +X the subject's left, +Y up, +Z out of the nose",
        "identity": _numbers(reconstruction.identity),
        "expression": named_expression(model, reconstruction),
        "betas_300": _numbers(padded(reconstruction.identity, SHAPE_COUNT)[0]),
        "expression_100": _numbers(padded(reconstruction.expression, EXPRESSION_COUNT)[0]),
        "gaze": None
        if reconstruction.gaze is None
        else {name: _numbers(turn) for name, turn in zip(EYES, reconstruction.gaze, strict=True)},
        "lid_travel": scene.metadata["lid_travel"],
        "metahuman": [{"rule": c.rule, "passed": c.passed, "finding": c.finding} for c in checks],
        "scale": str(reconstruction.scale),
        "scale_note": SCALE_SENTENCE[reconstruction.scale],
        "cameras": {c.name: _camera(c.camera, c.photo) for c in scene.cameras},
        "world_from_head": None if reconstruction.world_from_head is None else _numbers(reconstruction.world_from_head),
        "quality": quality(reconstruction, texture),
        "notes": [*reconstruction.notes, *_photo_notes(reconstruction)],
        "photos": {str(v.name): _photo(v.image.source) for v in reconstruction.views},
        "versions": dict(versions()),
        "seconds": {stage: round(float(s), 4) for stage, s in seconds.items()},
    }
    if reconstruction.sigma is not None:
        content["sigma_mm"] = _numbers(np.round(1000.0 * reconstruction.sigma, 3))
    landmarks = now_landmarks(model, np.asarray(reconstruction.vertices, dtype=np.float64))
    if landmarks is not None:
        content["now_landmarks"] = _numbers(landmarks)
    text = json.dumps(_finite(content), indent=1, ensure_ascii=False, allow_nan=False)
    return _NUMBER_LIST.sub(lambda match: " ".join(match.group().split()), text) + "\n"


def now_landmarks(model: HeadModel, vertices: Float64Array) -> Float64Array | None:
    """The 7 NoW points (7, 3), metres, in the frame of vertices (V, 3), or None if the model lacks them.

    In NoW's order (Sanyal et al. 2019): right eye outer, inner, left eye inner, outer, nose base, right, left corner of the mouth;
    right is the subject's right.
    """
    # Models without NoW's own embedding usually have the 68 points that include them.
    for scheme, ids in (("now7", None), ("ibug68", NOW7_IBUG68)):
        embedding = model.embeddings.get(scheme)
        if embedding is None:
            continue
        points = on_surface(vertices, model.faces, embedding)
        if ids is None:
            return points
        row = {int(i): k for k, i in enumerate(embedding.ids)}
        if set(ids) <= set(row):
            return points[[row[i] for i in ids]]
    return None


def quality(reconstruction: Reconstruction, texture: Texture) -> dict[str, Json]:
    """How well the head explains the photos, as far as it was measured: pixels, degrees, shares in [0, 1]."""
    views: dict[str, Json] = {}
    for q in reconstruction.quality:
        views[str(q.name)] = {
            "reprojection_px": float(q.reprojection_px),
            "held_out_px": None if q.held_out_px is None else float(q.held_out_px),
            "yaw_degrees": float(q.yaw_degrees),
        }
    baseline = reconstruction.mean_head_reprojection_px
    return {
        "views": views,
        "mean_head_reprojection_px": None if baseline is None else float(baseline),
        "views_seen_share": {str(n): s for n, s in enumerate(views_seen_shares(texture))},
        "texture_share": dict(provenance_shares(texture)),
    }


def views_seen_shares(texture: Texture) -> list[float]:
    """Which share of the head's vertices 0, 1, 2, and 3 or more photos see."""
    counts = np.bincount(np.minimum(texture.views_seen, 3), minlength=4)
    return [float(c) for c in counts / max(int(counts.sum()), 1)]


def provenance_shares(texture: Texture) -> dict[str, float]:
    """Which share of the texture's surface was measured, mirrored and inferred; texels that no surface uses do not count."""
    counts = np.bincount(texture.provenance.ravel(), minlength=len(PROVENANCE_SHARES))
    total = max(int(counts[1 : len(PROVENANCE_SHARES)].sum()), 1)
    return {name: float(counts[i] / total) for i, name in enumerate(PROVENANCE_SHARES) if i > 0}


def _camera(camera: Camera, photo: str) -> dict[str, Json]:
    return {
        "photo": photo,
        "K": _numbers(camera.K),
        "R": _numbers(camera.R),
        "t": _numbers(camera.t),
        "distortion": _numbers(camera.distortion),
        "width": camera.width,
        "height": camera.height,
    }


def _photo(source: Path | None) -> Json:
    if source is None:
        return None
    try:
        digest = hashlib.sha256(source.read_bytes()).hexdigest()
    except OSError:
        # The photo was read earlier and is gone now (a memory card): the head is still worth keeping.
        return {"file": source.name, "sha256": None}
    return {"file": source.name, "sha256": digest}


def _photo_notes(reconstruction: Reconstruction) -> list[str]:
    said = set(reconstruction.notes)
    return [f"{v.name}: {note}" for v in reconstruction.views for note in v.image.notes if note not in said]


def _numbers(array: Float64Array) -> Json:
    return _finite(np.asarray(array, dtype=np.float64).tolist())


def _finite(value: Json) -> Json:
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    if isinstance(value, list):
        return [_finite(v) for v in value]
    if isinstance(value, dict):
        return {k: _finite(v) for k, v in value.items()}
    return value
