"""Where each card of the grid lies. Arithmetic only, so that 10,000 captures cost a few milliseconds.

Captures flow in lines of cards. A group that fits into the rest of a line stands beside the one before it, under a heading of its own;
a larger one begins a line and fills as many as it needs. So a line is always a run of captures, whatever groups they belong to.
"""

from __future__ import annotations

import bisect
from collections.abc import Sequence

from PySide6.QtCore import QRect

from facestudio.app.pages.library.card import card_height
from facestudio.library.records import Group

HEADING, GAP, MARGIN, NARROWEST = 40, 12, 16, 250


class GridLayout:
    """Rectangles in content coordinates (0, 0 is the top left of everything), pixels."""

    def __init__(self, groups: Sequence[Group], width: int) -> None:
        self.columns = max(1, (width - 2 * MARGIN + GAP) // (NARROWEST + GAP))
        self.card_width = max(120, (width - 2 * MARGIN - (self.columns - 1) * GAP) // self.columns)
        self.card_height = card_height(self.card_width)
        self._tops: list[int] = []  # of each line's cards
        self._firsts: list[int] = []  # the first row of each line
        self._headings: list[QRect] = []
        self._heading_tops: list[int] = []
        self._total = groups[-1].first + groups[-1].count if groups else 0
        used, bottom = 0, 0  # columns of the last line, and where it ends
        for group in groups:
            if used and used + group.count <= self.columns:
                top = self._heading_tops[-1]
            else:
                used, top = 0, bottom
                for start in range(0, group.count, self.columns):
                    self._tops.append(top + HEADING + start // self.columns * (self.card_height + GAP))
                    self._firsts.append(group.first + start)
                bottom = self._tops[-1] + self.card_height + GAP
            span = min(group.count, self.columns)
            self._headings.append(QRect(self._x(used), top, span * (self.card_width + GAP) - GAP, HEADING))
            self._heading_tops.append(top)
            # A group of several lines ends one: what follows begins anew, so that nobody takes it for its rest.
            used = used + group.count if group.count <= self.columns else self.columns
        self.height = bottom + MARGIN

    def rect(self, row: int) -> QRect:
        """Where a card lies."""
        line = bisect.bisect_right(self._firsts, row) - 1
        return QRect(self._x(row - self._firsts[line]), self._tops[line], self.card_width, self.card_height)

    def heading(self, number: int) -> QRect:
        """Where the heading of a group lies."""
        return self._headings[number]

    def row_at(self, x: int, y: int) -> int | None:
        """The card at a point, or None between cards."""
        line = bisect.bisect_right(self._tops, y) - 1
        column = (x - MARGIN) // (self.card_width + GAP)
        if line < 0 or not 0 <= column < self._count(line):
            return None
        row = self._firsts[line] + column
        return row if self.rect(row).contains(x, y) else None

    def visible(self, top: int, bottom: int) -> tuple[range, range]:
        """(groups whose headings, rows whose cards) lie between two heights."""
        headings = range(bisect.bisect_right(self._heading_tops, top - HEADING), bisect.bisect_left(self._heading_tops, bottom))
        first = bisect.bisect_right(self._tops, top - self.card_height)
        last = bisect.bisect_left(self._tops, bottom)
        if first >= last:
            return headings, range(0)
        return headings, range(self._firsts[first], self._firsts[last - 1] + self._count(last - 1))

    def beside(self, row: int, lines: int, columns: int) -> int:
        """The card some lines down (negative: up) or columns to the right of another; the nearest there is."""
        if columns or not self._firsts:
            return min(max(row + columns, 0), max(self._total - 1, 0))
        line = bisect.bisect_right(self._firsts, row) - 1
        column = row - self._firsts[line]
        line = min(max(line + lines, 0), len(self._firsts) - 1)
        return self._firsts[line] + min(column, self._count(line) - 1)

    def _x(self, column: int) -> int:
        return MARGIN + column * (self.card_width + GAP)

    def _count(self, line: int) -> int:
        end = self._firsts[line + 1] if line + 1 < len(self._firsts) else self._total
        return end - self._firsts[line]
