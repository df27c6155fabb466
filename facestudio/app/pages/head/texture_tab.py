"""Where the head's colours come from."""

from __future__ import annotations

from PySide6.QtCore import Qt
from PySide6.QtGui import QPixmap
from PySide6.QtWidgets import QLabel, QWidget

from facestudio.app.pages.head.opened import OpenedHead
from facestudio.app.pages.head.photo_tile import image_of
from facestudio.app.pages.head.share_bar import Share, ShareBar
from facestudio.app.strings import mark, tr
from facestudio.app.viewer.colours import SEEN
from facestudio.app.widgets.pieces import Scrolled, emptied, section, words

_SIDE = 256
# The same family as the viewer's "seen by": light is photographed, grey is not.
_ORIGINS = {
    "measured": (mark("Photographed"), SEEN[2]),
    "mirrored": (mark("Mirrored from the other half"), SEEN[1]),
    "inferred": (mark("Inferred"), SEEN[0]),
}


class TextureTab(Scrolled):
    """The texture small, its size, and shares."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.say(tr("There is no texture yet."))

    def say(self, sentence: str) -> None:
        """One sentence in place of a texture."""
        column = emptied(self.column)
        column.addWidget(words(sentence, "dim"))
        column.addStretch(1)

    def show_head(self, opened: OpenedHead) -> None:
        """Show the texture of a finished head."""
        if opened.texture is None or opened.worth is None or opened.thumbnail is None:
            raise ValueError("a head that is being made has no texture yet")
        worth = opened.worth
        column = emptied(self.column)
        picture = QLabel()
        picture.setPixmap(
            QPixmap.fromImage(image_of(opened.thumbnail)).scaled(
                _SIDE, _SIDE, Qt.AspectRatioMode.KeepAspectRatio, Qt.TransformationMode.SmoothTransformation
            )
        )
        picture.setAccessibleName(tr("The texture"))
        column.addWidget(picture, 0, Qt.AlignmentFlag.AlignHCenter)
        side = opened.texture.albedo.shape[0]
        size = words(tr("{side} × {side} pixels", side=side), "dim")
        size.setAlignment(Qt.AlignmentFlag.AlignHCenter)
        column.addWidget(size)
        column.addWidget(section(tr("Where the colour comes from")))
        origins = tuple(Share(tr(label), worth.shares[key], rgb) for key, (label, rgb) in _ORIGINS.items())
        column.addWidget(ShareBar(origins))
        column.addWidget(section(tr("How many photos see the surface")))
        names = (tr("No photo"), tr("One photo"), tr("Two photos"), tr("Three photos"))
        seen = zip(names, worth.seen, SEEN, strict=True)
        column.addWidget(ShareBar(tuple(Share(name, part, rgb) for name, part, rgb in reversed(list(seen)))))
        column.addStretch(1)
