"""One live picture with its oval guide, its camera's name and health above, and its checks below."""

from __future__ import annotations

from typing import TYPE_CHECKING

from PySide6.QtCore import QByteArray, QMimeData, QPoint, QRectF, QSize, Qt, Signal
from PySide6.QtGui import (
    QColor,
    QDrag,
    QDragEnterEvent,
    QDropEvent,
    QImage,
    QMouseEvent,
    QPainter,
    QPainterPath,
    QPaintEvent,
    QPen,
)
from PySide6.QtWidgets import QApplication, QGridLayout, QHBoxLayout, QLabel, QSizePolicy, QVBoxLayout, QWidget

from facestudio.app.from_below import said
from facestudio.app.icons import pixmap
from facestudio.app.pages.capture.state import Tile
from facestudio.app.pages.capture.words import check_title, check_words, state_words, view_title
from facestudio.app.strings import tr
from facestudio.app.theme import tokens
from facestudio.app.widgets.elided_label import ElidedLabel
from facestudio.types import ViewName

if TYPE_CHECKING:
    from facestudio.capture.camera import Frame
    from facestudio.capture.checks import Check

_MIME = "application/x-facestudio-view"
CHECKS = ("face", "turned", "size", "sharp", "exposure", "eyes")


class Picture(QWidget):
    """The middle of the picture, upright, where the face belongs. dropped(other): another view's picture was dragged here."""

    dropped = Signal(object)

    def __init__(self, view: ViewName, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._view = view
        self._image: QImage | None = None
        self._shown: tuple[Frame | None, str, bool, bool] | None = None
        self._words = ""
        self._frozen = self._face_found = False
        self._pressed = QPoint()
        self.setMinimumSize(200, 150)
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Expanding)
        self.setAcceptDrops(True)
        self.setToolTip(tr("Drag onto another picture to exchange their cameras"))

    def show_tile(self, tile: Tile, frozen: bool) -> None:
        """Show what a tile holds; what is shown already is not painted again."""
        words, found = state_words(tile), tile.report is not None and tile.report.sight is not None
        shown = (tile.picture, words, frozen, found)
        if self._shown is not None and shown[0] is self._shown[0] and shown[1:] == self._shown[1:]:
            return
        self._shown = shown
        self._words = words
        self._frozen = frozen
        self._face_found = found
        if tile.picture is None:
            self._image = None
        else:
            bgr = tile.picture.bgr
            h, w = bgr.shape[:2]
            # The image keeps no reference to the array's memory by itself: the frame is kept beside it, and it is never written to.
            self._frame = tile.picture
            self._image = QImage(bgr.data, w, h, int(bgr.strides[0]), QImage.Format.Format_BGR888)
        self.update()

    def sizeHint(self) -> QSize:
        """Of a webcam."""
        return QSize(384, 288)

    def paintEvent(self, event: QPaintEvent) -> None:
        """Picture, guide, and words where there is none."""
        t = tokens()
        painter = QPainter(self)
        painter.setRenderHints(QPainter.RenderHint.SmoothPixmapTransform | QPainter.RenderHint.Antialiasing)
        area = QRectF(self.rect()).adjusted(0.5, 0.5, -0.5, -0.5)
        painter.setPen(QPen(QColor(t.accent if self._frozen else t.line), 2 if self._frozen else 1))
        painter.setBrush(QColor(t.surface_1))
        painter.drawRoundedRect(area, 8, 8)
        if self._image is not None:
            place, part = area.adjusted(1, 1, -1, -1), QRectF(self._image.rect())
            shape = place.size().scaled(part.size(), Qt.AspectRatioMode.KeepAspectRatio)
            part = QRectF(
                (part.width() - shape.width()) / 2, (part.height() - shape.height()) / 2, shape.width(), shape.height()
            )
            clip = QPainterPath()
            clip.addRoundedRect(place, 7, 7)
            painter.save()
            painter.setClipPath(clip)
            painter.drawImage(place, self._image, part)
            painter.restore()
            if not self._frozen:
                self._guide(painter, place)
        if self._words:
            self._say(painter, area)

    def _guide(self, painter: QPainter, place: QRectF) -> None:
        """An oval as large as the face should be; solid once a face is found."""
        height = place.height() * 0.62
        oval = QRectF(0, 0, height * 0.74, height)
        oval.moveCenter(place.center())
        colour = QColor(tokens().ok if self._face_found else "#E8EAED")
        colour.setAlpha(150)
        painter.setBrush(Qt.BrushStyle.NoBrush)
        painter.setPen(QPen(colour, 1.6, Qt.PenStyle.SolidLine if self._face_found else Qt.PenStyle.DashLine))
        painter.drawEllipse(oval)

    def _say(self, painter: QPainter, area: QRectF) -> None:
        t = tokens()
        if self._image is not None:
            shade = QColor(t.surface_0)
            shade.setAlpha(200)
            painter.fillRect(area.adjusted(1, 1, -1, -1), shade)
        painter.setPen(QColor(t.text))
        flags = Qt.AlignmentFlag.AlignCenter | Qt.TextFlag.TextWordWrap
        painter.drawText(area.adjusted(16, 8, -16, -8), int(flags), self._words)

    # --- exchanging two views by dragging -------------------------------------------------------------------------------

    def mousePressEvent(self, event: QMouseEvent) -> None:
        """A drag may begin here."""
        self._pressed = event.position().toPoint()

    def mouseMoveEvent(self, event: QMouseEvent) -> None:
        """Begin to drag once the mouse moved far enough."""
        far = (event.position().toPoint() - self._pressed).manhattanLength() >= QApplication.startDragDistance()
        if not far or not event.buttons() & Qt.MouseButton.LeftButton:
            return
        data = QMimeData()
        data.setData(_MIME, QByteArray(self._view.value.encode()))
        drag = QDrag(self)
        drag.setMimeData(data)
        drag.setPixmap(self.grab().scaledToWidth(160, Qt.TransformationMode.SmoothTransformation))
        drag.exec(Qt.DropAction.MoveAction)

    def dragEnterEvent(self, event: QDragEnterEvent) -> None:
        """Only other views' pictures are welcome."""
        if event.mimeData().hasFormat(_MIME):
            event.acceptProposedAction()

    def dropEvent(self, event: QDropEvent) -> None:
        """Tell who came."""
        other = ViewName(bytes(event.mimeData().data(_MIME).data()).decode())
        if other is not self._view:
            event.acceptProposedAction()
            self.dropped.emit(other)


class CheckLine(QWidget):
    """One check: a mark whose shape says how it is, and the words."""

    def __init__(self, name: str, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._name = name
        self._mark, self._words = QLabel(self), ElidedLabel("", self)
        self._mark.setFixedSize(16, 16)
        row = QHBoxLayout(self)
        row.setContentsMargins(0, 0, 0, 0)
        row.setSpacing(6)
        row.addWidget(self._mark)
        row.addWidget(self._words, 1)
        self._shown: tuple[str, str, str] | None = None

    def show_check(self, check: Check | None) -> None:
        """None: not known yet."""
        verdict = check.verdict.value if check is not None else "unknown"
        words, advice = (check_words(check), said(check.advice)) if check is not None else (check_title(self._name), "")
        if (verdict, words, advice) == self._shown:
            return
        self._shown = (verdict, words, advice)
        t = tokens()
        name, colour = {"good": ("check", t.ok), "doubtful": ("warning", t.warn), "bad": ("error", t.bad)}.get(
            verdict, ("more", t.text_dim)
        )
        self._mark.setPixmap(pixmap(name, 16, colour))
        self._words.setText(words)
        self._words.setProperty("look", "dim" if verdict in ("unknown", "good") else "")
        self._words.style().polish(self._words)
        self.setToolTip(advice)
        self.setAccessibleName(f"{words}. {advice}" if advice else words)


class CameraTile(QWidget):
    """A view's column: title and camera, picture, checks. Device pickers are put in by the page."""

    def __init__(self, view: ViewName, picker: QWidget, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.view = view
        self.picture = Picture(view, self)
        self.health = ElidedLabel("", self)
        self.health.setProperty("look", "dim")
        self.health.setAlignment(Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter)
        title = QLabel(view_title(view), self)
        title.setProperty("look", "heading")
        top = QHBoxLayout()
        top.addWidget(title)
        top.addStretch(1)
        top.addWidget(self.health, 10)
        self.checks = {name: CheckLine(name, self) for name in CHECKS}
        grid = QGridLayout()
        grid.setHorizontalSpacing(12)
        grid.setVerticalSpacing(4)
        for k, line in enumerate(self.checks.values()):
            grid.addWidget(line, k // 2, k % 2)
        grid.setColumnStretch(0, 1)
        grid.setColumnStretch(1, 1)
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(8)
        column.addLayout(top)
        column.addWidget(picker)
        column.addWidget(self.picture, 100)
        column.addLayout(grid)
        column.addStretch(1)

    def show_tile(self, tile: Tile, frozen: bool) -> None:
        """Show a view's state."""
        self.picture.show_tile(tile, frozen)
        health = tile.health
        if frozen or health is None or health.age_s is None or not health.fps:
            self.health.setText("")
        else:
            self.health.setText(tr("{fps:.0f} fps · {age:.0f} ms old", fps=health.fps, age=1000 * health.age_s))
        info = health.info if health is not None else None
        self.health.setToolTip(
            f"{info.name}: {info.width} × {info.height} {info.fourcc} · {info.backend}" if info is not None else ""
        )
        known = {c.name.value: c for c in tile.report.checks} if tile.report is not None else {}
        for name, line in self.checks.items():
            line.show_check(known.get(name))
