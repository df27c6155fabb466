from __future__ import annotations

import random
from pathlib import Path

import cv2_enumerate_cameras
import pytest

from facestudio.capture import device
from facestudio.capture.bandwidth import bus_of, forecast
from facestudio.capture.camera import CameraSettings
from facestudio.capture.device import Device, Identity, MatchedBy, resolve
from facestudio.capture.driver_errors import explained_text, refused
from facestudio.capture.source import camera_maker, choose_device
from facestudio.errors import CameraError
from facestudio.types import ViewName

C920 = {v: Identity(f"/dev/v4l/by-path/usb-0:{i}", "046d:082d", "HD Pro Webcam C920") for i, v in enumerate(ViewName)}


def plugged(*identities: Identity) -> list[Device]:
    return [Device(i, 200, identity) for i, identity in enumerate(identities)]


def test_three_identical_cameras_come_back_by_port_in_any_order() -> None:
    for seed in range(6):
        order = list(C920.values())
        random.Random(seed).shuffle(order)
        found = resolve(C920, plugged(*order))
        assert {v: m.device.identity for v, m in found.items()} == C920
        assert all(m.certain and m.by is MatchedBy.PATH for m in found.values())


def test_a_camera_moved_to_another_port_is_found_by_make_and_is_certain_when_it_is_the_only_one_left() -> None:
    moved = Identity("/dev/v4l/by-path/usb-0:9", "046d:082d", "HD Pro Webcam C920")
    found = resolve(C920, plugged(C920[ViewName.FRONT], moved, C920[ViewName.LEFT]))
    assert found[ViewName.RIGHT].device.identity == moved
    assert found[ViewName.RIGHT].by is MatchedBy.USB
    assert found[ViewName.RIGHT].certain


def test_two_identical_cameras_on_new_ports_are_not_called_certain() -> None:
    new = [Identity(f"new{i}", "046d:082d", "HD Pro Webcam C920") for i in range(2)]
    found = resolve(C920, plugged(C920[ViewName.FRONT], *new))
    assert found[ViewName.FRONT].certain
    assert not found[ViewName.LEFT].certain
    assert not found[ViewName.RIGHT].certain
    assert found[ViewName.LEFT].device != found[ViewName.RIGHT].device


def test_three_identical_cameras_on_new_ports_are_three_and_the_operator_is_asked_to_look(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    from facestudio.capture import opencv_camera

    new = [Identity(f"new{i}", "046d:082d", "HD Pro Webcam C920") for i in range(3)]
    monkeypatch.setattr(opencv_camera, "list_devices", lambda _backend: tuple(plugged(*new)))
    cameras = [opencv_camera.OpenCvCamera(opencv_camera.Source(identity=i, rig=C920)) for i in C920.values()]
    found = [c.find(i) for c, i in zip(cameras, C920.values(), strict=True)]
    assert len({m.device for m in found}) == 3
    assert not any(m.certain for m in found)
    monkeypatch.setattr(opencv_camera, "list_devices", lambda _backend: ())
    with pytest.raises(CameraError, match="not plugged in"):
        cameras[0].open()


def test_a_missing_camera_is_missing_and_takes_no_other() -> None:
    other = Identity("elsewhere", "1234:5678", "Built-in")
    found = resolve(C920, plugged(C920[ViewName.LEFT], C920[ViewName.FRONT], other))
    assert set(found) == {ViewName.LEFT, ViewName.FRONT}


def test_devices_are_listed_with_their_port_instead_of_their_index(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    video = tmp_path / "video4"
    video.touch()
    ports = tmp_path / "by-path"
    ports.mkdir()
    (ports / "pci-0000:00:14.0-usb-0:2:1.0-video-index0").symlink_to(video)
    info = cv2_enumerate_cameras.CameraInfo(4, "Cam", str(video), 0x46D, 0x82D, 200)
    monkeypatch.setattr(cv2_enumerate_cameras, "enumerate_cameras", lambda _backend: [info])
    monkeypatch.setattr(device, "_BY_PATH", ports)
    (found,) = device.list_devices(device.Backend.V4L2)
    assert found.identity == Identity(str(ports / "pci-0000:00:14.0-usb-0:2:1.0-video-index0"), "046d:082d", "Cam")
    assert found.index == 4


def test_the_assignment_survives_and_a_damaged_one_is_empty(tmp_path: Path) -> None:
    path = tmp_path / "rig.json"
    device.save_assignment(C920, path)
    assert device.load_assignment(path) == C920
    path.write_text('{"left": 3}')
    assert device.load_assignment(path) == {}
    assert device.load_assignment(tmp_path / "none.json") == {}


def test_the_usb_forecast_agrees_with_what_is_known_of_a_bus() -> None:
    one = {ViewName.LEFT: CameraSettings(640, 480, 30, "YUYV")}
    assert forecast({ViewName.LEFT: ""}, one).mbit["shared"] == pytest.approx(196, rel=0.01)
    raw, mjpg = ({v: CameraSettings(1280, 720, 30, f) for v in ViewName} for f in ("YUYV", "MJPG"))
    ports = dict.fromkeys(ViewName, "")
    assert not forecast(ports, raw).fits
    assert "MJPG" in forecast(ports, raw).sentence
    assert forecast(ports, mjpg).fits


def test_a_bus_is_read_from_the_port_and_cameras_on_two_buses_do_not_add_up() -> None:
    a, b = (f"/dev/v4l/by-path/pci-0000:00:14.0-usb-0:{p}:1.0-video-index0" for p in ("1", "2.3"))
    assert (bus_of(a), bus_of(b)) == ("0000:00:14.0 port 1", "0000:00:14.0 port 2")
    raw = dict.fromkeys((ViewName.LEFT, ViewName.RIGHT), CameraSettings(640, 480, 30, "YUYV"))
    raw_load = forecast({ViewName.LEFT: a, ViewName.RIGHT: b}, raw).mbit
    assert len(raw_load) == 2


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("VIDIOC_STREAMON: No space left on device", "no room left"),
        ("VIDIOC_S_FMT: Device or resource busy", "another program"),
        ("open: Permission denied", "not allowed"),
        ("something odd", "something odd"),
    ],
)
def test_what_a_driver_says_is_translated(text: str, words: str) -> None:
    error = explained_text("C920", text)
    assert words in error.what
    assert error.remedy


def test_a_camera_that_does_not_open_is_asked_why() -> None:
    assert "not plugged in" in refused("C920", "/dev/video-none").what
    assert "does not open" in refused("C920", "").what


def test_a_device_is_chosen_by_number_path_or_name() -> None:
    devices = plugged(*C920.values(), Identity("builtin", "", "Laptop camera"))
    assert choose_device("1", devices) == devices[1]
    assert choose_device("laptop", devices) == devices[3]
    assert choose_device(devices[2].identity.path, devices) == devices[2]
    for text, words in (("c920", "3 cameras are called"), ("7", "no camera '7'"), ("nikon", "no camera 'nikon'")):
        with pytest.raises(CameraError, match=words):
            choose_device(text, devices)


@pytest.mark.parametrize("name", ["missing", "broken", "folder"])
def test_a_file_that_is_no_camera_is_named(tmp_path: Path, name: str) -> None:
    (tmp_path / "folder").mkdir()
    (tmp_path / "broken").write_bytes(b"no video")
    with pytest.raises(CameraError, match=name):
        camera_maker(str(tmp_path / name))().open()
