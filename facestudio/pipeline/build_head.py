"""The product's main job: photos in, textured head out. The window, the command line and a notebook call `reconstruct` alike."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass, replace
from pathlib import Path

from facestudio.atomic import check_folder
from facestudio.errors import CameraFileError, FaceStudioError
from facestudio.export.folder import check_name, export_head, safe_name
from facestudio.geometry.rasterize import ready
from facestudio.head.landmarks import LandmarkBasis
from facestudio.head.model import HeadModel
from facestudio.head.store import load_head
from facestudio.landmarks.detector import LandmarkDetector
from facestudio.landmarks.segmentation import foreground_mask
from facestudio.pipeline.cameras_file import read_cameras
from facestudio.pipeline.engines import ANY_NUMBER, check_engine, solve_head
from facestudio.pipeline.evidence import best_evidence, evidence_basis, evidence_error, with_dense
from facestudio.pipeline.import_triplet import find_frames, find_views, read_photos
from facestudio.pipeline.job import Clock, Job
from facestudio.progress import CancelToken, Partial, Progress, begun, ignored, silent
from facestudio.reconstruct.refinement import Quality
from facestudio.texture.build import build_texture, check_size
from facestudio.types import (
    Camera,
    Image,
    Reconstruction,
    Texture,
    Triplet,
    View,
    ViewName,
)


@dataclass(frozen=True)
class BuiltHead:
    """A finished head. files: what was written, empty when no folder was given."""

    model: HeadModel
    reconstruction: Reconstruction
    texture: Texture
    files: tuple[Path, ...] = ()


def reconstruct(
    photos: Sequence[Path | str],
    out: Path | str | None = None,
    *,
    cameras: Path | str | Mapping[ViewName, Camera] | None = None,
    head: str = "open",
    engine: str = "auto",
    quality: str = "standard",
    texture_size: int = 2048,
    name: str | None = None,
    progress: Progress = silent,
    cancel: CancelToken | None = None,
    detector: LandmarkDetector | None = None,
    partial: Partial = ignored,
) -> BuiltHead:
    """Reconstruct a textured head from photos and, when `out` is given, write the result folder.

    photos: picture files in the order left, front, right (a wrong order is detected and corrected). Without cameras all engines but
    "mfnet" take any number, in any order: all of them are measured, and three stand for the capture in texture, report and saved head.
    cameras: a rig's cameras.json, or cameras by view; the head is then metric. None: cameras are estimated and the size assumed.
    head: "open", "flame", or a head model file. texture_size: side of the square albedo, pixels.
    engine: "auto" refines the landmark fit by matching the photos densely; "fit" stops at the landmarks.
    quality: how long refinement may take: "draft", "standard" or "full".
    name: base name of the files; default: the photos' folder. detector: to reuse one; else one is made and closed here.
    partial: told what exists so far: the Triplet with its landmarks, then, as a Reconstruction each, the first impression of the network
    (auto), the landmark fit, and the refined head (all before the texture).

    Raises a FaceStudioError (see `facestudio.errors`) that says what is wrong with the input, the disk, or the model.
    """
    cancel, clock = cancel or CancelToken(), Clock()
    paths = [Path(p).expanduser() for p in photos]
    out = Path(out).expanduser() if out is not None else None
    check_engine(engine)
    if quality not in list(Quality):
        raise FaceStudioError(f"There is no quality {quality!r}.", f"Choose one of: {', '.join(Quality)}.")
    check_size(texture_size)
    if name is not None:
        check_name(name)
    if out is not None:
        check_folder(out)
    begun(ready)  # loads while the photos are read and looked at
    with clock.stage("read"):
        rig = read_cameras(Path(cameras).expanduser()) if isinstance(cameras, str | Path) else cameras
        images = read_photos(paths, progress, cancel, engine in ANY_NUMBER)
        if len(images) > 3 and rig is not None:
            raise CameraFileError(
                f"{len(images)} photos were given with the cameras of three.", "Give the rig's three photos, or no camera file."
            )
        model = load_head(head)
        evidence = best_evidence(model)
        basis, error = evidence_basis(model, evidence), evidence_error(evidence)
    with clock.stage("landmarks"):
        triplet, more = _find(images, evidence_basis(model), rig, detector, progress, cancel)
        if evidence != "mediapipe":
            triplet, more = with_dense(triplet, cancel), with_dense(Triplet(more), cancel).views
    partial(triplet)
    with clock.stage("masks"):
        masks, more_masks = ([foreground_mask(v.image) for v in views] for views in (triplet.views, more))
    errors = error, evidence_error()
    job = Job(triplet, model, basis, *errors, masks, Quality(quality), clock, progress, cancel, partial, more, more_masks)
    reconstruction = solve_head(engine, job)
    partial(reconstruction)
    with clock.stage("texture"):
        texture = build_texture(
            model,
            reconstruction.posed_vertices,
            reconstruction.views,
            reconstruction.cameras,
            texture_size,
            foreground=masks,
            progress=progress,
            cancel=cancel,
        )
    reconstruction = replace(reconstruction, seconds=clock.seconds)
    files: tuple[Path, ...] = ()
    if out is not None:
        files = tuple(
            export_head(model, reconstruction, texture, out, name or default_name(paths), progress=progress, cancel=cancel)
        )
    return BuiltHead(model, reconstruction, texture, files)


def default_name(paths: Sequence[Path]) -> str:
    """What to call a head when nobody said: the photos' folder, or the file when there is only one."""
    return safe_name((paths[0].stem if len(set(paths)) == 1 else paths[0].resolve().parent.name) or "head")


def _find(
    images: Sequence[Image],
    basis: LandmarkBasis,
    rig: Mapping[ViewName, Camera] | None,
    detector: LandmarkDetector | None,
    progress: Progress,
    cancel: CancelToken,
) -> tuple[Triplet, tuple[View, ...]]:
    """The views with their landmarks, and those beyond three."""
    if detector is None:
        from facestudio.landmarks.mediapipe_detector import MediapipeDetector

        with closing(MediapipeDetector()) as own:
            return _find(images, basis, rig, own, progress, cancel)
    if len(images) > 3:
        return find_frames(images, basis, detector, progress, cancel)
    return find_views(images, basis, detector, rig, progress, cancel), ()
