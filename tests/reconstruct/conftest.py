"""Fixtures of the fitting tests."""

from __future__ import annotations

import pytest

from tests.reconstruct.scene import Scene, make_scene


@pytest.fixture
def scene() -> Scene:
    """A noise-free scene."""
    return make_scene()
