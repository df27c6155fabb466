"""The public Surrey model fitted by eos to the same landmarks: `python tests/benchmarks/bench_eos.py BENCH EOS_DATA`.

BENCH is a bench (see `facestudio evaluate --help`), EOS_DATA the folder with eos' `sfm_shape_3448.bin` and its companions. eos (Huber et
al. 2016; `pip install eos-py`, Apache-2.0) is not among FaceStudio's own requirements. Its Python package fits one picture at a time, by
an affine camera, so three views are three fits whose shape coefficients are averaged. It is given the iBUG points of our own
detector, so that only the fitting differs. Prints NoW median / mean / 90 % in millimetres, all points of all heads pooled, for the
front photo, the average of three, and the mean of the Surrey model itself.
"""

from __future__ import annotations

import sys
from contextlib import closing
from pathlib import Path
from typing import Any

import numpy as np

from facestudio.evaluate.datasets.bench import head_names, read_head
from facestudio.evaluate.now import Variant, measure
from facestudio.head.landmarks import NOW7_IBUG68
from facestudio.landmarks.mediapipe_detector import MediapipeDetector
from facestudio.pipeline.import_triplet import read_photos
from facestudio.progress import CancelToken, silent
from facestudio.training.landmark_embedding import IBUG_FROM_MEDIAPIPE
from facestudio.types import Float64Array, Mesh


class Surrey:
    """eos with the public 3448-vertex model."""

    def __init__(self, data: Path) -> None:
        try:
            import eos  # type: ignore[import-not-found]  # measured against, not required
        except ImportError as error:
            raise SystemExit("This comparison needs eos: pip install eos-py") from error
        self.eos: Any = eos
        shape = eos.morphablemodel.load_model(str(data / "sfm_shape_3448.bin"))
        smiles = eos.morphablemodel.load_blendshapes(str(data / "expression_blendshapes_3448.bin"))
        none = eos.morphablemodel.PcaModel()
        self.model = eos.morphablemodel.MorphableModel(
            shape.get_shape_model(), smiles, none, None, shape.get_texture_coordinates()
        )
        self.mapper = eos.core.LandmarkMapper(str(data / "ibug_to_sfm.txt"))
        self.edges = eos.morphablemodel.load_edge_topology(str(data / "sfm_3448_edge_topology.json"))
        self.contour = eos.fitting.ContourLandmarks.load(str(data / "ibug_to_sfm.txt"))
        self.outline = eos.fitting.ModelContour.load(str(data / "sfm_model_contours.json"))
        self.faces = np.asarray(self.model.get_shape_model().get_triangle_list(), np.int64)

    def coefficients(self, points: Float64Array, width: int, height: int) -> Float64Array:
        """Shape coefficients for the 68 iBUG points (68, 2), pixels."""
        marks = [self.eos.core.Landmark(str(k + 1), [float(x), float(y)]) for k, (x, y) in enumerate(points)]
        fit = self.eos.fitting.fit_shape_and_pose
        found = fit(self.model, marks, self.mapper, width, height, self.edges, self.contour, self.outline)
        return np.asarray(found[2], np.float64)

    def head(self, coefficients: Float64Array) -> tuple[Mesh, Float64Array]:
        """The neutral face, metres, and its 7 NoW points."""
        vertices = np.asarray(self.model.draw_sample(list(coefficients), []).vertices, np.float64)[:, :3] / 1000.0
        rows = [int(self.mapper.convert(str(k + 1))) for k in NOW7_IBUG68]
        return Mesh(vertices, self.faces), vertices[rows]


def main() -> None:
    """Fit and score every head."""
    dataset, surrey = Path(sys.argv[1]), Surrey(Path(sys.argv[2]))
    errors: dict[str, list[Float64Array]] = {"mean of the Surrey model": [], "front photo": [], "three photos": []}
    for name in head_names(dataset):
        head = read_head(dataset, name, calibrated=False)
        with closing(MediapipeDetector()) as detector:
            images = read_photos(list(head.photos), silent, CancelToken())
            points = [detector.detect(i, "photo").landmarks.points[list(IBUG_FROM_MEDIAPIPE)] for i in images]
        found = [surrey.coefficients(p, i.width, i.height) for p, i in zip(points, images, strict=True)]
        for kind, shape in zip(errors, (np.zeros_like(found[1]), found[1], np.mean(found, axis=0)), strict=True):
            mesh, seven = surrey.head(shape)
            errors[kind].append(measure(mesh, seven, head.scan, head.landmarks, Variant.NOW).distances_mm)
    for kind, distances in errors.items():
        d = np.concatenate(distances)
        sys.stdout.write(f"| eos, {kind} | {np.median(d):.3f} / {d.mean():.3f} / {np.percentile(d, 90):.2f} |\n")


if __name__ == "__main__":
    main()
