"""Modes and their legends: what is painted is what the legend says."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from facestudio.app.viewer.colours import SEEN, ViewMode, available, gradient, legend, sigma_range_mm, vertex_colours
from facestudio.app.viewer.surface import ShownHead

UP = np.array([[0.0, 1.0, 0.0]], np.float32)


def test_a_head_without_texture_or_knowledge_has_only_the_modes_of_shape(shown: ShownHead) -> None:
    bare = replace(shown, albedo=None, views_seen=None, sigma=None)
    assert available(bare) == (ViewMode.CLAY, ViewMode.WIRE, ViewMode.NORMALS)
    assert available(shown) == tuple(ViewMode)
    for mode in (ViewMode.SEEN, ViewMode.CONFIDENCE):
        assert vertex_colours(mode, bare, UP) is None
        assert legend(mode, bare) is None


def test_each_vertex_has_the_colour_that_the_legend_gives_its_number_of_photos(shown: ShownHead) -> None:
    colours = vertex_colours(ViewMode.SEEN, shown, UP)
    key = legend(ViewMode.SEEN, shown)
    assert colours is not None and key is not None and shown.views_seen is not None
    for count, label in enumerate(key.labels):
        assert label == str(count)
        assert np.all(colours[shown.views_seen == count] == SEEN[count])


@pytest.mark.parametrize(("largest_mm", "end"), [(0.1, 0.5), (0.9, 1.0), (1.7, 2.0), (4.2, 5.0), (400.0, 50.0)])
def test_the_confidence_scale_ends_at_a_round_number_of_millimetres(largest_mm: float, end: float) -> None:
    assert sigma_range_mm(np.linspace(0.0, largest_mm / 1000.0, 1000)) == end


def test_a_surer_vertex_is_darker_and_the_legend_names_millimetres(shown: ShownHead) -> None:
    sigma = np.array([0.0, 0.0005, 0.001, 0.0015, 0.002])
    head = replace(shown, sigma=sigma)
    colours, key = vertex_colours(ViewMode.CONFIDENCE, head, UP), legend(ViewMode.CONFIDENCE, head)
    assert colours is not None and key is not None
    light = colours.astype(float) @ [0.2126, 0.7152, 0.0722]
    assert np.all(np.diff(light) > 0)
    assert key.labels == ("±0 mm", "±1 mm", "±2 mm")
    assert tuple(colours[0]) == key.colours[0]
    assert tuple(colours[-1]) == key.colours[-1]


def test_a_gradient_meets_its_stops_and_clips() -> None:
    stops = ((0, 0, 0), (100, 0, 0), (200, 10, 0))
    got = gradient(np.array([-1.0, 0.0, 0.25, 0.5, 1.0, 2.0, np.nan]), stops)
    assert got[:, 0].tolist() == [0, 0, 50, 100, 200, 200, 200]
