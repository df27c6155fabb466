"""What other programs' checkers say about a head's files. Shared by a test of one head and the benchmark of all."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np
import trimesh

from facestudio.export.folder import export_head
from facestudio.export.saved import SavedHead
from facestudio.export.scene import build_scene

FORMATS = ("glb", "obj", "stl", "usd")


def write_bundle(saved: SavedHead, folder: Path) -> None:
    """The files to check, with a texture of at most 1024 so that they are quick to read."""
    albedo = saved.texture.albedo
    small = min(1024, len(albedo))
    kept = replace(
        saved.texture,
        albedo=cv2.resize(albedo, (small, small), interpolation=cv2.INTER_AREA).astype(np.uint8),
        provenance=cv2.resize(saved.texture.provenance, (small, small), interpolation=cv2.INTER_NEAREST).astype(np.uint8),
    )
    export_head(saved.model, saved.reconstruction, kept, folder, saved.name, FORMATS)


def usd_complaints(path: Path) -> list[str]:
    """What USD's own validators say."""
    from pxr import Usd, UsdValidation

    context = UsdValidation.ValidationContext(UsdValidation.ValidationRegistry().GetOrLoadAllValidators())
    return [c.GetMessage() for c in context.Validate(Usd.Stage.Open(str(path)))]


def stl_is_watertight(path: Path) -> bool:
    """By trimesh, all shells, with millimetres of a human head."""
    mesh = trimesh.load(path, force="mesh")
    assert isinstance(mesh, trimesh.Trimesh)
    return bool(mesh.is_watertight and 150.0 < float(np.ptp(mesh.vertices, axis=0).max()) < 450.0)


def obj_errors(saved: SavedHead, path: Path) -> tuple[float, float]:
    """Largest error of positions, metres, and texture coordinates per face corner, as trimesh rereads the OBJ."""
    scene = build_scene(saved.model, saved.reconstruction, saved.texture, saved.name)
    mesh = trimesh.load(path, process=False)
    assert isinstance(mesh, trimesh.Trimesh)
    assert isinstance(mesh.visual, trimesh.visual.TextureVisuals)
    corners = np.asarray(mesh.vertices)[np.asarray(mesh.faces)] - scene.vertices[scene.faces]
    uv = np.asarray(mesh.visual.uv)[np.asarray(mesh.faces)] - scene.uv[scene.uv_faces]
    return float(np.abs(corners).max()), float(np.abs(uv).max())
