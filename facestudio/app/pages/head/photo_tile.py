"""One photo as a button: cut to the head, with landmarks and the projected mesh over it when asked for."""

from __future__ import annotations

import numpy as np
from PySide6.QtCore import QPointF, QRectF, QSize, Qt
from PySide6.QtGui import QColor, QImage, QPainter, QPainterPath, QPaintEvent, QPen
from PySide6.QtWidgets import QAbstractButton, QSizePolicy, QWidget

from facestudio.app.pages.head.evidence import Evidence
from facestudio.app.strings import mark, tr
from facestudio.app.theme import RADIUS, tokens
from facestudio.types import ByteArray, Float32Array, Float64Array, ViewName

VIEW_TITLES = {ViewName.LEFT: mark("Left"), ViewName.FRONT: mark("Front"), ViewName.RIGHT: mark("Right")}
_DOT = QColor(255, 150, 40, 215)
_CAPTION = 20
_LONGER = 8.0  # arrows are so many times as long as the flow: a tenth of a millimetre could not be seen
_AGREES_PX, _DOUBTFUL_PX = 0.5, 1.0  # flow below which the photos agree, pixels of the photo; beyond the second they do not
_VEIL, _VEIL_ALPHA = (40, 90, 190), 190


class PhotoTile(QAbstractButton):
    """Checked: the viewer stands at this photo's camera. Its pictures keep their proportions in whatever room there is."""

    def __init__(self, name: ViewName, size: QSize, parent: QWidget | None = None) -> None:
        """size: of the picture, device-independent pixels; the caption stands below it."""
        super().__init__(parent)
        self.name = name
        self._size = size
        self._plain: QImage | None = None
        self._wired: QImage | None = None
        self._landmarks: Float64Array = np.zeros((0, 2))
        self._evidence: Evidence | None = None
        self._shade: QImage | None = None
        self.show_mesh = self.show_landmarks = self.show_flow = self.show_person = False
        self.setCheckable(True)
        self.setSizePolicy(QSizePolicy.Policy.Fixed, QSizePolicy.Policy.Fixed)
        self.setCursor(Qt.CursorShape.PointingHandCursor)
        self.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        self.setAccessibleName(tr("{view} photo", view=self.title))

    @property
    def title(self) -> str:
        """The view in the operator's language."""
        return tr(VIEW_TITLES[self.name])

    def show_photo(self, plain: ByteArray, wired: ByteArray | None, landmarks: Float64Array) -> None:
        """plain, wired: (h, w, 3) uint8 of one size; wired None before there is a mesh. landmarks (N, 2): in their pixels."""
        self._plain, self._wired, self._landmarks = image_of(plain), None if wired is None else image_of(wired), landmarks
        self.show_evidence(None)

    def show_evidence(self, evidence: Evidence | None) -> None:
        """What speaks for the head in this photo; None when it is not known (yet)."""
        self._evidence, self._shade = evidence, None if evidence is None else _shade(evidence.person)
        self.update()

    def overlay(self, mesh: bool, landmarks: bool, flow: bool = False, person: bool = False) -> None:
        """What to draw over the photo, as far as there is any."""
        self.show_mesh, self.show_landmarks, self.show_flow, self.show_person = mesh, landmarks, flow, person
        self.update()

    def sizeHint(self) -> QSize:
        """The picture and its caption."""
        return QSize(self._size.width(), self._size.height() + _CAPTION)

    def paintEvent(self, event: QPaintEvent) -> None:
        """Photo, overlays, frame, caption."""
        t = tokens()
        painter = QPainter(self)
        painter.setRenderHints(QPainter.RenderHint.Antialiasing | QPainter.RenderHint.SmoothPixmapTransform)
        place = self._place(QRectF(0, 0, self.width(), self.height() - _CAPTION).adjusted(2, 2, -2, -2))
        shape = QPainterPath()
        shape.addRoundedRect(place, RADIUS - 2, RADIUS - 2)
        painter.fillPath(shape, QColor(t.surface_2))
        painter.save()
        painter.setClipPath(shape)
        self._draw_photo(painter, place)
        painter.restore()
        if self.isChecked() or self.hasFocus() or (self.isEnabled() and self.underMouse()):
            colour = t.accent if self.isChecked() or self.hasFocus() else t.text_dim
            painter.setPen(QPen(QColor(colour), 2.0 if self.isChecked() else 1.2))
            painter.drawPath(shape)
        painter.setPen(QColor(t.text if self.isChecked() else t.text_dim))
        # Below the picture; in one line with the neighbours' where the pictures are nearly as high as the tile.
        top = (
            min(place.bottom() + 2, self.height() - _CAPTION)
            if place.height() < 0.75 * self._size.height()
            else self._size.height()
        )
        below = QRectF(0, top, self.width(), _CAPTION)
        painter.drawText(below, Qt.AlignmentFlag.AlignCenter, self.title)

    def _place(self, room: QRectF) -> QRectF:
        """Where the picture goes: whole, in its own proportions, in the middle of the room."""
        if self._plain is None:
            return room
        scale = min(room.width() / self._plain.width(), room.height() / self._plain.height())
        place = QRectF(0, 0, self._plain.width() * scale, self._plain.height() * scale)
        place.moveCenter(room.center())
        return place

    def _draw_photo(self, painter: QPainter, place: QRectF) -> None:
        picture = self._wired if self.show_mesh and self._wired is not None else self._plain
        if picture is None:
            return
        painter.drawImage(place, picture)
        if self.show_person and self._shade is not None:
            painter.drawImage(place, self._shade)
        if self.show_flow and self._evidence is not None:
            _draw_flow(painter, place, self._evidence, place.width() / picture.width())
        if self.show_landmarks and len(self._landmarks):
            painter.setPen(Qt.PenStyle.NoPen)
            painter.setBrush(_DOT)
            # Hundreds of large dots would hide the face.
            radius = (
                (1.6 if len(self._landmarks) <= 100 else 0.55 if len(self._landmarks) <= 600 else 0.42) * place.width() / 100
            )
            for x, y in (self._landmarks + 0.5) * (place.width() / picture.width()):
                painter.drawEllipse(QPointF(place.left() + x, place.top() + y), radius, radius)


def _draw_flow(painter: QPainter, place: QRectF, evidence: Evidence, scale: float) -> None:
    """Arrows, longer than life: a dot where the photos agree; length says how far they do not, and colour says it again."""
    t = tokens()
    lengths = np.linalg.norm(evidence.flow, axis=1)
    for limit, colour in ((_AGREES_PX, t.ok), (_DOUBTFUL_PX, t.warn), (np.inf, t.bad)):
        below = 0.0 if colour == t.ok else _AGREES_PX if colour == t.warn else _DOUBTFUL_PX
        painter.setPen(QPen(QColor(colour), 1.2, Qt.PenStyle.SolidLine, Qt.PenCapStyle.RoundCap))
        for number in np.flatnonzero((lengths >= below) & (lengths < limit)):
            x, y = (evidence.starts[number] + 0.5) * scale
            dx, dy = evidence.flow[number] * _LONGER * scale
            start = QPointF(place.left() + x, place.top() + y)
            painter.drawLine(start, start + QPointF(dx, dy))


def _shade(person: Float32Array) -> QImage:
    """A veil over everything that is not the person (h, w) in [0, 1]."""
    rgba = np.zeros((*person.shape, 4), np.uint8)
    rgba[..., :3] = _VEIL
    rgba[..., 3] = np.rint((1.0 - np.clip(person, 0.0, 1.0)) * _VEIL_ALPHA)
    height, width = person.shape
    return QImage(rgba.data, width, height, 4 * width, QImage.Format.Format_RGBA8888).copy()


def image_of(pixels: ByteArray) -> QImage:
    """A QImage with its own copy of (h, w, 3) uint8."""
    rows = np.ascontiguousarray(pixels)
    height, width = rows.shape[:2]
    return QImage(rows.data, width, height, 3 * width, QImage.Format.Format_RGB888).copy()
