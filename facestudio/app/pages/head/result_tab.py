"""What the result is worth: plain words first, numbers under them, then what the operator should know."""

from __future__ import annotations

from PySide6.QtCore import Qt, Signal
from PySide6.QtWidgets import QHBoxLayout, QLabel, QPushButton, QWidget

from facestudio.app.from_below import said
from facestudio.app.icons import pixmap
from facestudio.app.pages.head.opened import OpenedHead
from facestudio.app.pages.head.photo_tile import VIEW_TITLES
from facestudio.app.strings import tr
from facestudio.app.theme import tokens
from facestudio.app.widgets.pieces import Scrolled, emptied, section, table, words
from facestudio.types import ViewName


class ResultTab(Scrolled):
    """reconstruct_wanted(): make the head again."""

    reconstruct_wanted = Signal()

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.say(tr("There is no head yet."))

    def say(self, sentence: str) -> None:
        """One sentence in place of a result."""
        column = emptied(self.column)
        column.addWidget(words(sentence, "dim"))
        column.addStretch(1)

    def show_head(self, opened: OpenedHead, name: str, again: bool) -> None:
        """Show what a finished head is worth, under a name. again: offer to reconstruct once more."""
        worth = opened.worth
        if worth is None:
            raise ValueError("a head that is being made has no worth yet")
        column = emptied(self.column)
        column.addWidget(words(name, "heading"))
        first, *more = (said(sentence) for sentence in worth.sentences)
        lead = words(first)
        lead.setStyleSheet("font-weight: 600;")
        column.addWidget(lead)
        for sentence in more:
            column.addWidget(words(sentence))
        column.addWidget(section(tr("Size")))
        column.addWidget(_signed("check" if worth.metric else "warning", said(worth.scale), ok=worth.metric))
        if worth.rows:
            column.addWidget(section(tr("Distance from the landmarks, by photo")))
            column.addWidget(table(tuple((tr(VIEW_TITLES[ViewName(view)]), number) for view, number in worth.rows)))
        if worth.notes:
            column.addWidget(section(tr("Notes")))
            for note in worth.notes:
                column.addWidget(_signed("info", said(note), ok=None))
        seconds = sum(opened.reconstruction.seconds.values())
        if seconds:
            column.addWidget(section(tr("Time")))
            column.addWidget(table(((tr("Reconstruction"), tr("{seconds:.0f} s", seconds=seconds)),)))
        if again:
            button = QPushButton(tr("Reconstruct again"))
            button.clicked.connect(self.reconstruct_wanted)
            column.addSpacing(12)
            column.addWidget(button, 0, Qt.AlignmentFlag.AlignLeft)
        column.addStretch(1)


def _signed(sign: str, sentence: str, ok: bool | None) -> QWidget:
    """A sentence with a shape before it, never colour alone."""
    t = tokens()
    colour = t.text_dim if ok is None else t.ok if ok else t.warn
    whole = QWidget()
    row = QHBoxLayout(whole)
    row.setContentsMargins(0, 0, 0, 0)
    row.setSpacing(8)
    mark_label = QLabel()
    mark_label.setPixmap(pixmap(sign, 18, colour))
    row.addWidget(mark_label, 0, Qt.AlignmentFlag.AlignTop)
    row.addWidget(words(sentence), 1)
    return whole
