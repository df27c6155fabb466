"""The way to Blender, in short: what an export writes, and the button that leads to it."""

from __future__ import annotations

from PySide6.QtCore import Signal
from PySide6.QtWidgets import QPushButton, QWidget

from facestudio.app.pages.head.opened import OpenedHead
from facestudio.app.strings import tr
from facestudio.app.widgets.pieces import Scrolled, emptied, section, words
from facestudio.export.formats import DEFAULT, FORMATS


class ExportTab(Scrolled):
    """export_wanted(): to the Export page."""

    export_wanted = Signal()

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.say(tr("There is nothing to export yet."))

    def say(self, sentence: str) -> None:
        """One sentence in place of the choice."""
        column = emptied(self.column)
        column.addWidget(words(sentence, "dim"))
        column.addStretch(1)

    def show_head(self, opened: OpenedHead) -> None:
        """Offer a finished head for export."""
        column = emptied(self.column)
        column.addWidget(words(tr("The neutral head is exported, with its expressions as sliders and its skeleton.")))
        button = QPushButton(tr("Export…"))
        button.setProperty("look", "primary")
        button.setMinimumHeight(36)
        button.clicked.connect(self.export_wanted)
        column.addSpacing(4)
        column.addWidget(button)
        column.addWidget(section(tr("What an export holds unless you choose otherwise")))
        for choice in (FORMATS[key] for key in DEFAULT):
            label = words(tr(choice.label))
            label.setContentsMargins(0, 4, 0, 0)
            column.addWidget(label)
            column.addWidget(words(tr(choice.sentence), "dim"))
        column.addStretch(1)
