"""Hair is known by the colours of this person's own hair; shadow on skin is not hair, and a bald head has none."""

from __future__ import annotations

import numpy as np

from facestudio.reconstruct.hair_mask import hair_odds, mixture
from facestudio.types import BoolArray, ByteArray

SKIN, SHADOW, HAIR = (205, 150, 125), (128, 94, 78), (96, 72, 50)  # the shadow is the skin at five eighths of the light
ROWS = {
    "scalp": np.s_[0:40],
    "fringe": np.s_[40:70],
    "forehead": np.s_[70:100],
    "shadow": np.s_[100:130],
    "cheek": np.s_[130:200],
}


def head(hair: tuple[int, int, int], grain: float = 3.0) -> ByteArray:
    """(200, 120, 3) uint8: bands of scalp, fringe, forehead, a shaded band, cheek."""
    picture = np.empty((200, 120, 3), np.float64)
    for name, rows in ROWS.items():
        picture[rows] = {"scalp": hair, "fringe": hair, "shadow": SHADOW}.get(name, SKIN)
    noise = grain * np.random.default_rng(1).standard_normal(picture.shape)
    return np.asarray(np.clip(picture + noise, 0, 255), np.uint8)


def band(name: str) -> BoolArray:
    """(200, 120) bool: one band."""
    rows = np.zeros((200, 120), bool)
    rows[ROWS[name]] = True
    return rows


NOTHING = np.zeros((200, 120), bool)


def test_a_fringe_is_hair_and_a_shadow_on_the_skin_is_not() -> None:
    odds = hair_odds(head(HAIR), band("cheek"), band("scalp"), NOTHING)
    assert odds is not None
    middle = {name: float(np.median(odds[rows])) for name, rows in ROWS.items()}
    assert middle["fringe"] > 100.0
    assert middle["forehead"] < 0.01
    assert middle["shadow"] < 0.1


def test_a_bald_head_has_no_hair() -> None:
    assert hair_odds(head(SKIN), band("cheek"), band("scalp"), NOTHING) is None


def test_nothing_is_claimed_without_skin_or_scalp() -> None:
    assert hair_odds(head(HAIR), NOTHING, band("scalp"), NOTHING) is None
    assert hair_odds(head(HAIR), band("cheek"), NOTHING, band("fringe")) is None


def test_a_single_colour_can_be_fitted_and_the_fit_repeats_itself() -> None:
    sample = np.full((500, 3), 0.5, np.float32)
    first, second = (mixture(sample)(sample[:3] + np.float32(0.1)) for _ in range(2))
    assert np.isfinite(first).all()
    assert np.array_equal(first, second)
    assert mixture(sample)(sample[:1])[0] > mixture(sample)(sample[:1] + np.float32(5.0))[0]
