"""`facestudio cameras list|test`: which cameras are plugged in, and what one of them really does."""

from __future__ import annotations

import time
from typing import Annotated

import typer

from facestudio.capture.device import Backend
from facestudio.cli.console import failing_clearly, out, running

app = typer.Typer(no_args_is_help=True, help="Live cameras: list them, and test one.")

BackendOption = Annotated[Backend, typer.Option(help="How cameras are reached; auto is right unless a camera refuses.")]


@app.command("list")
def list_cameras(backend: BackendOption = Backend.AUTO) -> None:
    """The cameras that are plugged in; none is opened."""
    with failing_clearly():
        from facestudio.capture.device import list_devices, load_assignment, resolve

        devices = list_devices(backend)
        if not devices:
            out.print("No camera is plugged in.")
        seats = {match.device: view for view, match in resolve(load_assignment(), devices).items()}
        for number, device in enumerate(devices):
            seat = f" [{seats[device]}]" if device in seats else ""
            usb = f" ({device.identity.usb})" if device.identity.usb else ""
            out.print(f"{number}  {device.name}{usb}{seat}  {device.identity.path}", markup=False)


@app.command("test")
def test_camera(
    camera: Annotated[
        str, typer.Argument(help="Its number in the list, (part of) its name, a URL, a video or a folder of pictures.")
    ],
    width: Annotated[int, typer.Option(help="Width asked for, pixels.")] = 1280,
    height: Annotated[int, typer.Option(help="Height asked for, pixels.")] = 720,
    fps: Annotated[float, typer.Option(help="Pictures per second asked for.")] = 30.0,
    seconds: Annotated[float, typer.Option(help="How long to measure.")] = 3.0,
    backend: BackendOption = Backend.AUTO,
) -> None:
    """Open one camera, measure it for a few seconds, and say what it really does."""
    with running() as (progress, cancel):
        from facestudio.capture.camera import CameraSettings
        from facestudio.capture.group import CameraGroup
        from facestudio.capture.source import camera_maker
        from facestudio.capture.sync import sharpness
        from facestudio.errors import CameraError
        from facestudio.types import ViewName

        make = camera_maker(camera, CameraSettings(width, height, fps), backend)
        with CameraGroup({ViewName.FRONT: make}) as group:
            if not group.wait_live(25.0):
                error = group.health(ViewName.FRONT).error
                raise error or CameraError(
                    f"The camera {camera} sends no pictures.", "Check its cable, or try another backend."
                )
            start = time.monotonic()
            while (passed := time.monotonic() - start) < seconds:
                progress("measure", passed / seconds)
                cancel.check()
                time.sleep(0.1)
            progress("measure", 1.0)
            health, frame = group.health(ViewName.FRONT), group.latest(ViewName.FRONT)
    info = health.info
    assert info is not None and frame is not None
    kind = f" {info.fourcc}" if info.fourcc else ""
    out.print(f"{info.name}: {info.width} x {info.height}{kind} through {info.backend}", markup=False)
    out.print(f"{health.fps:.1f} pictures per second, {health.dropped} missing of {health.frames + health.dropped}")
    out.print(f"brightness {float(frame.bgr.mean()):.0f} of 255, sharpness {sharpness(frame.bgr):.0f}")
    for note in info.notes:
        out.print(f"Note: {note}", markup=False)
