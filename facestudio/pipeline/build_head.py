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
from facestudio.export.folder import check_name, export_head, safe_name
from facestudio.geometry.frames import yaw_degrees
from facestudio.head.landmarks import LandmarkBasis, embedding, landmark_basis, on_surface
from facestudio.head.model import HeadModel
from facestudio.head.store import load_head
from facestudio.landmarks.detector import LandmarkDetector
from facestudio.landmarks.segmentation import foreground_mask
from facestudio.paths import models_dir
from facestudio.pipeline.cameras_file import read_cameras
from facestudio.pipeline.check_fit import check_fit
from facestudio.pipeline.import_triplet import find_views, read_photos
from facestudio.progress import CancelToken, Partial, Progress, ignored, silent
from facestudio.reconstruct import detector_error
from facestudio.reconstruct.fit import FitConfig, fit_landmarks, head_to_world
from facestudio.reconstruct.quality import landmark_residual, mean_head_reprojection, rigid, view_qualities
from facestudio.reconstruct.refine import Quality, Refined, refine, refine_config
from facestudio.reconstruct.scale import assumed_scale
from facestudio.texture.build import build_texture, check_size
from facestudio.types import (
    BoolArray,
    Camera,
    Float32Array,
    Float64Array,
    Image,
    Reconstruction,
    Scale,
    Texture,
    Triplet,
    ViewName,
)

ENGINES = ("auto", "fit")
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
    engine: str = "auto",
    quality: str = "standard",
    texture_size: int = 2048,
    name: str | None = None,
    progress: Progress = silent,
    cancel: CancelToken | None = None,
    detector: LandmarkDetector | None = None,
    partial: Partial = ignored,
) -> BuiltHead:
    """Reconstruct a textured head from one to three photos and, when `out` is given, write the result folder.

    photos: picture files in the order left, front, right (a wrong order is detected and corrected).
    cameras: a rig's cameras.json, or cameras by view; the head is then metric. None: cameras are estimated and the size assumed.
    head: "open", "flame", or a head model file. texture_size: side of the square albedo, pixels.
    engine: "auto" refines the landmark fit by matching the photos densely; "fit" stops at the landmarks.
    quality: how long refinement may take: "draft", "standard" or "full".
    name: base name of the files; default: the photos' folder. detector: to reuse one; else one is made and closed here.
    partial: told what exists so far: the Triplet with its landmarks, then the Reconstruction of the landmark fit, then the refined one
    (both before the texture).

    Raises a FaceStudioError (see `facestudio.errors`) that says what is wrong with the input, the disk, or the model.
    """
    cancel, clock = cancel or CancelToken(), _Clock()
    paths = [Path(p).expanduser() for p in photos]
    out = Path(out).expanduser() if out is not None else None
    if engine not in ENGINES:
        raise FaceStudioError(f"There is no engine {engine!r}.", f"Choose one of: {', '.join(ENGINES)}.")
    if quality not in list(Quality):
        raise FaceStudioError(f"There is no quality {quality!r}.", f"Choose one of: {', '.join(Quality)}.")
    check_size(texture_size)
    if name is not None:
        check_name(name)
    if out is not None:
        check_folder(out)
    with clock.stage("read"):
        rig = read_cameras(Path(cameras).expanduser()) if isinstance(cameras, str | Path) else cameras
        images = read_photos(paths, progress, cancel)
        model = load_head(head)
        basis = fitting_basis(model)
    with clock.stage("landmarks"):
        triplet = _find(images, basis, rig, detector, progress, cancel)
    partial(triplet)
    with clock.stage("masks"):
        masks = [foreground_mask(v.image) for v in triplet.views]
    job = _Job(triplet, model, basis, detector_errors(), masks, clock, progress, cancel, partial)
    reconstruction = solve_head(job, Quality(quality) if engine == "auto" else None)
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


def fitting_basis(model: HeadModel) -> LandmarkBasis:
    """The landmarks the fit uses: mediapipe's, on the skin (irises move with the gaze, which the fit does not estimate)."""
    full = landmark_basis(model, SCHEME)
    skin = full.ids < 468
    return LandmarkBasis(full.ids[skin], full.mean[skin], full.identity[skin], full.expression[skin], full.named)


def detector_errors() -> detector_error.DetectorError:
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


@dataclass(frozen=True)
class _Job:
    """What solving for a head needs. masks: (H, W) float32 in [0, 1] per view, 1 where the person is."""

    triplet: Triplet
    model: HeadModel
    basis: LandmarkBasis
    error: detector_error.DetectorError
    masks: Sequence[Float32Array]
    clock: _Clock
    progress: Progress
    cancel: CancelToken
    partial: Partial = ignored


def solve_head(job: _Job, quality: Quality | None) -> Reconstruction:
    """Cameras and shape of a triplet: the landmark fit, refined when a quality is given and photos can be matched; scale, quality."""
    views, basis, error = job.triplet.views, job.basis, job.error
    with job.clock.stage("fit"):
        fit = fit_landmarks(views, basis, error, None, job.progress, job.cancel)
        notes = (*job.triplet.notes, *check_fit(views, fit.reprojection_px, job.triplet.calibrated))
    if job.triplet.calibrated and len(views) == 1:  # from one side, a small head nearby looks like a large one far away
        notes = (*notes, "One calibrated photo does not measure size; two do. The size is that of an average head.")
    with job.clock.stage("quality"):
        baseline = mean_head_reprojection(views, basis, error)
        seen = view_qualities(views, fit, basis, error, FitConfig(), job.cancel)
    neutral = job.model.template.astype(np.float64) + job.model.identity_basis @ fit.identity
    result = Reconstruction(
        head_model=job.model.name,
        identity=fit.identity,
        expression=fit.expression,
        vertices=neutral,
        posed_vertices=neutral + job.model.expression_basis @ fit.expression,
        views=views,
        cameras=fit.cameras,
        scale=Scale.METRIC if job.triplet.calibrated and len(views) > 1 else Scale.ASSUMED,
        quality=seen,
        engine="fit",
        notes=notes,
        mean_head_reprojection_px=baseline,
        world_from_head=fit.world_from_head,
    )
    if quality is not None and len(views) > 1:
        job.partial(result if job.triplet.calibrated else _human_sized(result, job.model))
        with job.clock.stage("refine"):
            result = _refined(result, job, quality)
    # Landmarks are all that this engine knows; dense matching has better evidence, which may well disagree with theirs.
    if result.engine == "fit" and float(np.mean([q.reprojection_px for q in seen])) > baseline:
        note = "The head explains the landmarks no better than the average head does: treat the shape as an average."
        result = replace(result, notes=(*result.notes, note))
    return result if job.triplet.calibrated else _human_sized(result, job.model)


def _refined(fitted: Reconstruction, job: _Job, quality: Quality) -> Reconstruction:
    """The landmark fit improved by dense matching, or as it was, with the reason, when the photos do not support that."""
    found = refine(
        fitted.views,
        fitted.cameras,
        job.model,
        fitted.identity,
        fitted.expression,
        job.masks,
        refine_config(quality),
        calibrated=job.triplet.calibrated,
        error=job.error,
        progress=job.progress,
        cancel=job.cancel,
    )
    job.cancel.check()
    if not found.accepted:
        return replace(fitted, notes=(*fitted.notes, f"The photos were not matched densely: {found.reason}"))
    if not job.triplet.calibrated:
        found = _at_the_size_of(fitted.vertices, found, job.model.part_vertices("face", "skin", "lips"))
    points = on_surface(found.posed_vertices, job.model.faces, embedding(job.model, SCHEME))
    known = embedding(job.model, SCHEME).ids
    head = rigid(job.basis, points[np.isin(known, job.basis.ids)])
    views = zip(fitted.quality, fitted.views, found.cameras, strict=True)
    quality_now = tuple(
        replace(q, reprojection_px=landmark_residual(v, c, head, job.error), yaw_degrees=yaw_degrees(c)) for q, v, c in views
    )
    first, world = fitted.views[0].camera, fitted.world_from_head
    if first is not None and world is not None:
        world = head_to_world(first, (found.cameras[0].R, found.cameras[0].t))
    return replace(
        fitted,
        identity=found.identity,
        expression=found.expression,
        vertices=found.vertices,
        posed_vertices=found.posed_vertices,
        cameras=found.cameras,
        quality=quality_now,
        engine="auto",
        world_from_head=world,
        sigma=found.sigma_m,
    )


def _at_the_size_of(reference: Float64Array, found: Refined, face: BoolArray) -> Refined:
    """A refined head and its cameras at the size of a reference (V, 3), compared on the face (V,) bool.

    Photos without calibration say nothing about size, so matching them lets it drift; the landmark fit is held to the prior's size.
    """
    spread = [float(np.linalg.norm(v[face] - v[face].mean(0))) for v in (reference, found.vertices)]
    factor = spread[0] / spread[1]
    return replace(
        found,
        vertices=found.vertices * factor,
        posed_vertices=found.posed_vertices * factor,
        cameras=tuple(replace(c, t=c.t * factor) for c in found.cameras),
        sigma_m=found.sigma_m * factor,
    )


def _human_sized(r: Reconstruction, model: HeadModel) -> Reconstruction:
    """An uncalibrated head at the size average anatomy suggests, with its cameras moved along."""
    eyes = (model.joint_regressor @ r.posed_vertices)[[4, 3]]
    factor = assumed_scale(r.views, r.cameras, eyes, [q.yaw_degrees for q in r.quality])
    return replace(
        r,
        vertices=r.vertices * factor,
        posed_vertices=r.posed_vertices * factor,
        cameras=tuple(replace(c, t=c.t * factor) for c in r.cameras),
        sigma=None if r.sigma is None else r.sigma * factor,
    )
