"""Sliders, undo and redo, without a window."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PySide6.QtGui import QUndoStack

from facestudio.app.pages.head.face import FacePresenter
from facestudio.app.pages.head.opened import OpenedHead, open_saved
from facestudio.app.viewer.surface import ShownHead, surface
from facestudio.head.model import HeadModel
from facestudio.types import Reconstruction, Scale

JAW, SMILE = "pose:jaw_open", "expression:43"


@pytest.fixture(scope="module")
def opened(head_file: Path) -> OpenedHead:
    return open_saved(head_file)


@pytest.fixture
def undo(qapp_cls: type) -> QUndoStack:
    return QUndoStack()


@pytest.fixture
def face(undo: QUndoStack, opened: OpenedHead) -> Iterator[FacePresenter]:
    made = FacePresenter(undo)
    made.show(opened)
    yield made


def test_moves_within_one_gesture_are_one_step_back(face: FacePresenter, undo: QUndoStack) -> None:
    face.begin_gesture()
    for degrees in (3.0, 6.0, 9.0):
        face.set(JAW, degrees)
    face.begin_gesture()
    face.set(JAW, 12.0)
    assert undo.count() == 2
    undo.undo()
    assert face.value(JAW) == 9.0
    undo.undo()
    assert face.at_rest
    undo.redo()
    assert face.value(JAW) == 9.0


def test_two_sliders_in_one_gesture_stay_two_steps(face: FacePresenter, undo: QUndoStack) -> None:
    face.begin_gesture()
    face.set(JAW, 5.0)
    face.set(SMILE, 0.5)
    assert undo.count() == 2


def test_the_head_moves_and_the_sliders_hear_of_it(face: FacePresenter, undo: QUndoStack, opened: OpenedHead) -> None:
    moved: list[Any] = []
    changed: list[tuple[str, ...]] = []
    face.moved.connect(moved.append)
    face.changed.connect(changed.append)
    face.set(SMILE, 1.0)
    undo.undo()
    assert changed == [(SMILE,), (SMILE,)]
    assert np.abs(moved[0] - opened.reconstruction.vertices).max() > 0.005
    assert np.allclose(moved[1], opened.reconstruction.vertices, atol=1e-6)


def test_the_photographed_expression_is_the_head_that_was_photographed(
    face: FacePresenter, undo: QUndoStack, reconstruction: Reconstruction
) -> None:
    face.set(JAW, 10.0)
    face.show_photographed()
    assert face.value(JAW) == 0.0
    assert np.allclose(face.vertices(), reconstruction.posed_vertices, atol=1e-6)
    face.reset()
    assert face.at_rest
    assert undo.count() == 3
    undo.undo()
    assert np.allclose(face.vertices(), reconstruction.posed_vertices, atol=1e-6)


def test_reset_at_rest_is_no_step(face: FacePresenter, undo: QUndoStack) -> None:
    face.reset()
    face.set(JAW, 0.0)
    assert undo.count() == 0


def test_identity_is_added_to_the_head_s_own_shape(face: FacePresenter, opened: OpenedHead, openhead: HeadModel) -> None:
    face.set("identity:0", 2.0)
    expected = opened.reconstruction.vertices + 2.0 * openhead.identity_basis[:, :, 0]
    assert np.allclose(face.vertices(), expected, atol=1e-6)
    face.set("identity:0", 0.0)
    assert np.allclose(face.vertices(), opened.reconstruction.vertices, atol=1e-6)


def test_steps_of_an_earlier_head_do_nothing_to_the_next_one(face: FacePresenter, undo: QUndoStack, opened: OpenedHead) -> None:
    face.set(JAW, 8.0)
    face.show(opened)
    assert face.at_rest
    undo.undo()
    assert face.at_rest
    assert undo.count() == 0  # the stack has thrown the step away


def test_without_a_head_nothing_moves(undo: QUndoStack) -> None:
    face = FacePresenter(undo)
    face.set(JAW, 5.0)
    face.show_photographed()
    face.reset()
    assert undo.count() == 0
    with pytest.raises(ValueError, match="no head"):
        face.vertices()


def test_flame_without_expressions_has_sliders_for_pose_and_identity(undo: QUndoStack, flame: HeadModel) -> None:
    rest = flame.template.astype(np.float64)
    r = Reconstruction("flame", np.zeros(60), np.zeros(0), rest, rest, (), (), Scale.ASSUMED, ())
    face = FacePresenter(undo)
    face.show(OpenedHead("flame", None, flame, r, None, ShownHead(surface(flame), rest), ()))
    assert {control.key.split(":")[0] for control in face.controls} == {"pose", "identity"}
    face.set(JAW, 15.0)
    assert np.abs(face.vertices() - rest).max() > 0.005
