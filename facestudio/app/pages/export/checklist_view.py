"""Whether the exported head meets Epic's requirements for Mesh to MetaHuman: one line each, with what was measured."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from PySide6.QtCore import Qt
from PySide6.QtWidgets import QHBoxLayout, QLabel, QVBoxLayout, QWidget

from facestudio.app.icons import pixmap
from facestudio.app.strings import tr
from facestudio.app.theme import tokens
from facestudio.app.widgets.pieces import words

if TYPE_CHECKING:
    from facestudio.export.checklist import Check


class ChecklistView(QWidget):
    """Hidden while there is nothing to say."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.lines: list[QLabel] = []
        self._checks: tuple[Check, ...] = ()
        self._column = QVBoxLayout(self)
        self._column.setContentsMargins(0, 12, 0, 0)
        self._column.setSpacing(6)
        self.setVisible(False)

    def show_checks(self, checks: Sequence[Check]) -> None:
        """Show these, in their order; again for the same ones after the colours have changed."""
        self._checks = tuple(checks)
        while (item := self._column.takeAt(0)) is not None:
            if (widget := item.widget()) is not None:
                widget.deleteLater()
        self.lines = []
        if checks:
            self._column.addWidget(words(tr("Mesh to MetaHuman"), "section"))
            met = sum(check.passed for check in checks)
            self._column.addWidget(
                words(tr("{met} of Epic's {count} requirements are met.", met=met, count=len(checks)), "dim")
            )
        for check in checks:
            self._column.addWidget(self._line(check))
        self.setVisible(bool(checks))

    def _line(self, check: Check) -> QWidget:
        whole = QWidget(self)
        row = QHBoxLayout(whole)
        row.setContentsMargins(0, 0, 0, 0)
        row.setSpacing(8)
        sign = QLabel(whole)
        sign.setPixmap(pixmap("check" if check.passed else "warning", 16, tokens().ok if check.passed else tokens().warn))
        sign.setAccessibleName(tr("Met") if check.passed else tr("Not met"))
        rule = words(check.rule)
        rule.setToolTip(check.finding)
        column = QVBoxLayout()
        column.setSpacing(0)
        column.addWidget(rule)
        if not check.passed:
            column.addWidget(words(check.finding, "dim"))
        row.addWidget(sign, 0, Qt.AlignmentFlag.AlignTop)
        row.addLayout(column, 1)
        self.lines.append(rule)
        return whole
