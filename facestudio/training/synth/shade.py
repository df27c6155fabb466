"""From what each ray sees to a linear picture: one fused loop over the rays that looks up, lights and averages.

Skin: Lambert under the sky's harmonics and a key that reaches round its terminator further in red than in blue (a cheap stand-in for
scattering below the surface), a broad gloss (Blinn-Phong) and a sheen at grazing angles. Hair: Kajiya and Kay 1989 with strands
that hang. Shadows: percentage-closer filtering (Reeves et al. 1987) of a map drawn from the key.
"""

from __future__ import annotations

from typing import NamedTuple

import numba
import numpy as np

from facestudio.training.synth.layers import hashed
from facestudio.types import ByteArray, Float32Array, IntArray

# What a face is made of.
SKIN, EYE, TEETH, TONGUE, MOUTH, SOCKET, HAIR, CLOTH, FRAME, THING = range(10)
# Places in Look.values.
GLOSS, SHARP, CONTRAST, BEARD, LIPS, IRIS_EDGE, PUPIL, PATTERN, PATTERN_SIZE, FOLDS, HAIR_SHINE, BLOTCH, GLINT, VALUES = range(
    14
)
# Rows of Look.colours.
TONE, HAIR_COLOUR, BROW_COLOUR, IRIS, SCLERA, CLOTH_A, CLOTH_B, FRAME_COLOUR, THING_COLOUR, LIP_COLOUR, SCALP, COLOURS = range(
    12
)


class Surface(NamedTuple):
    """All meshes of a subject as one. mask (V, 4): hair's roots or bare chest; beard; blush; lips. layer (F,) uint8: made of what."""

    vertices: Float32Array
    normals: Float32Array
    open_sky: Float32Array  # (V,) how much of the sky it sees, 0..1
    mask: Float32Array
    faces: IntArray
    uv: Float32Array
    uv_faces: IntArray
    layer: ByteArray


class Lamp(NamedTuple):
    """The light as the loop takes it. shadow (D, D): nearness to the key, 0 none; to_map (3, 4): head frame to its x, y, depth."""

    sky: Float32Array  # (9, 3)
    key: Float32Array  # (3,)
    key_colour: Float32Array  # (3,)
    shadow: Float32Array
    to_map: Float32Array
    spread: float  # radius of the filter, texels


class Veils(NamedTuple):
    """What gets through brows, lashes and lenses at each ray: (H, W) float32, 1 everything."""

    brow: Float32Array
    lash: Float32Array
    lens: Float32Array


_SPIRAL = 2.399963 * np.arange(16)
_TAPS = np.sqrt((np.arange(16) + 0.5) / 16.0)[:, None] * np.stack([np.cos(_SPIRAL), np.sin(_SPIRAL)], 1)


@numba.njit(cache=True, nogil=True, inline="always")
def _smooth(low: float, high: float, x: float) -> float:
    t = min(max((x - low) / (high - low), 0.0), 1.0)
    return t * t * (3.0 - 2.0 * t)


@numba.njit(cache=True, nogil=True, inline="always")
def _noise(x: float, y: float, k: int) -> float:
    """Smooth value noise in [0, 1)."""
    ix, iy = int(np.floor(x)), int(np.floor(y))
    fx, fy = x - ix, y - iy
    fx, fy = fx * fx * (3 - 2 * fx), fy * fy * (3 - 2 * fy)
    upper = hashed(ix, iy, k) * (1 - fx) + hashed(ix + 1, iy, k) * fx
    lower = hashed(ix, iy + 1, k) * (1 - fx) + hashed(ix + 1, iy + 1, k) * fx
    return upper * (1 - fy) + lower * fy


@numba.njit(cache=True, nogil=True, inline="always")
def _lit(lamp: Lamp, px: float, py: float, pz: float, x: int, y: int) -> float:
    """The share of the key's light that arrives at a point."""
    m = lamp.to_map
    sx = m[0, 0] * px + m[0, 1] * py + m[0, 2] * pz + m[0, 3]
    sy = m[1, 0] * px + m[1, 1] * py + m[1, 2] * pz + m[1, 3]
    depth = m[2, 0] * px + m[2, 1] * py + m[2, 2] * pz + m[2, 3]
    size = lamp.shadow.shape[0]
    # Sixteen places on a spiral, shared by the four rays of a pixel and turned from pixel to pixel.
    turn = 6.2831853 * hashed(x // 2, y // 2, 91)
    c, s = np.cos(turn), np.sin(turn)
    first, count = (x & 1) + 2 * (y & 1), 0
    for tap in range(4):
        ax, ay = _TAPS[4 * tap + first, 0] * lamp.spread, _TAPS[4 * tap + first, 1] * lamp.spread
        tx, ty = int(sx + c * ax - s * ay + 0.5), int(sy + s * ax + c * ay + 0.5)
        if tx < 0 or ty < 0 or tx >= size or ty >= size:
            count += 1
            continue
        near = lamp.shadow[ty, tx]
        # The further from the middle, the more a slope of the surface itself would shade it.
        if near <= 0.0 or 1.0 / near > depth - 0.003 - 0.0009 * (abs(ax) + abs(ay)):
            count += 1
    return count / 4.0


@numba.njit(cache=True, nogil=True, fastmath=True)
def shade(
    surface: Surface,
    lamp: Lamp,
    veils: Veils,
    face: IntArray,
    bary: Float32Array,
    skin: ByteArray,
    hair: ByteArray,
    colours: Float32Array,
    values: Float32Array,
    eye: Float32Array,
    background: Float32Array,
    picture: Float32Array,
) -> None:
    """Lay the subject over its background (S, S, 3) float32, linear, into the picture, which starts as a copy of it.

    face, bary: what (2S, 2S) rays see, four to a pixel.
    skin (H, W, 3) uint8: ratio; hair (H, W, 2) uint8. colours (COLOURS, 3), values (VALUES,): see the names above. eye (3,): the
    camera's centre, head frame.
    """
    size = picture.shape[0]
    albedo, out, back = np.zeros(3), np.zeros(3), np.zeros(3)
    wrap = np.array([0.28, 0.12, 0.07])
    basis = np.zeros(9)
    sh, sw = skin.shape[0], skin.shape[1]
    hh, hw = hair.shape[0], hair.shape[1]
    for yy in range(2 * size):
        for xx in range(2 * size):
            f = face[yy, xx]
            brow, lash, lens = veils.brow[yy, xx], veils.lash[yy, xx], veils.lens[yy, xx]
            if f < 0 and brow >= 1.0 and lash >= 1.0 and lens >= 1.0:
                continue
            for c in range(3):
                back[c] = background[yy // 2, xx // 2, c]
                out[c] = 0.0
            kind = -1
            lit, open_sky, towards = 1.0, 1.0, 0.3
            nx, ny, nz = 0.0, 0.0, 1.0
            if f >= 0:
                kind = int(surface.layer[f])
                i, j, k = surface.faces[f, 0], surface.faces[f, 1], surface.faces[f, 2]
                b0, b1, b2 = bary[yy, xx, 0], bary[yy, xx, 1], bary[yy, xx, 2]
                V, N = surface.vertices, surface.normals
                px = b0 * V[i, 0] + b1 * V[j, 0] + b2 * V[k, 0]
                py = b0 * V[i, 1] + b1 * V[j, 1] + b2 * V[k, 1]
                pz = b0 * V[i, 2] + b1 * V[j, 2] + b2 * V[k, 2]
                nx = b0 * N[i, 0] + b1 * N[j, 0] + b2 * N[k, 0]
                ny = b0 * N[i, 1] + b1 * N[j, 1] + b2 * N[k, 1]
                nz = b0 * N[i, 2] + b1 * N[j, 2] + b2 * N[k, 2]
                open_sky = b0 * surface.open_sky[i] + b1 * surface.open_sky[j] + b2 * surface.open_sky[k]
                m0 = b0 * surface.mask[i, 0] + b1 * surface.mask[j, 0] + b2 * surface.mask[k, 0]
                t0, t1, t2 = surface.uv_faces[f, 0], surface.uv_faces[f, 1], surface.uv_faces[f, 2]
                u = b0 * surface.uv[t0, 0] + b1 * surface.uv[t1, 0] + b2 * surface.uv[t2, 0]
                v = b0 * surface.uv[t0, 1] + b1 * surface.uv[t1, 1] + b2 * surface.uv[t2, 1]
                ex, ey, ez = eye[0] - px, eye[1] - py, eye[2] - pz
                length = 1.0 / np.sqrt(ex * ex + ey * ey + ez * ez)
                ex, ey, ez = ex * length, ey * length, ez * length
                if kind == CLOTH:  # folds
                    a = values[FOLDS]
                    nx += a * (_noise(px * 30.0, py * 14.0 + pz * 9.0, 5) - 0.5)
                    ny += 0.6 * a * (_noise(px * 23.0 + 7.0, py * 26.0, 6) - 0.5)
                length = 1.0 / max(np.sqrt(nx * nx + ny * ny + nz * nz), 1e-9)
                nx, ny, nz = nx * length, ny * length, nz * length
                facing = nx * ex + ny * ey + nz * ez
                if facing < 0.0 and (kind in (HAIR, FRAME, CLOTH, THING)):
                    nx, ny, nz, facing = -nx, -ny, -nz, -facing
                gloss, sharp = 0.0, 20.0
                # ---- what it is made of
                if kind == SKIN:
                    x, y = u * sw - 0.5, (1.0 - v) * sh - 0.5
                    tx, ty = min(max(int(x), 0), sw - 2), min(max(int(y), 0), sh - 2)
                    fx, fy = min(max(x - tx, 0.0), 1.0), min(max(y - ty, 0.0), 1.0)
                    beard = b0 * surface.mask[i, 1] + b1 * surface.mask[j, 1] + b2 * surface.mask[k, 1]
                    blush = b0 * surface.mask[i, 2] + b1 * surface.mask[j, 2] + b2 * surface.mask[k, 2]
                    lips = b0 * surface.mask[i, 3] + b1 * surface.mask[j, 3] + b2 * surface.mask[k, 3]
                    spots = (_noise(u * 60.0, v * 60.0, 3) - 0.5) * values[BLOTCH]
                    fine = hashed(int(u * 900.0), int(v * 900.0), 17)
                    stubble = min(beard * values[BEARD] * (0.55 + 0.75 * fine), 0.93)
                    roots = min(max(m0 * (0.8 + 0.4 * fine), 0.0), 1.0)
                    for c in range(3):
                        upper = skin[ty, tx, c] * (1 - fx) + skin[ty, tx + 1, c] * fx
                        lower = skin[ty + 1, tx, c] * (1 - fx) + skin[ty + 1, tx + 1, c] * fx
                        ratio = (upper * (1 - fy) + lower * fy) / 64.0
                        ratio = max(1.0 + values[CONTRAST] * (ratio - 1.0), 0.05)
                        red = 1.0 + (blush * 0.16 + spots) * (0.4 if c == 0 else -1.0)
                        value = colours[TONE, c] * ratio * red
                        paint = lips * values[LIPS]
                        value = value * (1.0 - paint) + colours[LIP_COLOUR, c] * (0.4 + 0.6 * ratio) * paint
                        value = value * (1.0 - stubble) + colours[BROW_COLOUR, c] * stubble
                        albedo[c] = value * (1.0 - roots) + colours[SCALP, c] * roots
                    gloss = values[GLOSS] * (0.55 + 0.9 * fine) * (1.0 - 0.8 * roots) * (1.0 + 1.2 * lips)
                    sharp = values[SHARP] * (1.0 + lips)
                elif kind == EYE:
                    r = np.sqrt(u * u + v * v)
                    edge = values[IRIS_EDGE]
                    white = _smooth(edge * 0.93, edge * 1.04, r)
                    hole = _smooth(values[PUPIL] * 0.9, values[PUPIL] * 1.12, r)
                    spokes = 0.65 + 0.7 * _noise(np.arctan2(v, u) * 9.0 + 40.0, r * 3.0, 8)
                    rim = 1.0 - 0.65 * _smooth(edge * 0.72, edge * 0.98, r)
                    pink = _smooth(1.3, 3.0, r)
                    for c in range(3):
                        ball = colours[SCLERA, c] * (1.0 - pink * (0.06, 0.3, 0.34)[c])
                        inner = colours[IRIS, c] * spokes * rim * hole + 0.003
                        albedo[c] = inner * (1.0 - white) + ball * white
                    open_sky = 0.2 + 0.75 * open_sky
                elif kind == TEETH:
                    albedo[0], albedo[1], albedo[2] = 0.62, 0.57, 0.47
                    open_sky, gloss, sharp = max(open_sky, 0.4), 0.12, 40.0
                elif kind == TONGUE:
                    albedo[0], albedo[1], albedo[2] = 0.36, 0.13, 0.12
                    open_sky = max(open_sky, 0.25)
                elif kind == MOUTH:
                    albedo[0], albedo[1], albedo[2] = 0.20, 0.055, 0.05
                    open_sky = max(open_sky, 0.12)
                elif kind == SOCKET:
                    for c in range(3):
                        albedo[c] = colours[TONE, c] * (1.0, 0.72, 0.7)[c]
                    open_sky = max(open_sky, 0.3)
                elif kind == HAIR:
                    tx, ty = min(max(int(u * hw), 0), hw - 1), min(max(int((1.0 - v) * hh), 0), hh - 1)
                    tone = 0.3 + 0.7 * hair[ty, tx, 0] / 64.0
                    for c in range(3):
                        albedo[c] = colours[HAIR_COLOUR, c] * tone
                elif kind == CLOTH:
                    s = values[PATTERN_SIZE]
                    mix = 0.0
                    if values[PATTERN] == 1.0:
                        mix = 1.0 if np.sin(py * s) > 0.2 else 0.0
                    elif values[PATTERN] == 2.0:
                        mix = 0.5 * (np.sin(px * s) > 0.3) + 0.5 * (np.sin(py * s) > 0.3)
                    elif values[PATTERN] == 3.0:
                        mix = _smooth(0.5, 0.6, _noise(px * s * 0.3, (py + pz) * s * 0.3, 9))
                    weave = 0.9 + 0.2 * hashed(int(px * 1500.0 + 4000.0), int(py * 1500.0 + 4000.0), 4)
                    bare = _smooth(0.45, 0.55, m0)
                    for c in range(3):
                        cloth = (colours[CLOTH_A, c] * (1 - mix) + colours[CLOTH_B, c] * mix) * weave
                        albedo[c] = cloth * (1.0 - bare) + colours[TONE, c] * bare
                elif kind == FRAME:
                    for c in range(3):
                        albedo[c] = colours[FRAME_COLOUR, c]
                    gloss, sharp = 0.5, 60.0
                else:
                    for c in range(3):
                        albedo[c] = colours[THING_COLOUR, c]
                # ---- the light that reaches it
                towards = nx * lamp.key[0] + ny * lamp.key[1] + nz * lamp.key[2]
                if towards > -0.3:
                    lit = _lit(lamp, px + 0.002 * nx, py + 0.002 * ny, pz + 0.002 * nz, xx, yy)
                else:
                    lit = 0.0
                basis[0] = 0.282095
                basis[1], basis[2], basis[3] = 0.488603 * ny, 0.488603 * nz, 0.488603 * nx
                basis[4], basis[5], basis[7] = 1.092548 * nx * ny, 1.092548 * ny * nz, 1.092548 * nx * nz
                basis[6], basis[8] = 0.315392 * (3.0 * nz * nz - 1.0), 0.546274 * (nx * nx - ny * ny)
                hx, hy, hz = lamp.key[0] + ex, lamp.key[1] + ey, lamp.key[2] + ez
                length = 1.0 / max(np.sqrt(hx * hx + hy * hy + hz * hz), 1e-6)
                hx, hy, hz = hx * length, hy * length, hz * length
                mirror = max(nx * hx + ny * hy + nz * hz, 0.0)
                spec = 0.0
                if gloss > 0.0:
                    spec = gloss * (sharp + 8.0) / 25.13 * mirror**sharp * lit * max(towards, 0.0) * 0.35
                if kind == HAIR:
                    # Strands hang: the tangent is down, within the surface.
                    tx_, ty_, tz_ = -ny * nx, 1.0 - ny * ny, -ny * nz
                    length = 1.0 / max(np.sqrt(tx_ * tx_ + ty_ * ty_ + tz_ * tz_), 1e-3)
                    along = (tx_ * hx + ty_ * hy + tz_ * hz) * length
                    spec = values[HAIR_SHINE] * lit * max(towards + 0.2, 0.0) * max(1.0 - along * along, 0.0) ** 20.0 * tone
                fresnel = (1.0 - max(facing, 0.0)) ** 4
                for c in range(3):
                    sky = 0.0
                    for b in range(9):
                        sky += lamp.sky[b, c] * basis[b]
                    sky = max(sky, 0.02) * open_sky
                    w = wrap[c] if kind in (SKIN, HAIR) else 0.05
                    diffuse = max((towards + w) / (1.0 + w), 0.0) * (lit if kind != SKIN else lit ** (1.0 - 2.0 * w))
                    out[c] = albedo[c] * (sky + lamp.key_colour[c] * diffuse) + lamp.key_colour[c] * spec
                    if kind in (SKIN, CLOTH):
                        out[c] += 0.07 * fresnel * sky * (2.5 * values[GLOSS] if kind == SKIN else 0.5)
                    elif kind == HAIR:
                        out[c] += 0.03 * values[HAIR_SHINE] * sky * tone
                if kind == EYE:  # the cornea mirrors the key and, weaker, what is above
                    d = 2.0 * facing
                    rx, ry, rz = d * nx - ex, d * ny - ey, d * nz - ez
                    glare = _smooth(0.985, 0.996, rx * lamp.key[0] + ry * lamp.key[1] + rz * lamp.key[2]) * (0.4 + 0.6 * lit)
                    window = _smooth(0.93, 0.97, 0.42 * rx + 0.60 * ry + 0.68 * rz)
                    for c in range(3):
                        out[c] += (
                            glare * (0.2 + 0.6 * lamp.key_colour[c]) + window * 0.05 * lamp.sky[0, c] + 0.006 * lamp.sky[0, c]
                        )
            else:
                for c in range(3):
                    out[c] = back[c]
            # ---- brows, lashes, lenses in front of it
            if kind != HAIR and kind != FRAME and kind != THING and kind != CLOTH and (brow < 1.0 or lash < 1.0):
                for c in range(3):
                    ambient = 0.28 * lamp.sky[0, c] * open_sky + 0.6 * lamp.key_colour[c] * lit * max(towards, 0.1)
                    out[c] = out[c] * brow + (1.0 - brow) * colours[BROW_COLOUR, c] * ambient
                    out[c] = out[c] * lash + (1.0 - lash) * 0.012 * ambient
            if lens < 1.0 and kind != HAIR and kind != THING:
                for c in range(3):
                    out[c] = out[c] * (2.0 * lens - 1.0) + (1.0 - lens) * values[GLINT] * (
                        0.3 * lamp.sky[0, c] + lamp.key_colour[c]
                    )
            for c in range(3):
                picture[yy // 2, xx // 2, c] += 0.25 * (out[c] - back[c])
