"""`facestudio capture --left … --front … --right … -o DIR`: one press of the shutter without a window."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from facestudio.capture.device import Backend, Identity
from facestudio.cli.console import out, running
from facestudio.types import ViewName

if TYPE_CHECKING:
    from facestudio.capture.camera import CameraSettings
    from facestudio.capture.group import MakeCamera
    from facestudio.capture.sight import FaceLooker

_CAMERA = "number, name, URL, video or folder of pictures; default: as assigned before."


def capture(
    output: Annotated[Path, typer.Option("--output", "-o", help="New folder for the capture.")],
    left: Annotated[str | None, typer.Option(help=f"The camera on the subject's left: {_CAMERA}")] = None,
    front: Annotated[str | None, typer.Option(help=f"The camera in front: {_CAMERA}")] = None,
    right: Annotated[str | None, typer.Option(help=f"The camera on the subject's right: {_CAMERA}")] = None,
    countdown: Annotated[float, typer.Option(help="Seconds before the burst.")] = 3.0,
    width: Annotated[int, typer.Option(help="Width asked for, pixels.")] = 1280,
    height: Annotated[int, typer.Option(help="Height asked for, pixels.")] = 720,
    fps: Annotated[float, typer.Option(help="Pictures per second asked for.")] = 30.0,
    checks: Annotated[bool, typer.Option(help="Look for the face and prefer open eyes.")] = True,
    lock: Annotated[bool, typer.Option(help="Lock exposure, white balance and focus first.")] = False,
    backend: Annotated[Backend, typer.Option(help="How cameras are reached.")] = Backend.AUTO,
) -> None:
    """Take a triplet: a burst of one second, of which the best synchronous moment is kept."""
    with running() as (progress, cancel):
        from facestudio.capture.calibration.rig_file import load_rig
        from facestudio.capture.camera import CameraSettings
        from facestudio.capture.exposure import lock as lock_cameras
        from facestudio.capture.group import CameraGroup
        from facestudio.capture.shutter import ShutterConfig, shoot
        from facestudio.errors import CameraError
        from facestudio.pipeline.capture_triplet import ShotContext, keep_in_folder

        settings = CameraSettings(width, height, fps)
        given = {ViewName.LEFT: left, ViewName.FRONT: front, ViewName.RIGHT: right}
        makers, identities = _cameras(given, settings, backend)
        with CameraGroup(makers) as group:
            progress("open", 0.0, "opening the cameras")
            if not group.wait_live(25.0):
                lost = next((h.error for v in group.views if (h := group.health(v)).error), None)
                raise lost or CameraError("A camera sends no pictures.", "Check it with `facestudio cameras test`.")
            progress("open", 1.0)
            locked = {v: r.note for v, r in lock_cameras(group, cancel=cancel).items()} if lock else {}
            looker = _looker() if checks else None
            try:
                shot = shoot(group, ShutterConfig(countdown_s=countdown), looker, progress, cancel)
            finally:
                if looker is not None:
                    looker.close()
        context = ShotContext(identities, locked, load_rig())
        folder = keep_in_folder(output, shot, context)
    out.print(shot.choice.reason, markup=False)
    for view, report in shot.reports.items():
        out.print(f"{view:>6}: " + ", ".join(c.words for c in report.checks), markup=False)
    out.print(str(folder), markup=False)


def _cameras(
    given: dict[ViewName, str | None], settings: CameraSettings, backend: Backend
) -> tuple[dict[ViewName, MakeCamera], dict[ViewName, Identity]]:
    """How to make each view's camera, and its identity where it is a device. What was given goes before what was assigned."""
    from facestudio.capture.device import list_devices, load_assignment, save_assignment
    from facestudio.capture.source import camera_maker, choose_device, identity_maker
    from facestudio.errors import CameraError

    makers, identities = {}, {}
    remembered = load_assignment()
    nothing_given = not any(given.values())
    for view, text in given.items():
        if text is not None and ("://" in text or (Path(text).exists() and not text.startswith("/dev/"))):
            makers[view] = camera_maker(text, settings, backend)
        elif text is not None:
            identities[view] = choose_device(text, list_devices(backend)).identity
        elif nothing_given and view in remembered:
            identities[view] = remembered[view]
    makers.update({v: identity_maker(i, settings, backend, identities) for v, i in identities.items()})
    if not makers:
        raise CameraError("No camera was named, and none was assigned before.", "Name them: --left 0 --front 1 --right 2.")
    if identities and not nothing_given:
        save_assignment({**remembered, **identities})
    return makers, identities


def _looker() -> FaceLooker:
    from facestudio.capture.sight import FaceLooker

    return FaceLooker()
