"""Our own icons: line drawings of resources/icons, tinted with the theme's colours when they are loaded."""

from __future__ import annotations

from functools import lru_cache
from pathlib import Path

from PySide6.QtCore import QByteArray, QRectF, QSize, Qt
from PySide6.QtGui import QIcon, QPainter, QPixmap
from PySide6.QtSvg import QSvgRenderer
from PySide6.QtWidgets import QApplication

from facestudio.app.theme import Tokens, tokens
from facestudio.paths import resources_dir

SIZES = (16, 20, 24)  # those that buttons ask for; larger ones are scaled, or drawn by `pixmap`


def icons_dir() -> Path:
    """The folder of our drawings."""
    return resources_dir() / "icons"


def icon(name: str, colour: str = "") -> QIcon:
    """An icon by file name without .svg: text_dim in rest, text when active, accent when checked; or one colour (#RRGGBB) throughout.

    Ask again when the theme changes. Raises FileNotFoundError for a name we have not drawn.
    """
    return _icon(name, colour, tokens(), _ratio())


def pixmap(name: str, size: int = 20, colour: str = "") -> QPixmap:
    """An icon as a picture of size × size device-independent pixels."""
    return _draw(name, size, colour or tokens().text, _ratio())


def _ratio() -> float:
    app = QApplication.instance()
    return app.devicePixelRatio() if isinstance(app, QApplication) else 1.0


@lru_cache(maxsize=256)
def _icon(name: str, colour: str, theme: Tokens, ratio: float) -> QIcon:
    result = QIcon()
    for size in SIZES:
        rest = _draw(name, size, colour or theme.text_dim, ratio)
        result.addPixmap(rest, QIcon.Mode.Normal, QIcon.State.Off)
        result.addPixmap(_draw(name, size, colour or theme.text, ratio), QIcon.Mode.Active, QIcon.State.Off)
        result.addPixmap(_draw(name, size, colour or theme.accent, ratio), QIcon.Mode.Normal, QIcon.State.On)
        result.addPixmap(_draw(name, size, theme.line, ratio), QIcon.Mode.Disabled, QIcon.State.Off)
    return result


@lru_cache(maxsize=64)
def _source(name: str) -> str:
    return (icons_dir() / f"{name}.svg").read_text(encoding="utf-8")


def _draw(name: str, size: int, colour: str, ratio: float) -> QPixmap:
    renderer = QSvgRenderer(QByteArray(_source(name).replace("currentColor", colour).encode()))
    picture = QPixmap(QSize(round(size * ratio), round(size * ratio)))
    picture.setDevicePixelRatio(ratio)
    picture.fill(Qt.GlobalColor.transparent)
    painter = QPainter(picture)
    painter.setRenderHint(QPainter.RenderHint.Antialiasing)
    renderer.render(painter, QRectF(0, 0, size, size))
    painter.end()
    return picture
