"""The head's outline against the photo's: what bounds the sides of the face, which no two photos see well enough to match.

Where the surface turns away from a camera its picture ends. Along the outward normal m of the drawn outline, the place is sought where the
photo's skin ends (`change_point`). If the outline has to move by o pixels, the surface there has to move along its normal n:

    o = m . J (B theta + w x X + d) + phi m . f,        n = J'm / |J'm|

with J = d(pixel)/d(point), f = d(pixel)/d(log focal). A point that slides along the outline, or along the line of sight, leaves the
outline where it is; so to first order the drawn point may be held fixed on the surface (Cipolla & Giblin 2000, ch. 4).

What lies outside decides what an edge is worth. Against the background it is the head's own outline. Against hair, a collar or glasses it
says only that the face reaches at least so far: they may lie in front of it. Skin against skin (the jaw before the neck) says nothing.
Hair has its own outline, and the head lies within it: a drawn outline outside the person is pushed in, never out.
"""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np

from facestudio.head.model import HeadModel
from facestudio.reconstruct.sighting import Sighting
from facestudio.reconstruct.solve import Rows, Unknowns, carry_to, projection
from facestudio.types import BoolArray, Camera, Float32Array, Float64Array, IntArray


@dataclass(frozen=True)
class ContourConfig:
    """Constants of the outline's evidence. Pixels are the photo's.

    reach_px: how far from the drawn outline the photo's is sought. margin_px: least length of either side of an edge.
    least_contrast: of the mean probability of skin (person) on the two sides, below which no edge is claimed.
    sigma_px: standard deviation of an edge. ear_sigma_m: what an ear's outline says about the head, whose ears the model knows poorly.
    skin_slack_px: skin may end so far outside the drawn outline before hair there pushes it out. person_slack_px: the outline may lie
    so far outside the person, whose mask is coarser, before it is pushed in; person_trust: what that is worth.
    stride: every so many pixels of the outline become a sample. correlation_px: so many pixels of it count as one observation.
    robust_m: a sample fades from so far off on, metres.
    """

    reach_px: int = 14
    margin_px: int = 4
    least_contrast: float = 0.45
    sigma_px: float = 1.2
    ear_sigma_m: float = 0.0015
    skin_slack_px: float = 0.5
    person_slack_px: float = 2.0
    person_trust: float = 0.5
    stride: int = 3
    correlation_px: float = 16.0
    robust_m: float = 0.002


@dataclass(frozen=True)
class Outline:
    """What one photo says about the outline of the drawn head. N samples.

    view: its index. face (N,) int32, bary (N, 3) float32: where on the mesh. points: (N, 3) float32, head frame, metres.
    outward: (N, 2) float32, unit, pixels. offset_px: (N,) float32, how far the outline has to move outward.
    sigma_m: (N,) float32, what a right offset may still be off for the head, metres. trust: (N,) float32 in [0, 1].
    """

    view: int
    face: IntArray
    bary: Float32Array
    points: Float32Array
    outward: Float32Array
    offset_px: Float32Array
    sigma_m: Float32Array
    trust: Float32Array


@dataclass(frozen=True)
class OutlineParts:
    """(F,) bool each: triangles whose outline ends skin, whose outline lies within the person, and the ears."""

    skin: BoolArray
    person: BoolArray
    ears: BoolArray


def outline_parts(model: HeadModel) -> OutlineParts:
    """The parts of a head model as this room uses them; the neck's outline ends at clothes and says nothing."""
    skin = model.part_faces("face", "skin", "ears")
    return OutlineParts(skin, skin | model.part_faces("scalp"), model.part_faces("ears"))


def outline(sighting: Sighting, view: int, parts: OutlineParts, config: ContourConfig) -> Outline:
    """Compare the outline of a drawn head with the photo's."""
    pixel, outward = _drawn_outline(sighting, config)
    face = sighting.face[pixel[:, 1], pixel[:, 0]]
    steps = np.arange(-config.reach_px, config.reach_px + 1, dtype=np.float32)
    along = pixel[:, None].astype(np.float32) + steps[None, :, None] * outward[:, None]
    skin, person = (profiles(p, along) for p in (sighting.photo.skin, sighting.photo.person))
    skin_end, clear = change_point(skin, config.margin_px)
    on_skin = parts.skin[face] & (clear > config.least_contrast)
    # Eight pixels on, the person's mask has made up its mind.
    beyond = np.minimum(skin_end.astype(int) + config.reach_px + 8, 2 * config.reach_px)
    against_background = person[np.arange(len(person)), beyond] < 0.3
    measures = on_skin & against_background
    pushes_out = on_skin & ~against_background & (skin_end > config.skin_slack_px)
    person_end, clear_person = change_point(person, config.margin_px)
    too_far = (clear_person > config.least_contrast) & (person_end < -config.person_slack_px)
    pushes_in = parts.person[face] & too_far & ~measures & ~pushes_out
    offset = np.select(
        [measures, pushes_out, pushes_in],
        [skin_end, skin_end - config.skin_slack_px, person_end + config.person_slack_px],
        0.0,
    )
    trust = np.select([measures | pushes_out, pushes_in], [np.clip(clear, 0.0, 1.0), config.person_trust], 0.0)
    keep = trust > 0.0
    pixel, face = pixel[keep], face[keep]
    return Outline(
        view,
        face,
        sighting.bary[pixel[:, 1], pixel[:, 0]],
        sighting.points[pixel[:, 1], pixel[:, 0]],
        outward[keep],
        offset[keep].astype(np.float32),
        np.where(parts.ears[face], config.ear_sigma_m, 0.0).astype(np.float32),
        trust[keep].astype(np.float32),
    )


def _drawn_outline(sighting: Sighting, config: ContourConfig) -> tuple[IntArray, Float32Array]:
    """Pixels (N, 2) int, x and y, on the border of the drawn head, and the outward normals (N, 2) float32 of that border."""
    covered = sighting.covered.astype(np.uint8)
    rings, _ = cv2.findContours(covered, cv2.RETR_EXTERNAL, cv2.CHAIN_APPROX_NONE)
    pixel = max(rings, key=len)[:: config.stride, 0]
    soft = cv2.GaussianBlur(covered.astype(np.float32), (0, 0), 3.0)
    gradient = np.stack([cv2.Sobel(soft, cv2.CV_32F, *d)[pixel[:, 1], pixel[:, 0]] for d in ((1, 0), (0, 1))], -1)
    length = np.linalg.norm(gradient, axis=1)
    height, width = covered.shape
    inside = ((pixel > config.reach_px) & (pixel < np.array([width, height]) - config.reach_px - 1)).all(1)
    use = inside & (length > 1e-3)
    return pixel[use], np.asarray(-gradient[use] / length[use, None], np.float32)


def profiles(picture: Float32Array, at: Float32Array) -> Float32Array:
    """(N, K) float32: a picture read at (N, K, 2) pixels."""
    x, y = np.ascontiguousarray(at[..., 0]), np.ascontiguousarray(at[..., 1])
    return np.asarray(cv2.remap(picture, x, y, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE), np.float32)


def change_point(probability: Float32Array, margin: int) -> tuple[Float32Array, Float32Array]:
    """Where a high probability ends along each profile, and how clear that is.

    probability: (N, 2 R + 1) float32 in [0, 1], from R pixels inside to R outside. The end maximises sum_inside (p - 1/2) -
    sum_outside (p - 1/2). Returns the end (N,) float32, pixels from the profile's middle, and the difference (N,) float32 of the mean
    probabilities over `margin` pixels on its two sides; zero where the profile shows no end within reach.
    """
    reach, rows = probability.shape[1] // 2, np.arange(len(probability))
    total = np.cumsum(probability, axis=1, dtype=np.float64)
    above = total - 0.5 * np.arange(1, probability.shape[1] + 1)
    score = 2.0 * above - above[:, -1:]
    score[:, :margin] = score[:, -margin - 1 :] = -np.inf
    end = np.argmax(score, axis=1)
    inside = (total[rows, end] - total[rows, end - margin]) / margin
    outside = (total[rows, end + margin] - total[rows, end]) / margin
    last, first = probability[rows, end], probability[rows, end + 1]
    # Between the last pixel inside and the first outside the probability falls through one half; a crisp edge lies in the middle.
    within = np.clip((last - 0.5) / np.maximum(last - first, 1e-3), 0.0, 1.0) - 0.5
    at_limit = (end == margin) | (end == 2 * reach - margin - 1)
    return (end - reach + within).astype(np.float32), np.where(at_limit, 0.0, inside - outside).astype(np.float32)


def outline_rows(
    edge: Outline, camera: Camera, faces: IntArray, vertices: int, unknowns: Unknowns, config: ContourConfig
) -> Rows:
    """Linearise one view's outline; camera, faces, vertices and unknowns as in `solve.rows`."""
    X, m = edge.points.astype(np.float64), edge.outward.astype(np.float64)
    J, by_focal = projection(camera, X)
    back: Float64Array = np.einsum("ni,nij->nj", m, J)
    rate, first = np.linalg.norm(back, axis=1), unknowns.motion.start
    along = np.zeros((len(X), unknowns.size - first), np.float32)
    along[:, unknowns.body(edge.view)] += np.concatenate([np.cross(X, back), back], 1)
    if unknowns.focal:
        along[:, unknowns.focal[edge.view] - first] += (m * by_focal).sum(1)
    sigma = np.hypot(config.sigma_px, edge.sigma_m * rate)
    measured = np.stack([edge.offset_px, np.zeros_like(edge.offset_px)], 1).astype(np.float64)
    share = min(1.0, config.stride / config.correlation_px) * edge.trust.astype(np.float64)
    return Rows(along, None, measured, rate, sigma, share, carry_to(edge, faces, vertices))
