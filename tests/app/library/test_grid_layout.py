"""Cards lie in lines, small groups side by side, and every point leads to the card that lies there."""

from __future__ import annotations

import random

import pytest

from facestudio.app.pages.library.grid_layout import GridLayout
from facestudio.library.records import Group


def groups(*counts: int) -> list[Group]:
    found, first = [], 0
    for k, count in enumerate(counts):
        found.append(Group(f"subject {k}", "visit", first, count))
        first += count
    return found


def test_small_groups_stand_side_by_side_and_large_ones_begin_a_line() -> None:
    layout = GridLayout(groups(1, 2, 5, 1), 864)
    assert layout.columns == 3
    tops = [layout.rect(row).top() for row in range(9)]
    assert tops[0] == tops[1] == tops[2] < tops[3] == tops[5] < tops[6] == tops[7] < tops[8]
    assert layout.heading(0).top() == layout.heading(1).top()
    assert not layout.heading(0).intersects(layout.heading(1))


@pytest.mark.parametrize("width", [200, 864, 1500, 3800])
def test_no_two_cards_touch_and_each_is_found_at_its_middle(width: int) -> None:
    chance = random.Random(width)
    layout = GridLayout(groups(*(chance.randint(1, 9) for _ in range(40))), width)
    total = layout._total
    rects = [layout.rect(row) for row in range(total)]
    assert all(not a.intersects(b) for k, a in enumerate(rects) for b in rects[k + 1 : k + 20])
    assert all(layout.row_at(r.center().x(), r.center().y()) == row for row, r in enumerate(rects))
    assert all(r.right() <= width for r in rects)
    assert layout.row_at(2, 2) is None
    headings, rows = layout.visible(500, 900)
    assert set(rows) == {row for row, r in enumerate(rects) if r.bottom() >= 500 and r.top() < 900}
    assert set(headings) == {k for k in range(40) if layout.heading(k).bottom() >= 500 and layout.heading(k).top() < 900}


def test_arrows_lead_to_the_neighbours_and_stop_at_the_ends() -> None:
    layout = GridLayout(groups(3, 5, 1), 864)
    assert layout.beside(1, 1, 0) == 4
    assert layout.beside(5, 1, 0) == 7
    assert layout.beside(7, 1, 0) == 8
    assert layout.beside(8, -1, 0) == 6
    assert (layout.beside(0, -1, 0), layout.beside(0, 0, -1), layout.beside(8, 9, 0), layout.beside(8, 0, 1)) == (0, 0, 8, 8)


def test_an_empty_grid_has_no_cards() -> None:
    layout = GridLayout([], 864)
    assert layout.row_at(50, 50) is None
    assert not layout.visible(0, 700)[1]
    assert layout.beside(0, 1, 0) == 0
