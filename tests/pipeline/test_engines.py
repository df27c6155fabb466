"""Engines are chosen by name, in one place; everything that offers them offers the same."""

from __future__ import annotations

import subprocess
import sys

import pytest

from facestudio.errors import FaceStudioError
from facestudio.pipeline.engines import ENGINES, HELP, check_engine


def test_an_unknown_engine_is_named_with_those_there_are() -> None:
    with pytest.raises(FaceStudioError, match="no engine 'magic'") as caught:
        check_engine("magic")
    assert all(name in str(caught.value) or name in caught.value.remedy for name in ENGINES)


def test_the_command_line_explains_every_engine() -> None:
    assert all(f"{name}: " in HELP for name in ENGINES)


def test_listing_the_engines_costs_no_heavy_import() -> None:
    program = "import sys, facestudio.pipeline.engines; print([m for m in ('torch', 'cv2', 'numba') if m in sys.modules])"
    said = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert said.stdout.strip() == "[]"
