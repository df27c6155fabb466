"""Garbage with widgets in it must not be destroyed by a worker."""

from __future__ import annotations

import gc
import threading
from collections.abc import Iterator

import pytest
from PySide6.QtCore import QCoreApplication, QObject

from facestudio.app.collector import Collector


@pytest.fixture
def collector(qapp: QCoreApplication) -> Iterator[Collector]:
    gc.enable()
    gc.collect()  # whatever ran before left no generation due
    found = Collector()
    yield found
    found.close()
    assert gc.isenabled()


class Cycle(QObject):
    """Garbage that only the collector finds; it notes on which thread it goes."""

    ended_on: list[int]

    def __init__(self, ended_on: list[int]) -> None:
        super().__init__()
        self.ended_on, self.me = ended_on, self

    def __del__(self) -> None:
        self.ended_on.append(threading.get_ident())


def allocate() -> None:
    """Enough objects for every generation's threshold."""
    assert len([[i] for i in range(200_000)]) == 200_000


def test_a_worker_that_allocates_collects_nothing(collector: Collector) -> None:
    ended_on: list[int] = []
    Cycle(ended_on)
    worker = threading.Thread(target=allocate)
    worker.start()
    worker.join()
    assert ended_on == []
    kept = [[i] for i in range(gc.get_threshold()[0] + 1)]  # as many as make the youngest generation due
    assert collector.collect() == 0
    assert ended_on == [threading.get_ident()]
    del kept


def test_without_it_a_worker_would(qapp: QCoreApplication) -> None:
    ended_on: list[int] = []
    gc.enable()
    gc.collect()
    Cycle(ended_on)
    worker = threading.Thread(target=allocate)
    worker.start()
    worker.join()
    assert ended_on
    assert ended_on != [threading.get_ident()]


def test_while_the_imports_last_nobody_goes_through_all_they_make(collector: Collector) -> None:
    def old_garbage_is_due() -> int | None:
        for _ in range(gc.get_threshold()[2] + 1):
            gc.collect(1)  # each makes the oldest generation more due
        kept = [[i] for i in range(gc.get_threshold()[0] + 1)]
        due = collector.collect()
        del kept
        return due

    assert old_garbage_is_due() == 0
    collector.settle()
    assert old_garbage_is_due() == 2


def test_what_settled_is_not_looked_at_again_until_it_closes(collector: Collector) -> None:
    collector.settle()
    assert gc.get_freeze_count() > 10_000
    collector.close()
    assert gc.get_freeze_count() == 0
