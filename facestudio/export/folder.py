"""The output folder of one head: the one entry point of this room."""

from __future__ import annotations

import time
from collections.abc import Callable, Collection
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import numpy as np

from facestudio.atomic import write_folder
from facestudio.errors import OutputError
from facestudio.export.checklist import Check, metahuman_checklist
from facestudio.export.cloud import SUFFIX as CLOUD_SUFFIX
from facestudio.export.cloud import cloud_bytes
from facestudio.export.formats import DEFAULT, FORMATS, PREVIEW_NAME, REPORT_NAME
from facestudio.export.head_json import head_json
from facestudio.export.overlay import photo_and_overlay
from facestudio.export.pictures import png_bytes
from facestudio.export.portraits import HERO, SIX_VIEWS, Sitter, portrait, shrunk, sitter
from facestudio.export.report import PhotoPair, report_html
from facestudio.export.scene import HeadScene, build_scene
from facestudio.export.versions import versions
from facestudio.export.writers import WRITERS, Files, write_text
from facestudio.head.model import HeadModel
from facestudio.paths import FORBIDDEN, is_device, without_forbidden
from facestudio.progress import CancelToken, Progress, begun, beside, ended, silent
from facestudio.types import ByteArray, Reconstruction, Texture

STAGE = "export"
_PREVIEW_HEIGHT, _PREVIEW_WIDTH = 720, 600  # of each of its two halves
_VIEW_HEIGHT, _VIEW_WIDTH = 400, 320
_PORTRAIT_TEXELS = 1024
_WITH_TEXTURE = ("glb", "obj", "blender", "usd", "blend", "fbx")
_LONGEST_NAME = 200  # bytes: file systems take 255, with the ending and a temporary file's own letters


@dataclass(frozen=True)
class _Job:
    """What every step needs."""

    model: HeadModel
    reconstruction: Reconstruction
    texture: Texture
    scene: HeadScene
    progress: Progress
    cancel: CancelToken
    start: float

    def at(self, fraction: float, message: str) -> None:
        self.cancel.check()
        self.progress(STAGE, fraction, message)

    @cached_property
    def checks(self) -> tuple[Check, ...]:
        """Epic's requirements, measured."""
        return metahuman_checklist(self.model, self.scene, self.texture)

    @property
    def seconds(self) -> dict[str, float]:
        """The stages so far, with export up to this moment."""
        return dict(self.reconstruction.seconds) | {STAGE: time.perf_counter() - self.start}


def export_head(
    model: HeadModel,
    reconstruction: Reconstruction,
    texture: Texture,
    out: Path,
    name: str,
    formats: Collection[str] = DEFAULT,
    progress: Progress = silent,
    cancel: CancelToken | None = None,
) -> list[Path]:
    """Write a head's files into the folder `out`, all or none; returns their paths, sorted.

    name: stem of the files, see `export.formats.FORMATS`. formats: which of those to write. A head that rests on points brings
    NAME.points.ply along. Files of the same names are replaced, others in the folder stay.
    seconds in NAME.json are the reconstruction's with "export" added: the time from this call until that file is composed, last.
    Raises OutputError when the folder cannot be written or the name cannot be a file's, Cancelled when asked to stop,
    ValueError for an unknown format or parts that do not belong together.
    """
    unknown = set(formats) - set(FORMATS)
    if unknown:
        raise ValueError(f"unknown formats {sorted(unknown)}; known are {sorted(FORMATS)}")
    check_name(name)
    start = time.perf_counter()
    cancel = cancel or CancelToken()
    scene = build_scene(model, reconstruction, texture, name, cancel)
    job = _Job(model, reconstruction, texture, scene, progress, cancel, start)
    written = write_folder(out, lambda folder: _write(job, folder, set(formats)))
    progress(STAGE, 1.0, f"{len(written)} files in {out}")
    return written


def check_name(name: str) -> None:
    """Raise OutputError when a head's name cannot be a file's name on every system, Windows included."""
    if len(name.encode("utf-8", "replace")) > _LONGEST_NAME:
        raise OutputError(f"The name {name[:30]!r}… is too long for a file.", "Choose a shorter name.")
    bad = sorted({c for c in name if c in FORBIDDEN or not c.isprintable()})
    if is_device(name):
        reason = "Windows gives it to a device"
    elif bad or not name.strip() or name != name.strip() or name.startswith(".") or name.endswith("."):
        reason = f"it holds {' '.join(map(repr, bad))}" if bad else "it is empty or begins or ends with a dot or a space"
    else:
        return
    raise OutputError(f"{name!r} cannot be the name of a head: {reason}.", "Choose a name of letters, digits, '-' and '_'.")


def safe_name(text: str) -> str:
    """The nearest name that `check_name` accepts: for names that nobody chose, such as a folder's."""
    kept = without_forbidden(text).encode("utf-8", "replace")[:_LONGEST_NAME].decode("utf-8", "ignore").strip(" .")
    return f"_{kept}" if is_device(kept) else kept or "head"


def _write(job: _Job, folder: Path, formats: set[str]) -> None:
    job.at(0.0, "pictures")
    # OpenCV lets go of Python's lock while it compresses, so that the slowest step costs nothing on a second core.
    albedo_png = begun(lambda: png_bytes(job.texture.albedo)) if formats & set(_WITH_TEXTURE) else None
    small = shrunk(job.texture.albedo, _PORTRAIT_TEXELS) if formats & {"preview", "report"} else job.texture.albedo
    head = sitter(job.scene) if formats & {"preview", "report"} else None
    if head and "preview" in formats:
        drawn = _preview(job, head, small)
        job.cancel.check()
        (folder / PREVIEW_NAME).write_bytes(png_bytes(drawn))
    report = _report(job, head, small) if head and "report" in formats else None
    job.at(0.6, "texture")
    texture_png = ended(albedo_png, job.cancel) if albedo_png is not None else b""
    files = Files(job.model, job.reconstruction, job.texture, job.scene, texture_png)
    chosen = [key for key in FORMATS if key in formats and key in WRITERS]
    for number, key in enumerate(chosen):
        job.at(0.6 + 0.35 * number / len(chosen), FORMATS[key].label)
        WRITERS[key](files, folder, job.cancel)
    job.at(0.95, f"{job.scene.name}.json")
    if report is not None:
        write_text(folder / REPORT_NAME, beside(report, job.cancel))
    if job.reconstruction.points is not None:
        cloud = cloud_bytes(job.reconstruction.points, str(job.scene.metadata["scale_note"]))
        (folder / f"{job.scene.name}{CLOUD_SUFFIX}").write_bytes(cloud)
    job.cancel.check()
    if "json" in formats:
        job.checks  # noqa: B018 - measured once, and a look at the token stands before and after it
        job.cancel.check()
        text = head_json(job.model, job.reconstruction, job.texture, job.scene, job.seconds, job.checks)
        write_text(folder / f"{job.scene.name}.json", text)
    job.cancel.check()


def _preview(job: _Job, head: Sitter, albedo: ByteArray) -> ByteArray:
    halves = []
    for surface in (albedo, None):
        job.cancel.check()
        halves.append(portrait(head, HERO, _PREVIEW_HEIGHT, _PREVIEW_WIDTH, surface, cancel=job.cancel))
    return np.concatenate(halves, axis=1)


def _report(job: _Job, head: Sitter, albedo: ByteArray) -> Callable[[], str]:
    """Draw the report's pictures now; the text is composed last, when the times are known."""
    posed = np.asarray(job.reconstruction.posed_vertices, dtype=np.float64)
    photos = []
    for i, (view, camera) in enumerate(zip(job.reconstruction.views, job.reconstruction.cameras, strict=True)):
        job.at(0.2 + 0.05 * i, f"report: {view.name}")
        photos.append(
            PhotoPair(str(view.name), *photo_and_overlay(view.image.pixels, camera, posed, job.model.faces, view.landmarks))
        )
    portraits = []
    for i, pose in enumerate(SIX_VIEWS):
        job.at(0.35 + 0.04 * i, "report: the head")
        portraits.append((pose.label, portrait(head, pose, _VIEW_HEIGHT, _VIEW_WIDTH, albedo, cancel=job.cancel)))

    def compose() -> str:
        return report_html(
            job.model, job.reconstruction, job.texture, job.scene, photos, portraits, versions(), job.seconds, job.checks
        )

    return compose
