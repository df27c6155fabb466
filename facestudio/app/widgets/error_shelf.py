"""Errors as cards above the page: what happened, what to do, details folded away. Nothing modal: the work goes on below."""

from __future__ import annotations

from PySide6.QtCore import Qt
from PySide6.QtGui import QFontDatabase, QGuiApplication
from PySide6.QtWidgets import (
    QFrame,
    QHBoxLayout,
    QLabel,
    QPlainTextEdit,
    QPushButton,
    QSizePolicy,
    QToolButton,
    QVBoxLayout,
    QWidget,
)

from facestudio.app.icons import icon, pixmap
from facestudio.app.report import Problem, report
from facestudio.app.strings import tr
from facestudio.app.theme import tokens

MOST = 3


class ErrorCard(QFrame):
    """One problem. `action` adds a button that does what the remedy says."""

    def __init__(self, shown: Problem, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.problem = shown
        self.dismissed = False
        self.setProperty("look", "card-bad")
        self.setAccessibleName(shown.what)
        sign = QLabel(self)
        sign.setPixmap(pixmap("error", 24, tokens().bad))
        self.what = self._text(shown.what)
        self.what.setStyleSheet("font-weight: 600;")
        self.remedy = self._text(shown.remedy)
        self.remedy.setVisible(bool(shown.remedy))
        self.details = QPlainTextEdit(shown.details, self)
        self.details.setReadOnly(True)
        self.details.setFont(QFontDatabase.systemFont(QFontDatabase.SystemFont.FixedFont))
        self.details.setFixedHeight(160)
        self.details.setAccessibleName(tr("Details of the error"))
        self.details.hide()
        self.fold = QPushButton(tr("Details"), self)
        self.fold.setCheckable(True)
        self.fold.setProperty("look", "quiet")
        self.fold.toggled.connect(self._unfold)
        self.copy = QPushButton(tr("Copy report"), self)
        self.copy.setProperty("look", "quiet")
        self.copy.clicked.connect(self._copy)
        close = QToolButton(self)
        close.setIcon(icon("close"))
        close.setFixedSize(26, 26)
        close.setToolTip(tr("Dismiss (Esc)"))
        close.setAccessibleName(tr("Dismiss"))
        close.clicked.connect(self.dismiss)
        self._unfold(False)
        self.buttons = QHBoxLayout()
        self.buttons.setSpacing(8)
        self.buttons.setContentsMargins(-8, 0, 0, 0)  # so that the words, not their buttons' edges, stand in one line
        for button in (self.fold, self.copy):
            self.buttons.addWidget(button)
        self.buttons.addStretch(1)
        middle = QVBoxLayout()
        middle.setSpacing(4)
        middle.addWidget(self.what)
        middle.addWidget(self.remedy)
        middle.addLayout(self.buttons)
        middle.addWidget(self.details)
        row = QHBoxLayout(self)
        row.setContentsMargins(16, 12, 12, 8)
        row.setSpacing(12)
        row.addWidget(sign, 0, Qt.AlignmentFlag.AlignTop)
        row.addLayout(middle, 1)
        row.addWidget(close, 0, Qt.AlignmentFlag.AlignTop)
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Maximum)

    def action(self, button: QPushButton) -> None:
        """Put a button before the others."""
        self.buttons.insertWidget(0, button)

    def dismiss(self) -> None:
        """Remove the card."""
        self.dismissed = True
        self.hide()
        self.deleteLater()

    def _text(self, text: str) -> QLabel:
        label = QLabel(text, self)
        label.setTextFormat(Qt.TextFormat.PlainText)
        label.setWordWrap(True)
        label.setTextInteractionFlags(Qt.TextInteractionFlag.TextSelectableByMouse)
        return label

    def _unfold(self, unfolded: bool) -> None:
        self.details.setVisible(unfolded)
        self.fold.setIcon(icon("unfold" if unfolded else "fold"))

    def _copy(self) -> None:
        QGuiApplication.clipboard().setText(report(self.problem))
        self.copy.setText(tr("Copied"))


class ErrorShelf(QWidget):
    """The cards, newest on top; the oldest leaves when there are too many. Hidden while empty."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._column = QVBoxLayout(self)
        self._column.setContentsMargins(16, 12, 16, 0)
        self._column.setSpacing(8)
        self.hide()

    def cards(self) -> list[ErrorCard]:
        """The cards now shown, newest first."""
        items = (self._column.itemAt(i) for i in range(self._column.count()))
        found = [item.widget() for item in items if item is not None]
        return [card for card in found if isinstance(card, ErrorCard) and not card.dismissed]

    def add(self, shown: Problem) -> ErrorCard:
        """Show a problem; the same one again only moves to the top, and an error in painting does not paint itself for ever."""
        if self.cards() and self.cards()[0].problem.what == shown.what:
            return self.cards()[0]
        for card in self.cards():
            if card.problem.what == shown.what:
                card.dismiss()
        for card in self.cards()[MOST - 1 :]:
            card.dismiss()
        card = ErrorCard(shown, self)
        card.destroyed.connect(self._fit)
        self._column.insertWidget(0, card)
        self.show()
        return card

    def dismiss_newest(self) -> None:
        """Remove the card on top."""
        for card in self.cards()[:1]:
            card.dismiss()

    def _fit(self) -> None:
        self.setVisible(bool(self.cards()))
