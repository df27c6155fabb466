"""Our drawings: each can be drawn, and is a drawing."""

from __future__ import annotations

import pytest
from PySide6.QtWidgets import QApplication

from facestudio.app.icons import icon, icons_dir, pixmap

NAMES = sorted(path.stem for path in icons_dir().glob("*.svg"))
pytestmark = pytest.mark.gui


@pytest.mark.parametrize("name", NAMES)
def test_an_icon_draws_something_in_the_colour_asked_for(qapp: QApplication, name: str) -> None:
    image = pixmap(name, 24, "#FF0000").toImage()
    seen = [image.pixelColor(x, y) for x in range(image.width()) for y in range(image.height())]
    inked = [colour for colour in seen if colour.alpha() > 200]
    assert 12 < len(inked) < 400
    assert all(colour.red() > 200 and colour.green() < 30 for colour in inked)


def test_an_icon_we_have_not_drawn_is_said(qapp: QApplication) -> None:
    with pytest.raises(FileNotFoundError):
        icon("no such drawing")
