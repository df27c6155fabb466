"""What a result is worth, in sentences an operator understands. Every number in them was measured on this head."""

from __future__ import annotations

import re

import numpy as np

from facestudio.export.head_json import provenance_shares, views_seen_shares
from facestudio.head.model import HeadModel
from facestudio.types import ByteArray, Reconstruction, Texture

_NOTABLE_WEIGHT = 0.15
_MOST_NAMED = 4


def fit_sentences(reconstruction: Reconstruction) -> list[str]:
    """How closely the head follows the photos, beside the average head, and which photo it follows worst."""
    if reconstruction.sigma is not None:
        half = 1000.0 * float(np.median(reconstruction.sigma))
        matched = "The photos were matched point by point, far more closely than landmarks allow."
        return [matched, f"Half of the head's surface is known to ±{half:.1f} mm or better (one standard deviation)."]
    distances = {str(q.name): q.reprojection_px for q in reconstruction.quality if np.isfinite(q.reprojection_px)}
    if not distances:
        return ["How well the head explains the photos was not measured."]
    typical = float(np.mean(list(distances.values())))  # the mean over photos, as for the average head's number
    one, more = (
        f"The head explains the photo to within {typical:.1f} px.",
        f"The head explains the photos to within {typical:.1f} px.",
    )
    sentences = [one if len(distances) == 1 else more]
    baseline = reconstruction.mean_head_reprojection_px
    if baseline is not None and typical < baseline:
        sentences.append(
            f"An average head comes to within {baseline:.1f} px: this one fits {1 - typical / baseline:.0%} closer."
        )
    elif baseline is not None:
        sentences.append(f"An average head does as well ({baseline:.1f} px): take this head's shape as a guess.")
    if len(distances) > 1:
        worst = max(distances, key=lambda name: distances[name])
        sentences.append(f"It follows the {worst} photo least closely: {distances[worst]:.1f} px.")
    if distinct_photos(reconstruction) == 1:
        sentences.append("One photo shows no depth: how far nose, chin and ears stand out is a guess from other heads.")
    return sentences


def left_out_told(reconstruction: Reconstruction) -> bool:
    """Whether `held_out_px` speaks of this head: it was asked of the landmark fit, not of what dense matching or deep SfM made of it."""
    return reconstruction.engine == "fit" and any(q.held_out_px is not None for q in reconstruction.quality)


def average_told(reconstruction: Reconstruction) -> bool:
    """Whether the average head's landmark distance is a fair neighbour: a matched head rests on more than landmarks and obeys them less."""
    return reconstruction.sigma is None and reconstruction.mean_head_reprojection_px is not None


def distinct_photos(reconstruction: Reconstruction) -> int:
    """How many different pictures there were: the same one may stand for several views."""
    pictures: list[ByteArray] = []
    for view in reconstruction.views:
        if not any(np.array_equal(view.image.pixels, p) for p in pictures):
            pictures.append(view.image.pixels)
    return len(pictures)


def texture_sentence(texture: Texture) -> str:
    """How much of the head was photographed."""
    seen = views_seen_shares(texture)
    measured = f"{provenance_shares(texture)['measured']:.0%}"
    if texture.views_seen.max(initial=0) < 2:
        return f"{measured} of its colour was photographed; the rest is mirrored or inferred."
    twice = f"{seen[2] + seen[3]:.0%}"
    return f"{measured} of its colour was photographed; {twice} of its surface is seen by two photos or more."


def expression_sentence(model: HeadModel, reconstruction: Reconstruction) -> str:
    """Which expression the photos show and the exported head does not, or "" when there is hardly any."""
    weights = [(abs(float(w)), n) for n, w in zip(model.expression_names, reconstruction.expression, strict=True)]
    strongest = [_in_words(n) for w, n in sorted(weights, reverse=True) if w >= _NOTABLE_WEIGHT][:_MOST_NAMED]
    if not strongest:
        return ""
    names = ", ".join(strongest)
    if distinct_photos(reconstruction) == 1:
        return f"The photo shows an expression ({names}); the exported head is neutral, and its weights are in the JSON file."
    return f"The photos show an expression ({names}); the exported head is neutral, and its weights are in the JSON file."


def _in_words(name: str) -> str:
    """jawOpen -> jaw open."""
    return re.sub(r"(?<=[a-z])(?=[A-Z])", " ", name).lower()
