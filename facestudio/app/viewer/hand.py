"""Mouse, wheel and keys over the viewer, told as moves of the eye."""

from __future__ import annotations

from collections.abc import Callable

from PySide6.QtCore import QEvent, QObject, QPointF, Qt
from PySide6.QtGui import QKeyEvent, QMouseEvent, QWheelEvent
from PySide6.QtWidgets import QWidget

from facestudio.app.viewer.orbit import closer, orbited, panned
from facestudio.app.viewer.placement import Placement

_DEGREES_PER_PIXEL = 0.4
_KEY_DEGREES = 6.0
_KEY_FACTOR = 1.1
_WHEEL_FACTOR = 1.0012  # per eighth of a degree of the wheel
_TURNS = {
    Qt.Key.Key_Left: (-_KEY_DEGREES, 0.0),
    Qt.Key.Key_Right: (_KEY_DEGREES, 0.0),
    Qt.Key.Key_Up: (0.0, _KEY_DEGREES),
    Qt.Key.Key_Down: (0.0, -_KEY_DEGREES),
}
_ZOOMS = {Qt.Key.Key_Plus: _KEY_FACTOR, Qt.Key.Key_Equal: _KEY_FACTOR, Qt.Key.Key_Minus: 1 / _KEY_FACTOR}
_OTHER = Qt.KeyboardModifier.ControlModifier | Qt.KeyboardModifier.AltModifier | Qt.KeyboardModifier.MetaModifier

Move = Callable[[Placement], Placement]


class Hand(QObject):
    """Filters a widget's events. None reaches VTK: what is not a move of the eye goes on to the page.

    Left drag turns the head, right or middle drag or Shift moves it, the wheel and + and - come closer, arrows turn, Esc lets go.
    """

    def __init__(
        self, widget: QWidget, take: Callable[[], None], move: Callable[[Move], None], held: Callable[[], bool]
    ) -> None:
        """take: called before the eye moves, and on Esc. move: apply a move. held: is there something that Esc would let go of?"""
        super().__init__(widget)
        self._widget, self._take, self._move, self._held = widget, take, move, held
        self._last: QPointF | None = None
        widget.installEventFilter(self)

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:
        """True for what a hand does; everything else is Qt's and the viewer's own."""
        kind = event.type()
        if isinstance(event, QMouseEvent):
            return self._mouse(kind, event)
        if isinstance(event, QWheelEvent):
            self._take()
            factor = _WHEEL_FACTOR ** event.angleDelta().y()
            self._move(lambda eye: closer(eye, factor))
            event.accept()
            return True
        if isinstance(event, QKeyEvent):
            if kind == QEvent.Type.ShortcutOverride:
                wanted = event.key() == Qt.Key.Key_Escape and self._held()
                event.setAccepted(wanted)  # before the window takes Esc for something else
                return wanted
            event.setAccepted(kind == QEvent.Type.KeyPress and self._key(event))
            return True
        return False

    def _mouse(self, kind: QEvent.Type, event: QMouseEvent) -> bool:
        if kind in (QEvent.Type.MouseButtonPress, QEvent.Type.MouseButtonDblClick):
            self._widget.setFocus(Qt.FocusReason.MouseFocusReason)
            self._last = event.position()
            self._take()
        elif kind == QEvent.Type.MouseMove and self._last is not None and event.buttons():
            way = event.position() - self._last
            self._last = event.position()
            self._drag(way, event)
        elif kind == QEvent.Type.MouseButtonRelease and not event.buttons():
            self._last = None
        event.accept()
        return True

    def _drag(self, way: QPointF, event: QMouseEvent) -> None:
        shift = event.modifiers() & Qt.KeyboardModifier.ShiftModifier
        if event.buttons() == Qt.MouseButton.LeftButton and not shift:
            self._move(lambda eye: orbited(eye, -_DEGREES_PER_PIXEL * way.x(), _DEGREES_PER_PIXEL * way.y()))
        else:
            height = max(1, self._widget.height())
            self._move(lambda eye: panned(eye, way.x() / height, way.y() / height))

    def _key(self, event: QKeyEvent) -> bool:
        key = Qt.Key(event.key())
        if key == Qt.Key.Key_Escape and self._held():
            self._take()
            return True
        if event.modifiers() & _OTHER:
            return False
        if key in _TURNS:
            right, up = _TURNS[key]
            self._take()
            self._move(lambda eye: orbited(eye, right, up))
            return True
        if key in _ZOOMS:
            self._take()
            self._move(lambda eye: closer(eye, _ZOOMS[key]))
            return True
        return False
