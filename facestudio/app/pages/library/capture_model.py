"""The captures of a listing for Qt's views: 10,000 rows, of which only those looked at are read, a page at a time."""

from __future__ import annotations

from collections import OrderedDict
from pathlib import Path
from typing import Any

from PySide6.QtCore import QAbstractListModel, QModelIndex, QObject, QPersistentModelIndex, Qt

from facestudio.app.from_below import said
from facestudio.app.pages.library.presenter import LibraryPresenter
from facestudio.app.pages.library.states import chip_of
from facestudio.library.records import CaptureRecord

PAGE = 60
PAGES_KEPT = 30
RECORD = Qt.ItemDataRole.UserRole + 1


class CaptureModel(QAbstractListModel):
    """A row is a capture, in the order of the presenter's listing."""

    def __init__(self, presenter: LibraryPresenter, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._presenter = presenter
        self._keys: tuple[int, ...] = ()
        self._pages: OrderedDict[int, dict[int, CaptureRecord]] = OrderedDict()
        presenter.listed.connect(self._refresh)
        self._refresh()

    def rowCount(self, parent: QModelIndex | QPersistentModelIndex | None = None) -> int:
        """How many captures were found."""
        return 0 if parent is not None and parent.isValid() else len(self._keys)

    def data(self, index: QModelIndex | QPersistentModelIndex, role: int = Qt.ItemDataRole.DisplayRole) -> Any:
        """RECORD: the CaptureRecord; the name; for screen readers the whole story."""
        record = self.record(index.row()) if index.isValid() else None
        if record is None:
            return None
        if role == RECORD:
            return record
        if role == Qt.ItemDataRole.DisplayRole:
            return record.name
        if role == Qt.ItemDataRole.AccessibleTextRole:
            chip = chip_of(record, self._presenter.work_of(record.path))
            return f"{record.subject}, {record.session}, {record.name}, {chip.text}"
        if role == Qt.ItemDataRole.ToolTipRole:
            return said(record.attention) or None
        return None

    def record(self, row: int) -> CaptureRecord | None:
        """The capture of a row; None when it is gone since."""
        if not 0 <= row < len(self._keys):
            return None
        number = row // PAGE
        if number not in self._pages:
            keys = self._keys[number * PAGE : (number + 1) * PAGE]
            records = self._presenter.library.records(keys)
            # Captures gone since are missing from the answer: keys tell which.
            self._pages[number] = dict(zip(keys, records, strict=True)) if len(records) == len(keys) else self._one_by_one(keys)
            while len(self._pages) > PAGES_KEPT:
                self._pages.popitem(last=False)
        self._pages.move_to_end(number)
        return self._pages[number].get(self._keys[row])

    def rows_of(self, paths: set[Path]) -> list[int]:
        """The rows of captures, among the pages that have been read."""
        found = []
        for number, page in self._pages.items():
            first = number * PAGE
            for row in range(first, min(first + PAGE, len(self._keys))):
                record = page.get(self._keys[row])
                if record is not None and record.path in paths:
                    found.append(row)
        return found

    def key(self, row: int) -> int:
        """The key of a row."""
        return self._keys[row]

    def row_of_key(self, key: int) -> int | None:
        """The row of a key; None when it is not in the listing."""
        try:
            return self._keys.index(key)
        except ValueError:
            return None

    def _one_by_one(self, keys: tuple[int, ...]) -> dict[int, CaptureRecord]:
        return {key: record for key in keys for record in self._presenter.library.records([key])}

    def _refresh(self) -> None:
        keys = self._presenter.listing.keys
        if keys == self._keys:
            self._pages.clear()
            if keys:
                self.dataChanged.emit(self.index(0), self.index(len(keys) - 1))
            return
        self.beginResetModel()
        self._keys = keys
        self._pages.clear()
        self.endResetModel()
