"""A head that was reconstructed earlier, exported again in any format. The window and the command line call `export_saved` alike."""

from __future__ import annotations

from collections.abc import Collection
from pathlib import Path

from facestudio.atomic import check_folder
from facestudio.errors import SavedHeadError
from facestudio.export.checklist import Check, metahuman_checklist
from facestudio.export.folder import check_name, export_head
from facestudio.export.formats import DEFAULT, check_formats
from facestudio.export.saved import ENDING, load_head, saved_name
from facestudio.export.scene import build_scene
from facestudio.head.model import HeadModel
from facestudio.head.store import load_head as load_head_model
from facestudio.pipeline.retarget_head import retarget_head
from facestudio.progress import CancelToken, Progress, beside, silent

HEAD_FOLDER = "head"  # of a capture: where its result lies


def export_saved(
    path: Path,
    out: Path,
    formats: Collection[str] = DEFAULT,
    progress: Progress = silent,
    cancel: CancelToken | None = None,
    *,
    model: HeadModel | None = None,
    name: str | None = None,
    topology: str | None = None,
) -> tuple[Path, ...]:
    """Write a saved head's files into the folder `out`, all or none; returns their paths, sorted.

    path: NAME.head.npz, the result folder it lies in, or the capture folder above that. formats: keys of `export.formats.FORMATS`.
    model: the head model, when it is neither OpenHead nor the imported FLAME. name: stem of the files; default: the head's own.
    topology: "open", "flame" or a head model file: the head is carried over to it; None: the one it was reconstructed in.
    Raises SavedHeadError, HeadModelError, OutputError, or Cancelled.
    """
    check_formats(formats)
    found = find_saved(path)
    if name is not None:
        check_name(name)
    check_folder(out)
    target = None if topology is None else load_head_model(topology)
    progress("open", 0.0, found.name)
    saved = beside(lambda: load_head(found, model), cancel or CancelToken())
    progress("open", 1.0, "")
    if target is not None:
        saved = retarget_head(saved, target, progress, cancel)
    written = export_head(
        saved.model, saved.reconstruction, saved.texture, out, name or saved_name(found), formats, progress, cancel
    )
    return tuple(written)


def metahuman_checks(path: Path, model: HeadModel | None = None) -> tuple[Check, ...]:
    """Epic's requirements for Mesh to MetaHuman, measured on a saved head; arguments as for `export_saved`."""
    saved = load_head(find_saved(path), model)
    scene = build_scene(saved.model, saved.reconstruction, saved.texture, saved.name)
    return metahuman_checklist(saved.model, scene, saved.texture)


def find_saved(path: Path) -> Path:
    """The NAME.head.npz meant by a path: itself, the only one in a result folder, or in the folder `head` of a capture."""
    if not path.is_dir():
        return path
    for folder in (path, path / HEAD_FOLDER):
        found = sorted(p for p in folder.glob(f"*{ENDING}") if not p.name.startswith("."))
        if len(found) > 1:
            names = ", ".join(p.name for p in found)
            raise SavedHeadError(f"{folder} holds several heads: {names}.", "Name one of these files.")
        if found:
            return found[0]
    raise SavedHeadError(f"{path} holds no head (a file *{ENDING}).", "Reconstruct the capture first, or name the file.")
