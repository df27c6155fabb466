"""The head as every file format wants it, before any format's own conventions."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TypeAlias

import numpy as np

from facestudio import __version__
from facestudio.export.gloss import roughness_map
from facestudio.geometry.shading import vertex_normals
from facestudio.head.eyelids import BLINKS, lid_travel
from facestudio.head.model import JOINT_NAMES, HeadModel
from facestudio.head.retarget import named_expressions
from facestudio.head.seams import SplitMesh, split_mesh
from facestudio.progress import CancelToken
from facestudio.types import ByteArray, Camera, Float32Array, Float64Array, IntArray, Reconstruction, Scale, Texture

SCALE_SENTENCE: Mapping[Scale, str] = {
    Scale.METRIC: "Size is metric: it follows from the calibrated cameras.",
    Scale.ASSUMED: "Size is assumed: it was set from an average human measure, so millimetres taken from this head are estimates.",
}

Json: TypeAlias = "bool | int | float | str | list[Json] | dict[str, Json] | None"


@dataclass(frozen=True)
class SceneCamera:
    """One photo's camera. name: the view's name. photo: the picture's file name, or "" for a picture made in memory."""

    name: str
    photo: str
    camera: Camera


@dataclass(frozen=True)
class HeadScene:
    """Everything that a 3D file can hold of a head. Head frame (+Y up, +Z out of the nose), metres.

    vertices (V, 3) float32: identity baked in, expression and pose neutral. normals (V, 3) float32, unit length, of the unsplit
    mesh. faces (F, 3) int32, counter-clockwise from outside. uv (T, 2) float32, v up. uv_faces (F, 3) int32 into uv.
    joint_positions (J, 3) float32. joint_parents (J,) int32, -1 for the root. skin_weights (V, J) float32.
    morphs (E, V, 3) float32: what each named expression adds at weight 1. albedo (T, T, 3) uint8 sRGB, row 0 at v = 1.
    metadata: plain JSON values; equal for equal input (no times, no clock). Its "lid_travel" is explained at `subject_morphs`.
    sigma (V,) float32, metres: one standard deviation of each vertex along its normal; None when the engine does not know it.
    roughness: see `export.gloss`.
    """

    name: str
    vertices: Float32Array
    normals: Float32Array
    faces: IntArray
    uv: Float32Array
    uv_faces: IntArray
    joint_names: tuple[str, ...]
    joint_parents: IntArray
    joint_positions: Float32Array
    skin_weights: Float32Array
    morph_names: tuple[str, ...]
    morphs: Float32Array
    albedo: ByteArray
    cameras: tuple[SceneCamera, ...]
    metadata: Mapping[str, Json]
    sigma: Float32Array | None = None
    roughness: ByteArray | None = None


def build_scene(
    model: HeadModel,
    reconstruction: Reconstruction,
    texture: Texture,
    name: str = "head",
    cancel: CancelToken | None = None,
) -> HeadScene:
    """Gather a head for export.

    The morphs are added to whatever `reconstruction.vertices` are: they need not lie in the model's linear span, so per-vertex
    displacements survive. Joints are regressed from those vertices too. FLAME has its own components first, then ARKit's names.
    Raises ValueError when the reconstruction does not belong to the model.
    """
    vertices = np.asarray(reconstruction.vertices, dtype=np.float64)
    if vertices.shape != model.template.shape:
        raise ValueError(
            f"the reconstruction has vertices {vertices.shape}, head model {model.name} has {model.template.shape}"
        )
    views = zip(reconstruction.views, reconstruction.cameras, strict=True)
    names, morphs, travel = subject_morphs(model, vertices, cancel)
    return HeadScene(
        name=name,
        vertices=vertices.astype(np.float32),
        normals=_unit_normals(vertices, model.faces),
        faces=np.asarray(model.faces, dtype=np.int32),
        uv=np.asarray(model.uv, dtype=np.float32),
        uv_faces=np.asarray(model.uv_faces, dtype=np.int32),
        joint_names=JOINT_NAMES,
        joint_parents=np.asarray(model.parents, dtype=np.int32),
        joint_positions=(model.joint_regressor.astype(np.float64) @ vertices).astype(np.float32),
        skin_weights=np.asarray(model.skin_weights, dtype=np.float32),
        morph_names=names,
        morphs=morphs,
        albedo=texture.albedo,
        cameras=tuple(SceneCamera(str(v.name), v.image.source.name if v.image.source else "", c) for v, c in views),
        metadata=_metadata(model, reconstruction) | {"lid_travel": dict(travel)},
        sigma=None if reconstruction.sigma is None else np.asarray(reconstruction.sigma, dtype=np.float32),
        roughness=roughness_map(model),
    )


def subject_morphs(
    model: HeadModel, vertices: Float64Array, cancel: CancelToken | None = None
) -> tuple[tuple[str, ...], Float32Array, dict[str, float]]:
    """The expressions of a neutral head (V, 3), metres: names, offsets (E, V, 3) float32 at weight 1, and `lid_travel`.

    They are the model's own, and ARKit's for a FLAME that lacks them. Blinks are multiplied by `lid_travel`, so that this person's lids
    just close: the photographed weight of a blink, which counts the model's own, is that much smaller here.
    """
    extra, offsets = named_expressions(model)
    names = (*model.expression_names, *extra)
    morphs = np.concatenate([np.moveaxis(model.expression_basis, -1, 0).astype(np.float32), offsets])
    travel = {}
    for name in (blink for blink in BLINKS if blink in names):
        (cancel or CancelToken()).check()
        travel[name] = lid_travel(model, vertices, name, morphs[names.index(name)])
    for name, factor in travel.items():
        morphs[names.index(name)] *= np.float32(factor)
    return names, morphs, travel


def named_expression(model: HeadModel, reconstruction: Reconstruction) -> dict[str, Json]:
    """The photographed expression by name, in the model's order: weight 1 is the full expression."""
    return {n: float(w) for n, w in zip(model.expression_names, reconstruction.expression, strict=True)}


def _unit_normals(vertices: Float64Array, faces: IntArray) -> Float32Array:
    normals = vertex_normals(vertices, faces)
    # A vertex of no area has no normal, and glTF wants unit length from every one.
    normals[np.linalg.norm(normals, axis=1) < 0.5] = (0.0, 0.0, 1.0)
    return np.asarray(normals, dtype=np.float32)


def _metadata(model: HeadModel, reconstruction: Reconstruction) -> dict[str, Json]:
    return {
        "facestudio": __version__,
        "head_model": {"name": model.name, "version": model.version, "sha256": model.sha256},
        "licence": model.licence,
        "scale": str(reconstruction.scale),
        "scale_note": SCALE_SENTENCE[reconstruction.scale],
        "engine": reconstruction.engine,
        "identity": [float(x) for x in reconstruction.identity],
        "expression": named_expression(model, reconstruction),
    }


def split_seams(scene: HeadScene) -> SplitMesh:
    """The head with one texture coordinate per vertex (see `head.seams`)."""
    return split_mesh(len(scene.vertices), scene.faces, scene.uv, scene.uv_faces)
