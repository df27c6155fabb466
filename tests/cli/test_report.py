"""What `facestudio reconstruct` says of a head when it is done."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from facestudio.cli.reconstruct import report
from facestudio.pipeline.build_head import BuiltHead
from facestudio.types import Reconstruction, Scale, Texture, ViewName, ViewQuality


def said(capsys: pytest.CaptureFixture[str], sigma: bool) -> str:
    """The words for a head that follows its landmarks less closely than the average head does."""
    vertices = np.zeros((4, 3))
    head = Reconstruction(
        head_model="openhead",
        identity=np.zeros(2),
        expression=np.zeros(2),
        vertices=vertices,
        posed_vertices=vertices,
        views=(),
        cameras=(),
        scale=Scale.ASSUMED,
        quality=(ViewQuality(ViewName.FRONT, 1.9, 1.5, 1.0), ViewQuality(ViewName.LEFT, 2.1, 1.8, 40.0)),
        engine="fit",
        mean_head_reprojection_px=1.6,
    )
    if sigma:
        head = replace(head, engine="auto", sigma=np.full(4, 0.0004))
    texture = Texture(np.zeros((8, 8, 3), np.uint8), np.zeros((8, 8), np.uint8), np.ones(4, np.int8))
    report(BuiltHead(model=None, reconstruction=head, texture=texture))  # type: ignore[arg-type]
    return " ".join(capsys.readouterr().out.split())


def test_a_matched_head_is_not_judged_by_landmarks(capsys: pytest.CaptureFixture[str]) -> None:
    words = said(capsys, sigma=True)
    assert "matched point by point" in words
    assert "0.4 mm or better" in words
    assert "verage head" not in words
    assert "left out" not in words


def test_a_head_from_landmarks_is_compared_with_the_average_head(capsys: pytest.CaptureFixture[str]) -> None:
    words = said(capsys, sigma=False)
    assert "1.5 px when this photo is left out" in words
    assert "An average head does as well (1.6 px)" in words
