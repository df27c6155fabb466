"""What camera drivers say, in the operator's language."""

from __future__ import annotations

import errno
import os
from pathlib import Path

from facestudio.errors import CameraError

_NO_ROOM = (
    "the USB bus has no room left for it",
    "Plug it into a USB port on another controller (not the same hub), or choose MJPG, a smaller picture or fewer pictures per second.",
)
_SENTENCES: dict[int, tuple[str, str]] = {
    errno.ENOSPC: _NO_ROOM,
    errno.EBUSY: ("another program is using it", "Close the other program (a video call, a browser tab), then try again."),
    errno.EACCES: (
        "you are not allowed to use it",
        "On Linux add yourself to the group 'video' and log in again; on Windows and macOS allow camera access in the privacy settings.",
    ),
    errno.ENODEV: ("it was unplugged", "Plug it in again."),
    errno.ENOENT: ("it is not plugged in", "Plug it in, then try again."),
    errno.EIO: ("the USB connection is unreliable", "Try another cable or port, without a hub."),
    errno.EPROTO: ("the USB connection is unreliable", "Try another cable or port, without a hub."),
    errno.ETIMEDOUT: ("it does not answer", "Unplug it, wait five seconds and plug it in again."),
    errno.EINVAL: ("it refuses these settings", "Choose another picture size or number of pictures per second."),
}
_TEXTS = {
    "No space left on device": errno.ENOSPC,
    "Device or resource busy": errno.EBUSY,
    "Permission denied": errno.EACCES,
    "No such device": errno.ENODEV,
    "No such file or directory": errno.ENOENT,
    "Input/output error": errno.EIO,
    "Protocol error": errno.EPROTO,
    "Connection timed out": errno.ETIMEDOUT,
    "Invalid argument": errno.EINVAL,
}


def explained(name: str, code: int) -> CameraError:
    """The error of a camera for a system error number."""
    reason, remedy = _SENTENCES.get(code, (f"its driver reports: {os.strerror(code)}", "Unplug it and plug it in again."))
    return CameraError(f"The camera {name} cannot be used: {reason}.", remedy)


def explained_text(name: str, text: str) -> CameraError:
    """The error of a camera for a driver's own words, such as `VIDIOC_STREAMON: No space left on device`."""
    for words, code in _TEXTS.items():
        if words.lower() in text.lower():
            return explained(name, code)
    return CameraError(
        f"The camera {name} cannot be used: its driver reports: {text.strip()}.", "Unplug it and plug it in again."
    )


def refused(name: str, device_file: str) -> CameraError:
    """A camera that did not open. OpenCV does not tell why, but opening its device file does (Linux only)."""
    if device_file.startswith("/dev/"):
        try:
            os.close(os.open(device_file, os.O_RDWR | os.O_NONBLOCK))
        except OSError as error:
            return explained(name, error.errno or errno.EIO)
        return explained(name, errno.EBUSY)
    return CameraError(
        f"The camera {name} does not open.", "Close other programs that use it, plug it in again, or choose another backend."
    )


def silent_start(name: str) -> CameraError:
    """A camera that opened but sent no first picture: with several cameras, that is how an overloaded bus shows itself."""
    reason, remedy = _NO_ROOM
    return CameraError(f"The camera {name} opened but sends no picture; most often {reason}.", remedy)


def unreachable(address: str) -> CameraError:
    """A network camera that does not answer."""
    return CameraError(f"No pictures come from {address}.", "Check the address, the cable and that the camera is switched on.")


def unreadable_file(path: Path) -> CameraError:
    """A video file that does not open."""
    if not path.exists():
        return CameraError(f"{path} does not exist.", "Check the file name.")
    return CameraError(f"{path.name} is not a video that can be read.", "Use an MP4, MKV or AVI file.")
