"""The network's head through the product's own door."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from facestudio.errors import HeadModelError
from facestudio.head.store import load_head
from facestudio.paths import models_dir, resources_dir
from facestudio.pipeline.build_head import BuiltHead, reconstruct
from facestudio.reconstruct.identity_evidence import IdentityEvidence
from facestudio.reconstruct.mfnet.predict import FILE, shipped, slots_of
from facestudio.reconstruct.refine import refine
from facestudio.types import Reconstruction, Scale, ViewName

SAMPLE = resources_dir() / "sample"
PHOTOS = [SAMPLE / f"{view}.jpg" for view in ("left", "front", "right")]

needs_weights = pytest.mark.skipif(not (models_dir() / FILE).is_file(), reason="no MFNet weights are shipped")


@pytest.fixture(scope="module")
def metric() -> BuiltHead:
    return reconstruct(PHOTOS, cameras=SAMPLE / "cameras.json", engine="mfnet", texture_size=256)


@needs_weights
def test_calibrated_cameras_make_the_network_s_head_metric(metric: BuiltHead) -> None:
    r = metric.reconstruction
    assert r.engine == "mfnet"
    assert r.scale is Scale.METRIC
    truth = json.loads((SAMPLE / "truth.json").read_text())
    model = load_head("open")
    true_head = model.template + model.identity_basis @ np.array(truth["identity"], np.float32)
    face = model.part_vertices("face", "lips")
    spread = [np.linalg.norm(v[face] - v[face].mean(0)) for v in (r.vertices, true_head)]
    assert abs(spread[0] / spread[1] - 1.0) < 0.04
    assert max(q.reprojection_px for q in r.quality) < 12.0


@needs_weights
def test_one_photo_is_all_three_views() -> None:
    r = reconstruct(PHOTOS[1:2], engine="mfnet", texture_size=256).reconstruction
    assert r.engine == "mfnet"
    assert r.scale is Scale.ASSUMED
    assert len(r.cameras) == 1


@needs_weights
def test_photos_in_another_order_give_the_same_head(metric: BuiltHead) -> None:
    other = reconstruct(
        [PHOTOS[2], PHOTOS[0], PHOTOS[1]], cameras=SAMPLE / "cameras.json", engine="mfnet", texture_size=256
    ).reconstruction
    np.testing.assert_allclose(other.identity, metric.reconstruction.identity, atol=1e-5)


@needs_weights
def test_the_network_s_head_comes_first_and_the_measured_one_weighs_and_replaces_it(monkeypatch: pytest.MonkeyPatch) -> None:
    heard: list[object] = []
    weighed: list[IdentityEvidence] = []

    def listen(result: object) -> None:
        heard.append(result)

    def watched(*given: object, measured: IdentityEvidence, **named: object) -> object:
        weighed.append(measured)
        return refine(*given, measured=measured, **named)  # type: ignore[arg-type]

    monkeypatch.setattr("facestudio.pipeline.engine_fit.refine", watched)
    reconstruct(PHOTOS, engine="auto", quality="draft", texture_size=256, partial=listen)
    engines = [r.engine for r in heard if isinstance(r, Reconstruction)]
    assert engines[0] == "mfnet"
    assert engines[-1] == "auto"
    said = next(r.identity for r in heard if isinstance(r, Reconstruction))
    known = weighed[0].precision > 0.0
    assert known.any()  # of some coefficients it knows something, and that is further out than what it says
    assert (np.abs(weighed[0].value) >= np.abs(said[: len(known)]))[known].all()


def test_missing_views_are_filled_by_the_nearest() -> None:
    left, front, right = ViewName.LEFT, ViewName.FRONT, ViewName.RIGHT
    assert slots_of([left, front, right]) == [0, 1, 2]
    assert slots_of([front]) == [0, 0, 0]
    assert slots_of([left, right]) == [0, 0, 1]
    assert slots_of([front, right]) == [0, 0, 1]


def test_no_weights_are_said(tmp_path: Path) -> None:
    with pytest.raises(HeadModelError, match=r"mfnet\.npz"):
        shipped(load_head("open"), tmp_path)
