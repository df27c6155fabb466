"""What stands in the place of a page that needs the engine until the engine has started, or if it cannot."""

from __future__ import annotations

from PySide6.QtCore import Qt
from PySide6.QtWidgets import QLabel, QPushButton, QVBoxLayout, QWidget

from facestudio.app.engine import Engine
from facestudio.app.strings import tr
from facestudio.app.widgets.progress_line import ProgressLine


class Starting(QWidget):
    """Says "starting engine…" with a moving bar; after a failure, that it failed, with a button to try again."""

    def __init__(self, engine: Engine, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._engine = engine
        self.words = QLabel(self)
        self.words.setAlignment(Qt.AlignmentFlag.AlignCenter)
        self.bar = ProgressLine(self)
        self.bar.setFixedWidth(220)
        self.again = QPushButton(tr("Try again"), self)
        self.again.clicked.connect(self._start)
        column = QVBoxLayout(self)
        column.setSpacing(12)
        column.addStretch(1)
        for widget in (self.words, self.bar, self.again):
            column.addWidget(widget, 0, Qt.AlignmentFlag.AlignHCenter)
        column.addStretch(1)
        engine.failed.connect(self._failed)
        engine.became_ready.connect(self._rest)
        self._show(failed=False)

    def _start(self) -> None:
        self._show(failed=False)
        self._engine.start()

    def _rest(self) -> None:
        self.bar.setRange(0, 1)  # a bar that moves costs a paint for every step

    def _failed(self) -> None:
        self._show(failed=True)

    def _show(self, failed: bool) -> None:
        self.words.setText(tr("The engine did not start.") if failed else tr("Starting the engine…"))
        self.bar.setRange(0, 1 if failed else 0)
        self.bar.setVisible(not failed)
        self.again.setVisible(failed)
