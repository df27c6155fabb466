"""Which cameras are plugged in, without opening any, and which of them is the left, front and right one.

An index is not an identity: it follows the order in which the system found the cameras. A camera is known by the port it is plugged
into (path), else by its make (USB vendor and product), else by its name. Identical webcams share everything but the port.
"""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from enum import StrEnum
from pathlib import Path

from facestudio.atomic import write_file
from facestudio.errors import CameraError
from facestudio.paths import user_data_dir
from facestudio.types import ViewName

_BY_PATH = Path("/dev/v4l/by-path")
_ADDRESS = "address"  # in the place of the USB numbers: this identity is opened as it is


class Backend(StrEnum):
    """How OpenCV reaches a camera. AUTO: V4L2 on Linux, Media Foundation on Windows, AVFoundation on macOS."""

    AUTO = "auto"
    V4L2 = "v4l2"
    MSMF = "msmf"
    DSHOW = "dshow"
    AVFOUNDATION = "avfoundation"


@dataclass(frozen=True)
class Identity:
    """What a camera is recognised by. path: its port. usb: "046d:0825" or "". name: as the system calls it."""

    path: str
    usb: str = ""
    name: str = ""


@dataclass(frozen=True)
class Device:
    """A camera that is plugged in now. index: valid for `backend` (an OpenCV number) and this moment only."""

    index: int
    backend: int
    identity: Identity

    @property
    def name(self) -> str:
        """What the operator calls it."""
        return self.identity.name or self.identity.path


def is_address(identity: Identity) -> bool:
    """True for what `address_identity` made."""
    return identity.usb == _ADDRESS


def address_identity(address: str) -> Identity:
    """A network camera, video or folder of pictures as an identity, so that an assignment can remember it."""
    return Identity(address, _ADDRESS, address.rsplit("/", 1)[-1] or address)


class MatchedBy(StrEnum):
    """How surely a camera was recognised: PATH for certain, the others when the ports changed."""

    PATH = "port"
    USB = "make"
    NAME = "name"


@dataclass(frozen=True)
class Match:
    """A device that was recognised. certain: no other device fits as well, so left cannot have become right."""

    device: Device
    by: MatchedBy
    certain: bool


def default_backend(platform: str = sys.platform) -> Backend:
    """The backend that AUTO stands for on a platform."""
    if platform == "win32":
        return Backend.MSMF
    return Backend.AVFOUNDATION if platform == "darwin" else Backend.V4L2


def backend_number(backend: Backend) -> int:
    """OpenCV's number of a backend."""
    import cv2

    chosen = default_backend() if backend is Backend.AUTO else backend
    return int(getattr(cv2, f"CAP_{chosen.name}"))


def list_devices(backend: Backend = Backend.AUTO) -> tuple[Device, ...]:
    """The cameras plugged in now, from the system's own tables: none is opened, so none can crash, block or blink.

    Raises CameraError when the backend does not exist on this system.
    """
    from cv2_enumerate_cameras import enumerate_cameras

    number = backend_number(backend)
    try:
        found = enumerate_cameras(number)
    except NotImplementedError as error:
        raise CameraError(f"{backend} does not exist on this system.", "Choose the backend auto.") from error
    ports = _stable_paths(_BY_PATH)
    devices = []
    for camera in found:
        usb = f"{camera.vid:04x}:{camera.pid:04x}" if camera.vid is not None and camera.pid is not None else ""
        path = str(camera.path or "")
        devices.append(Device(int(camera.index), number, Identity(ports.get(path, path), usb, str(camera.name or ""))))
    return tuple(sorted(devices, key=lambda d: (d.identity.path, d.index)))


def _stable_paths(folder: Path) -> dict[str, str]:
    """On Linux /dev/video2 is an index, too; /dev/v4l/by-path names the port. Device file -> name of its port."""
    try:
        links = sorted(folder.iterdir())
    except OSError:
        return {}
    return {os.path.realpath(link): str(link) for link in links}


def resolve(wanted: Mapping[ViewName, Identity], devices: Sequence[Device]) -> dict[ViewName, Match]:
    """Recognise a rig's cameras among those plugged in; a view whose camera is missing is missing from the result.

    Ports are matched first for all views, then make, then name among what is left, so that no view takes another's camera. When two
    devices fit equally well the first by port is taken and `certain` is False: the operator must look.
    """
    free = list(devices)
    found: dict[ViewName, Match] = {}
    for by in MatchedBy:
        candidates, seekers = list(free), [v for v in wanted if v not in found]
        for view in seekers:
            key = _key(wanted[view], by)
            fitting = [d for d in free if key and _key(d.identity, by) == key]
            if fitting:
                # Equal to as many devices as views seek one: which is which, nobody can tell.
                rivals = [v for v in seekers if _key(wanted[v], by) == key]
                equals = [d for d in candidates if _key(d.identity, by) == key]
                certain = by is MatchedBy.PATH or len(rivals) == len(equals) == 1
                found[view] = Match(fitting[0], by, certain)
                free.remove(fitting[0])
    return found


def _key(identity: Identity, by: MatchedBy) -> str:
    if by is MatchedBy.PATH:
        return identity.path
    return identity.usb if by is MatchedBy.USB else identity.name


def assignment_file() -> Path:
    """Where this computer keeps which camera is left, front and right."""
    return user_data_dir() / "rig.json"


def save_assignment(assignment: Mapping[ViewName, Identity], path: Path | None = None) -> None:
    """Remember which camera is which. Raises OutputError."""
    content = {view.value: asdict(identity) for view, identity in assignment.items()}
    write_file(path or assignment_file(), json.dumps(content, indent=2, ensure_ascii=False).encode())


def load_assignment(path: Path | None = None) -> dict[ViewName, Identity]:
    """Which camera is which; empty when nothing, or nothing readable, was remembered: the operator then assigns again."""
    try:
        content = json.loads((path or assignment_file()).read_text(encoding="utf-8"))
        return {ViewName(k): Identity(str(v["path"]), str(v["usb"]), str(v["name"])) for k, v in content.items()}
    except (OSError, ValueError, KeyError, TypeError, AttributeError):
        return {}
