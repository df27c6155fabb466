"""NAME_open_in_blender.py: what Blender has to do after importing the .glb, and the photos as its camera backgrounds.

The script itself is `resources/blender/open_in_blender.py`; here its facts are gathered and put into it. Cameras in Blender have one
focal length, square pixels and no lens distortion, so the photos are redrawn as such a camera would have taken them.
"""

from __future__ import annotations

import json
from dataclasses import dataclass

import cv2
import numpy as np

from facestudio.errors import FaceStudioError
from facestudio.export.scene import HeadScene, Json, SceneCamera, split_seams
from facestudio.geometry.rotations import exp_so3
from facestudio.head.model import EYES, HeadModel
from facestudio.paths import resources_dir
from facestudio.types import ByteArray, Camera, Float64Array, Reconstruction

SCRIPT_ENDING = "_open_in_blender.py"
PCA_RANGE = (-3.0, 3.0)  # standard deviations: FLAME's expression components have no natural end
_PLACE = '"@@FACTS@@"'
_BLENDER_FROM_HEAD = np.array(
    [[1.0, 0.0, 0.0], [0.0, 0.0, -1.0], [0.0, 1.0, 0.0]]
)  # +Y up to +Z up, as Blender's importer does
_GL_FROM_CV = np.diag([1.0, -1.0, -1.0])


@dataclass(frozen=True)
class PlainPhoto:
    """A photo as a camera without distortion and with square pixels sees it: pixels (H, W, 3) uint8 sRGB, and that camera."""

    pixels: ByteArray
    camera: Camera
    changed: bool


def photo_file(name: str, view: str) -> str:
    """The file of a view's photo beside the script."""
    return f"{name}_{view}.jpg"


def blender_script(scene: HeadScene, model: HeadModel, reconstruction: Reconstruction) -> str:
    """The script's text. Raises FaceStudioError when FaceStudio's own files are incomplete."""
    path = resources_dir() / "blender" / "open_in_blender.py"
    try:
        template = path.read_text(encoding="utf-8")
    except OSError as error:
        raise FaceStudioError(f"FaceStudio's file {path} is missing.", "Install FaceStudio again.") from error
    facts: dict[str, Json] = {
        "name": scene.name,
        "script": f"{scene.name}{SCRIPT_ENDING}",
        "glb": f"{scene.name}.glb",
        "vertices": len(scene.vertices),
        "seam_owners": [int(i) for i in split_seams(scene).vertex_ids[len(scene.vertices) :]],
        "ranges": {name: list(slider_range(name)) for name in scene.morph_names},
        "gaze": _gaze_turns(reconstruction),
        "expression": shown_weights(scene, model, reconstruction),
        "cameras": {c.name: _camera_facts(scene.name, c) for c in scene.cameras},
    }
    # As a Python literal of a JSON text in ASCII, no name can break out of it.
    return template.replace(_PLACE, ascii(json.dumps(facts)))


def shown_weights(scene: HeadScene, model: HeadModel, reconstruction: Reconstruction) -> dict[str, Json]:
    """The sliders' values that show the photographed expression: blinks are longer or shorter than the model's (`subject_morphs`)."""
    travel = scene.metadata["lid_travel"]
    factors = {k: v for k, v in travel.items() if isinstance(v, float)} if isinstance(travel, dict) else {}
    weights = zip(model.expression_names, reconstruction.expression, strict=True)
    return {name: float(weight) / factors.get(name, 1.0) for name, weight in weights if name in scene.morph_names}


def _gaze_turns(reconstruction: Reconstruction) -> dict[str, Json]:
    """By eye bone: the nine numbers, row by row, of the turn in Blender's axes that makes the eye look as photographed."""
    turns = np.zeros((2, 3)) if reconstruction.gaze is None else reconstruction.gaze
    matrices = [_BLENDER_FROM_HEAD @ exp_so3(turn) @ _BLENDER_FROM_HEAD.T for turn in turns]
    return {name: [float(x) for x in matrix.ravel()] for name, matrix in zip(EYES, matrices, strict=True)}


def slider_range(morph: str) -> tuple[float, float]:
    """How far a slider goes: 0 to 1 for named expressions, both ways for FLAME's components."""
    return PCA_RANGE if morph.startswith("expression") and morph[10:].isdigit() else (0.0, 1.0)


def plain_camera(camera: Camera) -> Camera:
    """The camera without distortion, with one focal length for both axes (the geometric mean) and no skew."""
    focal = float(np.sqrt(camera.K[0, 0] * camera.K[1, 1]))
    K = np.array([[focal, 0.0, camera.K[0, 2]], [0.0, focal, camera.K[1, 2]], [0.0, 0.0, 1.0]])
    return Camera(K, camera.R, camera.t, camera.width, camera.height)


def plain_photo(pixels: ByteArray, camera: Camera) -> PlainPhoto:
    """The photo redrawn for `plain_camera`, or as it is when it came from such a camera."""
    plain = plain_camera(camera)
    if not np.any(camera.distortion) and np.allclose(plain.K, camera.K, atol=1e-3):
        return PlainPhoto(pixels, plain, False)
    size = (camera.width, camera.height)
    x, y = cv2.initUndistortRectifyMap(camera.K, camera.distortion, np.eye(3), plain.K, size, cv2.CV_32FC1)
    redrawn = cv2.remap(pixels, x, y, cv2.INTER_CUBIC, borderMode=cv2.BORDER_CONSTANT)
    return PlainPhoto(np.asarray(redrawn, dtype=np.uint8), plain, True)


def camera_matrix(camera: Camera) -> Float64Array:
    """(4, 4): camera to Blender's world, metres; Blender's cameras look along -z with y up, and its world has +Z up."""
    matrix = np.eye(4)
    matrix[:3, :3] = _BLENDER_FROM_HEAD @ camera.R.T @ _GL_FROM_CV
    matrix[:3, 3] = _BLENDER_FROM_HEAD @ camera.centre
    return matrix


def _camera_facts(name: str, scene_camera: SceneCamera) -> dict[str, Json]:
    camera = plain_camera(scene_camera.camera)
    width, height = camera.width, camera.height
    # Blender shifts in units of the width; pixel centres lie at integers in FaceStudio.
    shift = [((width - 1) / 2 - camera.K[0, 2]) / width, (camera.K[1, 2] - (height - 1) / 2) / width]
    return {
        "photo": photo_file(name, scene_camera.name),
        "matrix": camera_matrix(camera).tolist(),
        "focal_px": float(camera.K[0, 0]),
        "shift": [float(s) for s in shift],
        "width": width,
        "height": height,
    }
