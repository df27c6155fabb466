"""`facestudio evaluate --protocol fs-wild|fs-lab`: MFNet on a user's copy of FaceScape's benchmark, beside the published rows.

FS-Wild: one picture, three times (the paper's table 1). FS-Lab-3: triplets of one subject, side, front, other side, with the benchmark's
cameras (table 2); what is measured is the head in the front picture's camera.
"""

from __future__ import annotations

import csv
import io
from collections.abc import Callable, Sequence
from contextlib import ExitStack, closing
from dataclasses import astuple, dataclass, replace
from pathlib import Path

import numpy as np

from facestudio.atomic import write_file
from facestudio.errors import FaceStudioError
from facestudio.evaluate.datasets.facescape_bench import (
    LAB_FOCALS,
    PUPIL_MM,
    WILD_GROUPS,
    LabTriplet,
    WildPicture,
    read_lab_triplets,
    read_wild,
)
from facestudio.evaluate.facescape_protocol import (
    Predef,
    ProtocolScores,
    flattened,
    read_predef,
    score_lab,
    score_wild,
)
from facestudio.evaluate.prediction import read_mesh
from facestudio.evaluate.published import TABLE1_WILD, TABLE2_LAB, Published, beside
from facestudio.head.model import HeadModel
from facestudio.head.store import load_head
from facestudio.progress import CancelToken, Progress, silent
from facestudio.types import Camera, Float64Array, Mesh

PROTOCOLS = ("fs-wild", "fs-lab")
# Pictures of one moment and their cameras, where known, to the posed head (V, 3), metres, and each picture's camera, in their order.
Look = Callable[[Sequence[Path], Sequence[Camera] | None], tuple[Float64Array, list[Camera]]]


@dataclass(frozen=True)
class Measured:
    """One row: the group it counts in, and its scores, None when there was no head; why says why not."""

    name: str
    group: str
    scores: ProtocolScores | None
    why: str = ""


def evaluate_facescape(
    protocol: str,
    folder: Path,
    out: Path,
    *,
    look: Look | None = None,
    model: HeadModel | None = None,
    progress: Progress = silent,
    cancel: CancelToken | None = None,
) -> str:
    """Measure every picture (or triplet) of a copy; its folder `predef` is the benchmark's. Writes out/PROTOCOL.csv.

    look: something else than the shipped MFNet. Returns the table. A picture without a face is a row that says so.
    Raises FaceStudioError for an unknown protocol, DatasetError for a copy that cannot be used, HeadModelError, OutputError, Cancelled.
    """
    if protocol not in PROTOCOLS:
        raise FaceStudioError(f"There is no protocol {protocol!r}.", f"Choose one of: now, {', '.join(PROTOCOLS)}.")
    cancel, model = cancel or CancelToken(), model or load_head("open")
    predef = read_predef(folder / "predef", protocol.removeprefix("fs-"))
    todo: Sequence[WildPicture | LabTriplet] = (
        read_wild(folder, folder / "predef" / "wild_pupil_scales.npy") if protocol == "fs-wild" else read_lab_triplets(folder)
    )
    rows = []
    with ExitStack() as opened:
        seeing = look or opened.enter_context(closing(_Network(model))).look
        for i, item in enumerate(todo):
            cancel.check()
            progress("score", i / len(todo), "")
            rows.append(_measured(item, seeing, predef, model))
    write_file(out / f"{protocol}.csv", _csv(rows))
    progress("score", 1.0, f"{len(rows)} rows")
    groups = WILD_GROUPS if protocol == "fs-wild" else ("all",)
    ours = Published("ours", tuple(_mean([r for r in rows if r.group == group]) for group in groups))
    done = sum(r.scores is not None for r in rows)
    return beside(TABLE1_WILD if protocol == "fs-wild" else TABLE2_LAB, ours) + f"\n{done} of {len(rows)} done.\n"


def _measured(item: WildPicture | LabTriplet, look: Look, predef: Predef, model: HeadModel) -> Measured:
    try:
        return _wild(item, look, predef, model) if isinstance(item, WildPicture) else _lab(item, look, predef, model)
    except FaceStudioError as error:
        name, group = (item.picture.stem, item.group) if isinstance(item, WildPicture) else (_name(item), "all")
        return Measured(name, group, None, str(error))


def _wild(item: WildPicture, look: Look, predef: Predef, model: HeadModel) -> Measured:
    truth = read_mesh(item.scan)
    head, cameras = look([item.picture], None)
    ours = Mesh(flattened(head, cameras[0], item.scale_mm), model.faces)
    known = Mesh(truth.vertices * item.scale_mm, truth.faces)
    scores = score_wild(known, ours, item.scale_mm, predef.rotations[item.index], predef.centres[item.index])
    return Measured(item.picture.stem, item.group, scores)


def _lab(item: LabTriplet, look: Look, predef: Predef, model: HeadModel) -> Measured:
    truth, front = read_mesh(item.scan), item.cameras[1]
    head, cameras = look(item.pictures, item.cameras)
    ours = Mesh((head @ cameras[1].R.T + cameras[1].t) * 1000.0, model.faces)
    known = Mesh(truth.vertices * PUPIL_MM @ front.R.T + front.t, truth.faces)
    centre = predef.centres[LAB_FOCALS.index(item.focal)]
    return Measured(_name(item), "all", score_lab(known, ours, front.K, predef.rotations[item.views[1]], centre))


def _name(item: LabTriplet) -> str:
    return f"{item.subject:02d}_{item.focal}_{'-'.join(map(str, item.views))}"


class _Network:
    """MFNet behind the detector."""

    def __init__(self, model: HeadModel) -> None:
        from facestudio.landmarks.mediapipe_detector import MediapipeDetector
        from facestudio.pipeline.evidence import evidence_basis

        self.model, self.basis, self.detector = model, evidence_basis(model), MediapipeDetector()

    def look(self, pictures: Sequence[Path], cameras: Sequence[Camera] | None) -> tuple[Float64Array, list[Camera]]:
        """See `Look`. The benchmark's cameras are taken for their focal lengths; places come from the network."""
        from facestudio.pipeline.import_triplet import find_views, read_photos
        from facestudio.reconstruct.mfnet.predict import predict_head

        found = find_views(read_photos(pictures), self.basis, self.detector, may_turn=not cameras).views
        given: dict[Path, Camera] = dict(zip(pictures, cameras, strict=True)) if cameras else {}
        views = [replace(v, camera=given.get(v.image.source)) if v.image.source else v for v in found]
        said = predict_head(views, self.model)
        head = self.model.template + self.model.identity_basis @ said.identity + self.model.expression_basis @ said.expression
        by_picture = {v.image.source: camera for v, camera in zip(views, said.cameras, strict=True)}
        return np.asarray(head, np.float64), [by_picture[picture] for picture in pictures]

    def close(self) -> None:
        """Release the detector."""
        self.detector.close()


def _mean(rows: Sequence[Measured]) -> tuple[float, float, float]:
    values = np.array([[r.scores.cd_mm, r.scores.mne_rad, r.scores.cr] for r in rows if r.scores is not None]).reshape(-1, 3)
    cd, mne, cr = (float(c[np.isfinite(c)].mean()) if np.isfinite(c).any() else float("nan") for c in values.T)
    return cd, mne, cr


def _csv(rows: Sequence[Measured]) -> bytes:
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(["name", "group", "cd_mm", "mne_rad", "cr", "true_mne_rad", "why_not"])
    for row in rows:
        numbers = [f"{x:.4f}" for x in astuple(row.scores)] if row.scores else [""] * 4
        writer.writerow([row.name, row.group, *numbers, row.why])
    return text.getvalue().encode()
