"""The viewer with what floats over it: the legend of a mode, and the cross-fade while the eye is at a photo's camera."""

from __future__ import annotations

from PySide6.QtCore import QEvent, QRectF, Qt, Signal
from PySide6.QtGui import QImage, QKeyEvent, QPainter, QResizeEvent
from PySide6.QtWidgets import QFrame, QHBoxLayout, QLabel, QToolButton, QVBoxLayout, QWidget

from facestudio.app.icons import icon
from facestudio.app.pages.head.legend_card import SIZE, LegendCard, paint_legend
from facestudio.app.pages.head.photo_tile import image_of
from facestudio.app.strings import tr
from facestudio.app.viewer.viewer import Viewer
from facestudio.app.widgets.calm_slider import CalmSlider

_MARGIN = 16
_WHOLE = 4  # so many points are whole pixels at 125, 150 and 175 %
_START_SHARE = 35  # per cent: enough of the photo to compare, enough of the head to see


class FadeBar(QFrame):
    """faded(share): 0 the head, 1 the photo. closed(): leave the photo."""

    faded = Signal(float)
    closed = Signal()

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setProperty("look", "card")
        self.slider = CalmSlider(Qt.Orientation.Horizontal, self)
        self.slider.setRange(0, 100)
        self.slider.setFixedWidth(180)
        self.slider.setAccessibleName(tr("Cross-fade from the head to the photo"))
        self.close_button = QToolButton(self)
        self.close_button.setFixedSize(28, 28)
        self.close_button.setToolTip(tr("Leave the photo (Esc)"))
        self.close_button.setAccessibleName(tr("Leave the photo"))
        row = QHBoxLayout(self)
        row.setContentsMargins(16, 6, 8, 6)
        row.setSpacing(12)
        row.addWidget(QLabel(tr("Head"), self))
        row.addWidget(self.slider)
        row.addWidget(QLabel(tr("Photo"), self))
        row.addWidget(self.close_button)
        self.slider.valueChanged.connect(lambda value: self.faded.emit(value / 100))
        self.close_button.clicked.connect(self.closed)
        self.retint()
        self.hide()

    def retint(self) -> None:
        """Draw the icon in the theme's colours."""
        self.close_button.setIcon(icon("close"))

    def event(self, event: QEvent) -> bool:
        """Esc on the slider leaves the photo, before the window takes it for something else."""
        if isinstance(event, QKeyEvent) and event.key() == Qt.Key.Key_Escape:
            if event.type() == QEvent.Type.KeyPress:
                self.closed.emit()
            event.accept()
            return True
        return super().event(event)

    def start(self) -> None:
        """Show the bar at a share from which both can be seen."""
        self.slider.setValue(_START_SHARE)
        self.faded.emit(_START_SHARE / 100)
        self.adjustSize()
        self.show()


class HeadView(QWidget):
    """Takes a viewer when there is one; it cannot be made before the engine has started."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.viewer: Viewer | None = None
        self._column = QVBoxLayout(self)
        self._column.setContentsMargins(0, 0, 0, 0)
        self.legend = LegendCard(self)
        self.fade = FadeBar(self)

    def take(self, viewer: Viewer) -> None:
        """Put the viewer in place, below what floats."""
        self.viewer = viewer
        viewer.widget.setAccessibleName(tr("The head in 3D: drag or arrow keys turn it, the wheel or + and - come closer"))
        self._column.addWidget(viewer.widget)
        self.legend.raise_()
        self.fade.raise_()

    def resizeEvent(self, event: QResizeEvent) -> None:
        """Keep what floats in its corner."""
        super().resizeEvent(event)
        self.arrange()

    def arrange(self) -> None:
        """Put legend and cross-fade where they belong, and the viewer on whole pixels."""
        # VTK and Qt round half pixels of a scaled screen to different sides: a black line would be left at the edge.
        whole = self.devicePixelRatioF().is_integer()
        self._column.setContentsMargins(0, 0, 0 if whole else self.width() % _WHOLE, 0 if whole else self.height() % _WHOLE)
        self.legend.move(_MARGIN, self.height() - self.legend.height() - _MARGIN)
        bar = self.fade
        bar.adjustSize()
        left = (self.width() - bar.width()) // 2
        if self.legend.isVisible():  # side by side where both are shown
            left = max(left, self.legend.geometry().right() + _MARGIN)
        bar.move(left, self.height() - bar.height() - _MARGIN)

    def screenshot(self) -> QImage:
        """What the viewer shows, with the legend of its mode."""
        if self.viewer is None:
            return QImage()
        picture = image_of(self.viewer.picture())
        legend = self.legend.legend
        if legend is not None:
            ratio = self.devicePixelRatioF()
            painter = QPainter(picture)
            painter.setFont(self.font())
            painter.scale(ratio, ratio)
            place = QRectF(_MARGIN, picture.height() / ratio - SIZE.height() - _MARGIN, SIZE.width(), SIZE.height())
            paint_legend(painter, place, legend, self.legend.title)
            painter.end()
        return picture
