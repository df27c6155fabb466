"""The face under the sliders: its values, what they make of the head, undo and redo. No widgets."""

from __future__ import annotations

import itertools
from collections.abc import Mapping

import numpy as np
from PySide6.QtCore import QObject, Signal
from PySide6.QtGui import QUndoCommand, QUndoStack

from facestudio.app.pages.head.controls import Control, controls, expression_of, identity_of, pose_of, values_of
from facestudio.app.pages.head.opened import OpenedHead
from facestudio.app.strings import tr
from facestudio.head.posing import PosedHead
from facestudio.types import Float32Array

_COMMAND_ID = 0x0FACE


class FacePresenter(QObject):
    """rebuilt(): another head model, so other sliders. moved(vertices (V, 3) float32): the head has another face.

    changed(keys): these values are others now, whoever changed them: sliders follow.
    """

    rebuilt = Signal()
    moved = Signal(object)
    changed = Signal(object)

    def __init__(self, undo: QUndoStack, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._undo = undo
        self._head: PosedHead | None = None
        self._opened: OpenedHead | None = None
        self._rest_identity = np.zeros(0)
        self._values: dict[str, float] = {}
        self._owner = 0  # commands of an earlier head know by this that they are out of date
        self._gestures = itertools.count(1)
        self._gesture = 0
        self.controls: tuple[Control, ...] = ()

    def show(self, opened: OpenedHead | None) -> None:
        """Take another head, its face at rest; None when there is none to move."""
        former = self._opened.model if self._opened is not None else None
        self._opened = opened
        self._owner += 1
        self._values = {}
        if opened is None:
            self._head = None
            self.controls = ()
            self.rebuilt.emit()
            return
        self._head = PosedHead(opened.model, opened.reconstruction.vertices)
        self._rest_identity = np.zeros(opened.model.identity_basis.shape[2])
        if opened.model is not former or not self.controls:
            self.controls = controls(opened.model)
            self.rebuilt.emit()
        self.changed.emit(tuple(control.key for control in self.controls))

    @property
    def at_rest(self) -> bool:
        """True while every slider is at zero."""
        return not self._values

    def value(self, key: str) -> float:
        """A slider's value; 0 at rest."""
        return self._values.get(key, 0.0)

    def begin_gesture(self) -> None:
        """What follows is another step for undo: a slider was grabbed, or left alone for a while."""
        self._gesture = next(self._gestures)

    def set(self, key: str, value: float) -> None:
        """Move one slider. Moves of one slider within one gesture are one step for undo."""
        if self._head is None or value == self.value(key):
            return
        label = next((c.label for c in self.controls if c.key == key), key)
        self._push(tr(label), {key: value}, self._gesture)

    def reset(self) -> None:
        """All sliders to rest; one step for undo."""
        if self._values:
            self._push(tr("Reset the face"), dict.fromkeys(self._values, 0.0), None)

    def show_photographed(self) -> None:
        """The expression that the photos show."""
        if self._opened is None:
            return
        wanted = dict.fromkeys(self._values, 0.0) | values_of(self._opened.reconstruction.expression)
        if any(self.value(key) != value for key, value in wanted.items()):
            self._push(tr("Photographed expression"), wanted, None)

    def vertices(self) -> Float32Array:
        """(V, 3) metres, head frame: the head with the face of now. Raises ValueError when there is no head."""
        if self._head is None or self._opened is None:
            raise ValueError("there is no head")
        model = self._opened.model
        identity = identity_of(self._values, model.identity_basis.shape[2])
        if not np.array_equal(identity, self._rest_identity):
            base = np.asarray(self._opened.reconstruction.vertices, dtype=np.float32)
            used = np.flatnonzero(identity)
            moved = base + model.identity_basis[:, :, used] @ identity[used].astype(np.float32)
            self._head, self._rest_identity = self._head.reshaped(moved), identity
        return self._head.vertices(expression_of(self._values, model.expression_basis.shape[2]), pose_of(self._values))

    def apply(self, owner: int, values: Mapping[str, float]) -> bool:
        """For the undo stack: take values over; False when they belong to a head that is no longer shown."""
        if owner != self._owner or self._head is None:
            return False
        for key, value in values.items():
            if value:
                self._values[key] = value
            else:
                self._values.pop(key, None)
        self.changed.emit(tuple(values))
        self.moved.emit(self.vertices())
        return True

    def _push(self, text: str, values: dict[str, float], gesture: int | None) -> None:
        before = {key: self.value(key) for key in values}
        self._undo.push(_FaceCommand(text, self, self._owner, before, values, gesture))


class _FaceCommand(QUndoCommand):
    """Sliders from some values to others."""

    def __init__(
        self,
        text: str,
        face: FacePresenter,
        owner: int,
        before: dict[str, float],
        after: dict[str, float],
        gesture: int | None,
    ) -> None:
        super().__init__(text)
        self._face, self._owner = face, owner
        self._before, self._after, self._gesture = before, after, gesture

    def id(self) -> int:
        """Commands of this kind may be merged."""
        return _COMMAND_ID

    def redo(self) -> None:
        """To the later values; also how they are set at first."""
        self.setObsolete(not self._face.apply(self._owner, self._after))

    def undo(self) -> None:
        """To the earlier values."""
        self.setObsolete(not self._face.apply(self._owner, self._before))

    def mergeWith(self, other: QUndoCommand) -> bool:
        """Take a later move of the same slider in the same gesture over."""
        if not isinstance(other, _FaceCommand) or self._gesture is None:
            return False
        same = (self._owner, self._gesture, self._after.keys()) == (other._owner, other._gesture, other._after.keys())
        if same:
            self._after = other._after
        return same
