"""What is written in the window can be read: WCAG 2.1 asks for a contrast of 4.5 to 1 between text and what it stands on."""

from __future__ import annotations

import re

import pytest
from PySide6.QtGui import QColor

from facestudio.app.theme import DARK, LIGHT, Tokens, style_sheet

LEAST = 4.5
THEMES = pytest.mark.parametrize("tokens", [DARK, LIGHT], ids=["dark", "light"])


def luminance(colour: str) -> float:
    """WCAG's relative luminance of #RRGGBB."""
    channels = (QColor(colour).redF(), QColor(colour).greenF(), QColor(colour).blueF())
    linear = [c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in channels]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


def contrast(one: str, other: str) -> float:
    """WCAG's contrast ratio, from 1 to 21."""
    dark, light = sorted((luminance(one), luminance(other)))
    return (light + 0.05) / (dark + 0.05)


def test_the_measure_is_wcag_s() -> None:
    assert contrast("#000000", "#FFFFFF") == pytest.approx(21.0)
    assert contrast("#777777", "#FFFFFF") == pytest.approx(4.48, abs=0.01)  # the well-known grey that just fails


@THEMES
@pytest.mark.parametrize("text", ["text", "text_dim", "accent", "ok", "warn", "bad"])
@pytest.mark.parametrize("ground", ["surface_0", "surface_1", "surface_2"])
def test_every_colour_of_text_can_be_read_on_every_surface(tokens: Tokens, text: str, ground: str) -> None:
    assert contrast(getattr(tokens, text), getattr(tokens, ground)) >= LEAST


@THEMES
def test_text_on_the_accent_can_be_read(tokens: Tokens) -> None:
    assert contrast(tokens.on_accent, tokens.accent) >= LEAST


@THEMES
def test_no_rule_of_the_style_sheet_puts_text_on_what_hides_it(tokens: Tokens) -> None:
    pairs = []
    for selector, body in re.findall(r"([^{}]+)\{([^{}]*)\}", style_sheet(tokens)):
        rule = dict(part.split(":", 1) for part in body.split(";") if ":" in part)
        rule = {name.strip(): value.strip() for name, value in rule.items()}
        ground = rule.get("background", "")
        if ground.startswith("#") and "::" not in selector and "QFrame" not in selector:
            pairs.append((selector.strip(), rule.get("color", tokens.text), ground))
    assert len(pairs) > 8
    assert not [(selector, text, ground) for selector, text, ground in pairs if contrast(text, ground) < LEAST]
