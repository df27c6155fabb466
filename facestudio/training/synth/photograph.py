"""One photograph of a dressed subject by one webcam, with everything known about it."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from facestudio.geometry import harmonics
from facestudio.geometry.camera import scaled, screen
from facestudio.head.dense import dense_ids
from facestudio.head.landmarks import embedding, on_surface
from facestudio.landmarks.crop import Crop
from facestudio.training.synth import shade
from facestudio.training.synth.backdrop import backdrop
from facestudio.training.synth.dress import Dressed, Wearer
from facestudio.training.synth.layers import Buffers, draw, veil
from facestudio.training.synth.lens import Sensor, expose
from facestudio.training.synth.lights import Light
from facestudio.training.synth.openness import NOTHING, depth_map, view_from
from facestudio.training.synth.people import Person
from facestudio.training.synth.shade import Lamp, Veils
from facestudio.types import BoolArray, ByteArray, Camera, Float32Array, Float64Array

_SHADOW_SIZE = 288
_LENS = np.full((4, 4, 2), 255, np.uint8)
_LENS_UV = np.zeros((1, 2), np.float32)
_MARGIN_M = 0.004  # how far behind the nearest surface a landmark still counts as on it


@dataclass(frozen=True)
class Photograph:
    """jpeg: bytes (n,) uint8; picture (S, S, 3) uint8 RGB before its JPEG. camera: the crop's. landmarks (L, 2) float32 crop pixels.

    visible (L,): the head's own surface does not hide it and it lies inside the picture. covered (L,): hair, glasses, clothes or
    something held hides it (it may still be `visible` so). light (27,): SH coefficients, the webcam's gains included.
    """

    jpeg: ByteArray
    picture: ByteArray
    camera: Camera
    landmarks: Float32Array
    visible: BoolArray
    covered: BoolArray
    light: Float32Array


def lamp_for(dressed: Dressed, wearer: Wearer, person: Person, light: Light) -> Lamp:
    """Draw the key's shadow map for a subject."""
    surface = dressed.surface
    points = surface.vertices.astype(np.float64)
    # What matters is the head and what is near it; the torso's hem may fall off the map, where all is lit.
    around = points[: dressed.head]
    to_map = view_from(light.key, np.vstack([around - 0.06, around + 0.06]), _SHADOW_SIZE)
    cut = None
    if person.hair >= 0:
        cut = (*dressed.hair_faces, surface.uv, surface.uv_faces, wearer.closet.hair[person.hair])
    near = depth_map(to_map, points, surface.faces, _SHADOW_SIZE, cut)
    texel = 1.0 / np.linalg.norm(to_map[0, :3])
    f32 = np.float32
    return Lamp(
        light.sky.astype(f32),
        light.key.astype(f32),
        light.key_colour.astype(f32),
        near,
        to_map.astype(f32),
        float(light.softness / texel),
    )


def auto_exposure(light: Light, person: Person) -> float:
    """The gain with which a webcam would show this face at a usual lightness: brighter faces get less, but not in proportion."""
    front = np.array([[0.0, 0.0, 1.0], [0.5, 0.3, 0.81], [-0.5, 0.3, 0.81]])
    level = float(harmonics.shade(front, light.coefficients()).mean())
    albedo = float(person.colours[shade.TONE] @ [0.3, 0.59, 0.11])
    return float(0.30 / max(level, 0.05) / (albedo**0.55 * 0.30**0.45))


def photograph(
    wearer: Wearer,
    dressed: Dressed,
    person: Person,
    lamp: Lamp,
    light: Light,
    frame: Camera,
    crop: Crop,
    sensor: Sensor,
    rng: np.random.Generator,
    room: Float32Array | None = None,
) -> Photograph:
    """Render the crop of a webcam's frame and photograph it. Deterministic by rng.

    room: (S, S, 3) float32, what stands behind, in light as the sensor gets it; None draws one.
    """
    size, surface = crop.size, dressed.surface
    camera = crop.camera(frame)
    rays = scaled(camera, 2.0)  # twice as many per axis, the pixel's centre in the middle of its four
    buffers, veils, head_near = trace(wearer, dressed, person, rays)
    if room is None:
        room = backdrop(size, rng) * np.float32(rng.uniform(0.5, 1.1))
    background = room / np.float32(sensor.gain.mean())
    picture = background.copy()
    hair = wearer.closet.hair[person.hair].texture if person.hair >= 0 else _LENS
    skin = wearer.closet.skins[person.skin].ratio
    eye = camera.centre.astype(np.float32)
    shade.shade(
        surface, lamp, veils, buffers.face, buffers.bary, skin, hair, person.colours, person.values, eye, background, picture
    )
    top = crop.to_picture(np.zeros(2))
    step = np.arange(size)
    inner = [np.clip(top[a] + step / crop.zoom, 0, n - 1) for a, n in ((1, frame.height), (0, frame.width))]
    rows, columns = (
        np.clip(np.rint((v - top[a]) * crop.zoom), 0, size - 1).astype(np.int64) for v, a in zip(inner, (1, 0), strict=True)
    )
    shown, jpeg = expose(picture, sensor, crop.zoom, (rows, columns), rng)
    ids = dense_ids(wearer.model)
    points = surface.vertices[ids].astype(np.float64)
    at = screen(camera, points)
    visible = _on_surface(at, head_near, size) & _facing(points, surface.normals[ids], camera)
    x, y = np.rint(at[:, :2] * 2 + 0.5).astype(int).T
    inside = (np.abs(at[:, :2] - (size - 1) / 2) <= size / 2).all(1)
    x, y = x.clip(0, 2 * size - 1), y.clip(0, 2 * size - 1)
    nearest = buffers.face[y, x]
    covered = inside & (nearest >= dressed.head_faces)
    gains = (light.coefficients() * sensor.gain).astype(np.float32)
    return Photograph(jpeg, shown, camera, at[:, :2].astype(np.float32), visible & inside, covered, gains.ravel())


def trace(wearer: Wearer, dressed: Dressed, person: Person, rays: Camera) -> tuple[Buffers, Veils, Float32Array]:
    """What each ray sees, what veils it meets, and the nearness of the bare head alone."""
    surface, size = dressed.surface, rays.width
    seen = screen(rays, surface.vertices.astype(np.float64))
    out = Buffers.blank(size)
    faces, uv, uv_faces = surface.faces, surface.uv, surface.uv_faces
    draw(seen, faces, 0, dressed.head_faces, True, uv, uv_faces, NOTHING, out.face, out.bary, out.near)
    head_near = out.near.copy()
    veils = Veils(*(np.ones((size, size), np.float32) for _ in range(3)))
    closet = wearer.closet
    for points, choice, kinds, grace, strength, through in (
        (dressed.brows, person.brows, closet.brows, 0.005, 0.92, veils.brow),
        (dressed.lashes, person.lashes, closet.lashes, 0.001, 0.8, veils.lash),
    ):
        if choice >= 0:
            worn = kinds[choice]
            uvs = worn.mesh.uv.astype(np.float32)
            veil(
                screen(rays, points), worn.mesh.faces, uvs, worn.mesh.uv_faces, worn.texture, grace, strength, out.near, through
            )
    first, last = dressed.hair_faces
    if last > first:
        cover = closet.hair[person.hair].texture
        draw(seen, faces, first, last, False, uv, uv_faces, cover, out.face, out.bary, out.near)
    draw(seen, faces, last, len(faces), False, uv, uv_faces, NOTHING, out.face, out.bary, out.near)
    if len(dressed.lens_faces):
        zero = np.zeros_like(dressed.lens_faces)
        veil(screen(rays, dressed.lens), dressed.lens_faces, _LENS_UV, zero, _LENS, 0.0, 0.08, out.near, veils.lens)
    return out, veils, head_near


def _on_surface(at: Float64Array, near: Float32Array, size: int) -> BoolArray:
    """(L,): is a point (x, y crop pixels, depth metres) on the nearest surface, at some ray next to it?"""
    x, y = np.rint(at[:, 0] * 2 + 0.5).astype(int), np.rint(at[:, 1] * 2 + 0.5).astype(int)
    good = np.zeros(len(at), bool)
    for dx in (-1, 0, 1):
        for dy in (-1, 0, 1):
            n = near[(y + dy).clip(0, 2 * size - 1), (x + dx).clip(0, 2 * size - 1)]
            good |= (n > 0) & (1.0 / np.maximum(n, 1e-6) > at[:, 2] - _MARGIN_M)
    return good


def _facing(points: Float64Array, normals: Float32Array, camera: Camera) -> BoolArray:
    away = camera.centre - points
    return np.asarray((normals * away).sum(1) > -0.05 * np.linalg.norm(away, axis=1))


def face_points(wearer: Wearer, dressed: Dressed) -> Float64Array:
    """(N, 3) metres: the points whose box a face detector would find."""
    model = wearer.model
    return on_surface(dressed.surface.vertices[: dressed.head], model.faces, embedding(model, "mediapipe478"))
