"""A mean OpenHead that knows everything a reconstruction knows, saved as a file; and a window's context without a window."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
from PySide6.QtCore import QCoreApplication
from PySide6.QtGui import QUndoStack

from facestudio.app.context import AppContext, Navigator
from facestudio.app.engine import Engine
from facestudio.app.jobs import Jobs
from facestudio.app.settings import SettingsStore
from facestudio.export.saved import save_head
from facestudio.geometry.camera import project
from facestudio.geometry.rotations import exp_so3
from facestudio.head.landmarks import embedding, on_surface
from facestudio.head.model import HeadModel
from facestudio.head.posing import PosedHead
from facestudio.library.store import Library
from facestudio.types import (
    PROVENANCE_INFERRED,
    PROVENANCE_MEASURED,
    PROVENANCE_MIRRORED,
    Camera,
    Image,
    Landmarks,
    Reconstruction,
    Scale,
    Texture,
    View,
    ViewName,
    ViewQuality,
)

YAWS = {ViewName.LEFT: 40.0, ViewName.FRONT: 0.0, ViewName.RIGHT: -40.0}
SMILE = 0.4


def until(condition: Callable[[], bool], seconds: float = 20.0) -> None:
    """Run the event loop until a condition holds."""
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end, "it did not happen"
        QCoreApplication.processEvents()
        time.sleep(0.002)


def camera_at(yaw: float) -> Camera:
    """A camera 0.6 m before the head, which it sees turned by yaw degrees."""
    K = np.array([[900.0, 0, 330.0], [0, 900.0, 230.0], [0, 0, 1]])
    R = np.diag([1.0, -1.0, -1.0]) @ exp_so3(np.array([0.0, -np.radians(yaw), 0.0]))
    return Camera(K, R, np.array([0.0, 0.0, 0.6]), 640, 480)


@pytest.fixture(scope="session")
def reconstruction(openhead: HeadModel) -> Reconstruction:
    """A head with a bump no coefficient makes, photographed smiling."""
    rest = openhead.template.astype(np.float64) + np.array([0.0, 0.0, 0.001])
    expression = np.zeros(len(openhead.expression_names))
    expression[openhead.expression_names.index("mouthSmileLeft")] = SMILE
    posed = PosedHead(openhead, rest).vertices(expression).astype(np.float64)
    points = embedding(openhead, "mediapipe478")
    views, cameras = [], []
    for name, yaw in YAWS.items():
        camera = camera_at(yaw)
        pixels = np.full((480, 640, 3), (90, 100, 110), np.uint8)
        found = project(camera, on_surface(posed, openhead.faces, points))
        views.append(View(name, Image(pixels), None, Landmarks(found, "mediapipe478", np.ones(len(found)))))
        cameras.append(camera)
    return Reconstruction(
        head_model=openhead.name,
        identity=np.zeros(openhead.identity_basis.shape[2]),
        expression=expression,
        vertices=rest,
        posed_vertices=posed,
        views=tuple(views),
        cameras=tuple(cameras),
        scale=Scale.ASSUMED,
        quality=tuple(ViewQuality(name, 1.5, None, yaw) for name, yaw in YAWS.items()),
        engine="auto",
        notes=("One eye is hidden by hair.",),
        seconds={"fit": 1.0, "refine": 20.0},
        mean_head_reprojection_px=6.0,
        sigma=np.full(openhead.vertex_count, 0.001),
    )


@pytest.fixture(scope="session")
def texture(openhead: HeadModel) -> Texture:
    """Skin: half of it photographed, a quarter mirrored, a quarter inferred."""
    albedo = np.full((256, 256, 3), (205, 150, 120), np.uint8)
    provenance = np.full((256, 256), PROVENANCE_MEASURED, np.uint8)
    provenance[128:192], provenance[192:] = PROVENANCE_MIRRORED, PROVENANCE_INFERRED
    seen = np.zeros(openhead.vertex_count, np.uint8)
    seen[::2] = 3
    return Texture(albedo, provenance, seen)


@pytest.fixture(scope="session")
def head_file(
    openhead: HeadModel, reconstruction: Reconstruction, texture: Texture, tmp_path_factory: pytest.TempPathFactory
) -> Path:
    """NAME.head.npz of that head."""
    return save_head(tmp_path_factory.mktemp("saved"), "anna", openhead, reconstruction, texture)


@pytest.fixture
def capture(tmp_path: Path) -> Path:
    """A capture's folder with three photos and no head."""
    folder = tmp_path / "library" / "anna" / "visit" / "first"
    folder.mkdir(parents=True)
    for name in YAWS:
        cv2.imwrite(str(folder / f"{name}.jpg"), np.full((480, 640, 3), 128, np.uint8))
    (folder / "capture.json").write_text('{"name": "first"}', encoding="utf-8")
    return folder


class ReadyEngine(Engine):
    """An engine that has nothing to import; `ready` can be taken away."""

    def __init__(self) -> None:
        super().__init__(modules=())
        self.is_ready = True

    @property
    def ready(self) -> bool:
        """As the test says."""
        return self.is_ready

    def when_ready(self, action: Callable[[], None]) -> None:
        """Now, or when the test says so."""
        if self.is_ready:
            action()
        else:
            self.became_ready.connect(action)


@dataclass(frozen=True)
class Desk:
    """A context and what a test looks at."""

    context: AppContext
    engine: ReadyEngine
    jobs: Jobs
    said: list[Any]


@pytest.fixture
def desk(tmp_path: Path, qapp: QCoreApplication) -> Iterator[Desk]:
    """A context on folders of this test; no window, no display."""
    jobs, engine, navigator = Jobs(), ReadyEngine(), Navigator()
    library = Library.open(tmp_path / "library")
    said: list[Any] = []
    navigator.error.connect(said.append)
    yield Desk(
        AppContext(library, jobs, SettingsStore(tmp_path / "config"), navigator, QUndoStack(), engine), engine, jobs, said
    )
    assert jobs.shut_down(30)
    qapp.processEvents()
    library.close()
