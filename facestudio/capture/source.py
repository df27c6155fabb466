"""What an operator writes for a camera becomes a way to make it: a number or name from the list, an address, a video, pictures."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

from facestudio.capture.camera import CameraSettings, LiveCamera
from facestudio.capture.device import Backend, Device, Identity, is_address, list_devices
from facestudio.capture.group import MakeCamera
from facestudio.errors import CameraError
from facestudio.types import ViewName


def camera_maker(text: str, settings: CameraSettings | None = None, backend: Backend = Backend.AUTO) -> MakeCamera:
    """How to make the camera that `text` means, each time anew: a place in the list ("0"), a device's name or path, a URL, or a file.

    Raises CameraError when it means nothing.
    """
    from facestudio.capture.opencv_camera import OpenCvCamera, Source
    from facestudio.capture.replay_camera import ReplayCamera

    asked = settings or CameraSettings()
    if "://" in text:
        return lambda: OpenCvCamera(Source(address=text), asked, backend)
    if Path(text).is_dir() or (Path(text).is_file() and not Path(text).is_char_device()):
        return lambda: ReplayCamera(Path(text), asked.fps)
    return device_maker(choose_device(text, list_devices(backend)).identity, asked, backend)


def device_maker(
    identity: Identity,
    settings: CameraSettings,
    backend: Backend = Backend.AUTO,
    rig: Mapping[ViewName, Identity] | None = None,
) -> MakeCamera:
    """How to make a plugged-in camera: found by its identity at each opening. rig: all cameras of its rig (see `opencv_camera.Source`)."""
    from facestudio.capture.opencv_camera import OpenCvCamera, Source

    devices = {view: i for view, i in (rig or {}).items() if not is_address(i)}

    def make() -> LiveCamera:
        return OpenCvCamera(Source(identity=identity, rig=devices), settings, backend)

    return make


def identity_maker(
    identity: Identity,
    settings: CameraSettings,
    backend: Backend = Backend.AUTO,
    rig: Mapping[ViewName, Identity] | None = None,
) -> MakeCamera:
    """How to make whatever an assignment remembers: a plugged-in camera, or an address or file kept as an identity (`address_identity`)."""
    if is_address(identity):
        return camera_maker(identity.path, settings, backend)
    return device_maker(identity, settings, backend, rig)


def choose_device(text: str, devices: Sequence[Device]) -> Device:
    """The device meant by its place in the list, its path or (part of) its name. Raises CameraError."""
    if text.isdigit():
        if int(text) < len(devices):
            return devices[int(text)]
    else:
        exact = [d for d in devices if text in (d.identity.path, f"/dev/video{d.index}")]
        named = [d for d in devices if text.lower() in d.name.lower()]
        if exact or len(named) == 1:
            return (exact or named)[0]
        if named:
            raise CameraError(f"{len(named)} cameras are called {text!r}.", "Name it by its number: `facestudio cameras list`.")
    known = ", ".join(f"{i} {d.name}" for i, d in enumerate(devices)) or "none is plugged in"
    raise CameraError(f"There is no camera {text!r} ({known}).", "See `facestudio cameras list`.")
