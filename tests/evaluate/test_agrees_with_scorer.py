"""Our numbers against the bench's own scorer, an independent program, on real truth and real files."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import trimesh

from facestudio.evaluate.datasets.bench import head_names, read_head
from facestudio.evaluate.now import Variant
from facestudio.evaluate.prediction import Prediction, read_prediction
from facestudio.evaluate.scoring import score
from facestudio.evaluate.summary import HeadResult, Summary
from facestudio.head.model import HeadModel
from facestudio.progress import CancelToken
from facestudio.types import Mesh

AGREED_MM = 0.01


def write(folder: Path, name: str, prediction: Prediction) -> None:
    """As a GLB whose triangles share no vertices, the extreme of what texture seams do to a file."""
    mesh = prediction.mesh
    split = np.asarray(mesh.vertices, dtype=np.float64)[mesh.faces].reshape(-1, 3)
    faces = np.arange(len(split)).reshape(-1, 3)
    trimesh.Trimesh(split, faces, process=False).export(folder / f"{name}.glb")
    (folder / f"{name}.json").write_text(json.dumps({"now_landmarks": prediction.landmarks.tolist()}))


@pytest.mark.slow
def test_every_number_agrees_with_the_independent_scorer(shared: Path, openhead: HeadModel, tmp_path: Path) -> None:
    dataset = shared / "bench" / "dev"
    first, second = head_names(dataset)[:2]
    heads = [read_head(dataset, name, calibrated=False) for name in (first, second)]
    # The first: the average head, placed by its vertices that lie nearest to the truth's points when the noses touch.
    template = openhead.template.astype(np.float64)
    scan = heads[0].scan
    offset = scan[np.argmax(scan[:, 2])] - template[np.argmax(template[:, 2])]
    nearest = np.linalg.norm(heads[0].landmarks[:, None] - template[None] - offset, axis=2).argmin(1)
    write(tmp_path, first, Prediction(Mesh(template, openhead.faces), template[nearest]))
    # The second: the truth's own face, bent, widened and turned, in another frame; nothing behind the ears.
    v = np.asarray(heads[1].truth.vertices, dtype=np.float64)
    face = np.isin(heads[1].truth.faces, heads[1].region).all(axis=1)
    turn = np.array([[0.0, 0, 1], [0, 1, 0], [-1, 0, 0]])
    bent = (v * [1.03, 1.0, 0.98] + np.outer(np.sin(40.0 * v[:, 1]), np.array([0.0, 0.0, 0.0015]))) @ turn
    landmarks = (heads[1].landmarks * [1.03, 1.0, 0.98]) @ turn
    write(tmp_path, second, Prediction(Mesh(bent, heads[1].truth.faces[face]), landmarks))

    results = []
    for head in heads:
        ours, _ = score(read_prediction(tmp_path / f"{head.name}.glb"), head, CancelToken())
        results.append(HeadResult(head.name, ours, ours))
    summary = Summary(tuple(results), "uncalibrated", "none", openhead.name, 0.0)

    scores = tmp_path / "scores.json"
    command = [sys.executable, str(shared / "bench" / "score.py"), "--truth", str(dataset), "--pred", str(tmp_path)]
    subprocess.run([*command, "--out", str(scores), "--names", first, second], check=True, capture_output=True, timeout=300)
    theirs = json.loads(scores.read_text())
    for variant in (Variant.NOW, Variant.METRIC):
        pairs = [(summary.pooled(variant), theirs["pooled"][variant])]
        for result in results:
            assert result.score is not None
            pairs.append((result.score.statistics(variant), theirs["heads"][result.name][variant]))
        for mine, other in pairs:
            assert mine is not None
            for measure in ("median", "mean", "std", "p90"):
                assert getattr(mine, measure) == pytest.approx(other[measure], abs=AGREED_MM), (variant, measure)
    for result in results:
        assert result.score is not None
        assert result.score.cylinder is not None
        other = theirs["heads"][result.name]["cyl"]
        assert result.score.cylinder.cd_mm == pytest.approx(other["CD"], abs=AGREED_MM)
        assert result.score.cylinder.mne_rad == pytest.approx(other["MNE_true"], abs=0.002)
        assert result.score.cylinder.cr == pytest.approx(other["CR"], abs=0.002)
