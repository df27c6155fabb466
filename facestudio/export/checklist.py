"""Is this head fit for Unreal's Mesh to MetaHuman? Epic's stated requirements for a mesh, each measured on the head that is exported.

The rules are those of Epic's page "From Mesh" (dev.epicgames.com/documentation/metahuman/from-mesh, read in November 2026): FBX or OBJ; a
texture of the skin's colour; open eyes with the whites showing and told apart from the lids; no empty sockets; light that is flat and
the same on both sides; a neutral face. The limits are ours, set where Epic states none. What is judged is what the format `metahuman`
writes: the shape with the even albedo.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import cv2
import numpy as np

from facestudio.export.even_light import even_albedo
from facestudio.export.scene import HeadScene
from facestudio.geometry.camera import screen
from facestudio.geometry.rasterize import Fragments, interpolate, rasterize
from facestudio.geometry.shading import portrait_camera
from facestudio.head.model import EYES, HeadModel
from facestudio.types import PROVENANCE_MEASURED, BoolArray, Camera, Float64Array, Texture

SOURCE = "https://dev.epicgames.com/documentation/metahuman/from-mesh"
_SKIN = ("face", "lips", "eyelids", "skin")
_LUMA = np.array([0.299, 0.587, 0.114])
_SIDE = 900  # pixels of the picture that is measured in


@dataclass(frozen=True)
class ChecklistSettings:
    """Limits.

    texture_px: width of the texture. opening_mm: height of the eye's opening. white_contrast: ratio of the whites' luma to the skin's
    round them. side_ratio: brighter half of the face over the darker one. clipped: share of the face that is burnt out or black.
    photographed: share of the face whose colour was photographed. lips_mm: how far the lips may stand apart. height_mm: of a human
    head with its neck.
    """

    texture_px: int = 1024
    opening_mm: float = 5.0
    white_contrast: float = 1.12
    side_ratio: float = 1.35
    clipped: float = 0.02
    photographed: float = 0.75
    lips_mm: float = 2.5
    height_mm: tuple[float, float] = (230.0, 400.0)


@dataclass(frozen=True)
class Check:
    """One requirement. rule: what is asked. passed: whether the head meets it. finding: what was measured, and what to do if not."""

    rule: str
    passed: bool
    finding: str


@dataclass(frozen=True)
class _Front:
    """The neutral head from the front: what each pixel sees.

    luma, photographed: (H, W) float64, 0 to 255, of the even albedo and of the texture with the photos' light.
    """

    camera: Camera
    fragments: Fragments
    luma: Float64Array
    photographed: Float64Array
    mm_per_px: float

    def shows(self, faces: BoolArray) -> BoolArray:
        """(H, W) bool: pixels on the chosen faces (F,) bool."""
        return np.asarray((self.fragments.pix_to_face >= 0) & faces[np.maximum(self.fragments.pix_to_face, 0)])


def metahuman_checklist(
    model: HeadModel, scene: HeadScene, texture: Texture, settings: ChecklistSettings | None = None
) -> tuple[Check, ...]:
    """All requirements, in the order of Epic's page. Takes a few tenths of a second."""
    config = settings or ChecklistSettings()
    front = _look(model, scene, texture)
    checks = [_texture(scene, config)]
    checks += [_openings(model, front, config), _whites(model, front, config), _sockets(model)]
    checks += [_light(model, front, config), _clipping(model, front, config), _photographed(model, front, texture, config)]
    checks += [_lips(model, scene, config), _size(scene, config)]
    return tuple(checks)


def _look(model: HeadModel, scene: HeadScene, texture: Texture) -> _Front:
    points = scene.vertices.astype(np.float64)
    camera = portrait_camera(points, _SIDE, _SIDE)
    fragments = rasterize(screen(camera, points), scene.faces, _SIDE, _SIDE)
    uv = np.asarray(interpolate(fragments, scene.uv_faces, scene.uv), dtype=np.float32)
    size = (min(texture.albedo.shape[0], 1024),) * 2
    shrunk = replace(
        texture,
        albedo=np.asarray(cv2.resize(texture.albedo, size, interpolation=cv2.INTER_AREA), dtype=np.uint8),
        provenance=np.asarray(cv2.resize(texture.provenance, size, interpolation=cv2.INTER_NEAREST), dtype=np.uint8),
    )
    x, y = uv[..., 0] * size[0] - 0.5, (1 - uv[..., 1]) * size[0] - 0.5
    lumas = [
        cv2.remap(picture, x, y, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE).astype(np.float64) @ _LUMA
        for picture in (even_albedo(model, scene, shrunk), shrunk.albedo)
    ]
    nearest = float(fragments.zbuf[fragments.zbuf > 0].min()) if (fragments.zbuf > 0).any() else 1.0
    return _Front(camera, fragments, lumas[0], lumas[1], 1000.0 * nearest / float(camera.K[1, 1]))


def _texture(scene: HeadScene, config: ChecklistSettings) -> Check:
    side = scene.albedo.shape[0]
    passed = side >= config.texture_px
    advice = "" if passed else f" Reconstruct with a texture of {config.texture_px} or more."
    return Check(
        "A mesh in OBJ or FBX with a texture of the skin", passed, f"The albedo picture is {side} pixels wide.{advice}"
    )


def _openings(model: HeadModel, front: _Front, config: ChecklistSettings) -> Check:
    heights = [float(front.shows(model.part_faces(eye)).sum(axis=0).max(initial=0)) * front.mm_per_px for eye in EYES]
    passed = min(heights) >= config.opening_mm
    advice = "" if passed else " Take the photos again with eyes wide open."
    return Check("Open eyes", passed, f"The eyes are open {heights[0]:.1f} and {heights[1]:.1f} mm.{advice}")


def _whites(model: HeadModel, front: _Front, config: ChecklistSettings) -> Check:
    eyes = front.shows(model.part_faces(*EYES))
    if not eyes.any():
        return Check("The whites of the eyes show", False, "No eyeball is seen from the front.")
    around = (
        (cv2.dilate(eyes.astype(np.uint8), np.ones((31, 31), np.uint8)) > 0) & ~eyes & front.shows(model.part_faces(*_SKIN))
    )
    white = float(np.quantile(front.luma[eyes], 0.8))
    skin = float(np.median(front.luma[around])) if around.any() else 255.0
    ratio = white / max(skin, 1.0)
    passed = ratio >= config.white_contrast
    advice = "" if passed else " Light the eyes more, or lighten the whites in the albedo picture."
    return Check("The whites of the eyes show", passed, f"They are {ratio:.2f} times as bright as the lids round them.{advice}")


def _sockets(model: HeadModel) -> Check:
    found = [eye for eye in EYES if model.part_faces(eye).any()]
    return Check("No empty sockets", len(found) == 2, f"The head has {len(found)} eyeballs, apart from the lids.")


def _light(model: HeadModel, front: _Front, config: ChecklistSettings) -> Check:
    skin = front.shows(model.part_faces("face", "skin"))
    columns = np.broadcast_to(np.arange(_SIDE), skin.shape)
    middle = float(front.camera.K[0, 2])
    sides = [skin & side for side in (columns < middle - 20, columns > middle + 20) if (skin & side).any()]

    def unlike(luma: Float64Array) -> float:
        halves = [float(np.median(luma[side])) for side in sides]
        return max(halves) / max(min(halves), 1.0) if halves else np.inf

    ratio, before = unlike(front.luma), unlike(front.photographed)
    passed = ratio <= config.side_ratio
    advice = "" if passed else " Light the face from both sides."
    return Check(
        "Even light on both sides",
        passed,
        f"In the even albedo one half of the face is {ratio:.2f} times as bright as the other; in the photos {before:.2f} times.{advice}",
    )


def _clipping(model: HeadModel, front: _Front, config: ChecklistSettings) -> Check:
    luma = front.photographed[front.shows(model.part_faces("face", "skin"))]
    share = float(((luma > 250) | (luma < 5)).mean()) if luma.size else 1.0
    passed = share <= config.clipped
    advice = "" if passed else " Lower the exposure or soften the light."
    return Check("No burnt-out highlights or black shadows", passed, f"{share:.1%} of the face is.{advice}")


def _photographed(model: HeadModel, front: _Front, texture: Texture, config: ChecklistSettings) -> Check:
    skin = front.shows(model.part_faces(*_SKIN))
    uv = np.asarray(interpolate(front.fragments, model.uv_faces, model.uv), dtype=np.float64)[skin]
    side = texture.provenance.shape[0]
    column = np.clip((uv[:, 0] * side).astype(int), 0, side - 1)
    row = np.clip(((1.0 - uv[:, 1]) * side).astype(int), 0, side - 1)
    share = float((texture.provenance[row, column] == PROVENANCE_MEASURED).mean()) if len(uv) else 0.0
    passed = share >= config.photographed
    advice = "" if passed else " Keep hair off the face, and let all photos show it."
    return Check("A face that was seen", passed, f"{share:.0%} of the face was photographed.{advice}")


def _lips(model: HeadModel, scene: HeadScene, config: ChecklistSettings) -> Check:
    rule = "A neutral face with closed lips"
    embedding = model.embeddings.get("ibug68")
    row = {} if embedding is None else {int(i): k for k, i in enumerate(embedding.ids)}
    if embedding is None or not {62, 66} <= set(row):
        return Check(rule, True, "The exported head is neutral.")
    points = np.einsum("nk,nkx->nx", embedding.bary, scene.vertices[scene.faces[embedding.faces]])
    gap = 1000.0 * float(np.linalg.norm(points[row[62]] - points[row[66]]))
    passed = gap <= config.lips_mm
    advice = "" if passed else " Take the photos again with closed lips."
    return Check(rule, passed, f"The exported head is neutral; its lips are {gap:.1f} mm apart in the middle.{advice}")


def _size(scene: HeadScene, config: ChecklistSettings) -> Check:
    height = 1000.0 * float(np.ptp(scene.vertices[:, 1]))
    passed = config.height_mm[0] <= height <= config.height_mm[1]
    return Check("Human size", passed, f"Head and neck are {height:.0f} mm tall.{'' if passed else ' Calibrate the cameras.'}")
