"""The product's main job: photos in, textured head out. The window, the command line and a notebook call `reconstruct` alike."""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path

import numpy as np

from facestudio.atomic import check_folder
from facestudio.errors import FaceStudioError
from facestudio.export.folder import export_head, safe_name
from facestudio.head.landmarks import LandmarkBasis, landmark_basis
from facestudio.head.model import HeadModel
from facestudio.head.store import load_head
from facestudio.landmarks.detector import LandmarkDetector
from facestudio.landmarks.segmentation import foreground_mask
from facestudio.paths import models_dir
from facestudio.pipeline.cameras_file import read_cameras
from facestudio.pipeline.import_triplet import find_views, read_photos
from facestudio.progress import CancelToken, Progress, silent
from facestudio.reconstruct import detector_error
from facestudio.reconstruct.fit import Fit, FitConfig, fit_landmarks
from facestudio.reconstruct.quality import mean_head_reprojection, view_qualities
from facestudio.reconstruct.scale import assumed_scale
from facestudio.texture.build import build_texture
from facestudio.types import Camera, Image, Reconstruction, Scale, Texture, Triplet, ViewName, ViewQuality

ENGINES = ("fit",)
SCHEME = "mediapipe478"


@dataclass(frozen=True)
class BuiltHead:
    """A finished head. files: what was written, empty when no folder was given."""

    model: HeadModel
    reconstruction: Reconstruction
    texture: Texture
    files: tuple[Path, ...] = ()


@dataclass
class _Clock:
    """Seconds spent in each stage."""

    seconds: dict[str, float] = field(default_factory=dict)

    @contextmanager
    def stage(self, name: str) -> Iterator[None]:
        start = time.perf_counter()
        try:
            yield
        finally:
            self.seconds[name] = self.seconds.get(name, 0.0) + time.perf_counter() - start


def reconstruct(
    photos: Sequence[Path | str],
    out: Path | str | None = None,
    *,
    cameras: Path | str | Mapping[ViewName, Camera] | None = None,
    head: str = "open",
    engine: str = "fit",
    texture_size: int = 2048,
    name: str | None = None,
    progress: Progress = silent,
    cancel: CancelToken | None = None,
    detector: LandmarkDetector | None = None,
) -> BuiltHead:
    """Reconstruct a textured head from one to three photos and, when `out` is given, write the result folder.

    photos: picture files in the order left, front, right (a wrong order is detected and corrected).
    cameras: a rig's cameras.json, or cameras by view; the head is then metric. None: cameras are estimated and the size assumed.
    head: "open", "flame", or a head model file. texture_size: side of the square albedo, pixels.
    name: base name of the files; default: the photos' folder. detector: to reuse one; else one is made and closed here.

    Raises a FaceStudioError (see `facestudio.errors`) that says what is wrong with the input, the disk, or the model.
    """
    cancel, clock = cancel or CancelToken(), _Clock()
    paths = [Path(p) for p in photos]
    if engine not in ENGINES:
        raise FaceStudioError(f"There is no engine {engine!r}.", f"Choose one of: {', '.join(ENGINES)}.")
    if not 256 <= texture_size <= 8192:
        raise FaceStudioError(
            f"A texture of {texture_size} pixels cannot be made.", "Choose a size from 256 to 8192; 2048 is usual."
        )
    if out is not None:
        check_folder(Path(out))
    with clock.stage("read"):
        rig = read_cameras(Path(cameras)) if isinstance(cameras, str | Path) else cameras
        images = read_photos(paths, progress, cancel)
        model = load_head(head)
        basis = fitting_basis(model)
    with clock.stage("landmarks"):
        triplet = _find(images, basis, rig, detector, progress, cancel)
    reconstruction = fit_head(triplet, model, basis, clock, progress, cancel)
    with clock.stage("texture"):
        masks = [foreground_mask(v.image) for v in reconstruction.views]
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
            export_head(
                model, reconstruction, texture, Path(out), name or default_name(paths), progress=progress, cancel=cancel
            )
        )
    return BuiltHead(model, reconstruction, texture, files)


def default_name(paths: Sequence[Path]) -> str:
    """What to call a head when nobody said: the photos' folder, or the file when there is only one."""
    return safe_name((paths[0].stem if len(set(paths)) == 1 else paths[0].resolve().parent.name) or "head")


def fitting_basis(model: HeadModel) -> LandmarkBasis:
    """The landmarks the fit uses: mediapipe's, on the skin (irises move with the gaze, which the fit does not estimate)."""
    full = landmark_basis(model, SCHEME)
    skin = full.ids < 468
    return LandmarkBasis(full.ids[skin], full.mean[skin], full.identity[skin], full.expression[skin], full.named)


def detector_errors(basis: LandmarkBasis) -> detector_error.DetectorError:
    """What mediapipe gets wrong, as shipped in models/."""
    return detector_error.load(models_dir() / "mediapipe_error.npz")


def _find(
    images: Sequence[Image],
    basis: LandmarkBasis,
    rig: Mapping[ViewName, Camera] | None,
    detector: LandmarkDetector | None,
    progress: Progress,
    cancel: CancelToken,
) -> Triplet:
    if detector is not None:
        return find_views(images, basis, detector, rig, progress, cancel)
    from facestudio.landmarks.mediapipe_detector import MediapipeDetector

    with closing(MediapipeDetector()) as own:
        return find_views(images, basis, own, rig, progress, cancel)


def fit_head(
    triplet: Triplet,
    model: HeadModel,
    basis: LandmarkBasis,
    clock: _Clock | None = None,
    progress: Progress = silent,
    cancel: CancelToken | None = None,
) -> Reconstruction:
    """The landmark engine: cameras, identity and expression of a triplet, its scale and its quality."""
    clock, cancel, config = clock or _Clock(), cancel or CancelToken(), FitConfig()
    error, views = detector_errors(basis), triplet.views
    with clock.stage("fit"):
        fit = fit_landmarks(views, basis, error, config, progress, cancel)
    with clock.stage("quality"):
        baseline = mean_head_reprojection(views, basis, error)
        quality = view_qualities(views, fit, basis, error, config, cancel)
    return _finished(triplet, model, fit, quality, baseline)


def _finished(
    triplet: Triplet, model: HeadModel, fit: Fit, quality: tuple[ViewQuality, ...], baseline: float
) -> Reconstruction:
    neutral = model.template.astype(np.float64) + model.identity_basis @ fit.identity
    posed = neutral + model.expression_basis @ fit.expression
    cameras, scale, notes = fit.cameras, Scale.METRIC, list(triplet.notes)
    if fit.world_from_head is None:
        scale = Scale.ASSUMED
        eyes = (model.joint_regressor @ posed)[[4, 3]]
        factor = assumed_scale(triplet.views, cameras, eyes, [q.yaw_degrees for q in quality])
        neutral, posed = neutral * factor, posed * factor
        cameras = tuple(replace(c, t=c.t * factor) for c in cameras)
    if float(np.mean(fit.reprojection_px)) > baseline:
        notes.append(
            "The fitted head explains the landmarks no better than the average head does: treat the shape as an average."
        )
    return Reconstruction(
        head_model=model.name,
        identity=fit.identity,
        expression=fit.expression,
        vertices=neutral,
        posed_vertices=posed,
        views=triplet.views,
        cameras=cameras,
        scale=scale,
        quality=quality,
        engine="fit",
        notes=tuple(notes),
        mean_head_reprojection_px=baseline,
        world_from_head=fit.world_from_head,
    )
