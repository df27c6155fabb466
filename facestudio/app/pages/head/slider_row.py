"""One slider with its name and its value."""

from __future__ import annotations

from PySide6.QtCore import QLocale, Qt, QTimer, Signal
from PySide6.QtGui import QMouseEvent
from PySide6.QtWidgets import QGridLayout, QLabel, QWidget

from facestudio.app.pages.head.controls import Control
from facestudio.app.strings import tr
from facestudio.app.widgets.calm_slider import CalmSlider
from facestudio.app.widgets.elided_label import ElidedLabel

_STEPS = 100  # per unit of a weight
_STEPS_OF_UNIT = {"": _STEPS, "σ": 20, "°": 4}
_IDLE_MS = 700  # keys and wheel: after this long without a move, the next one is another step for undo


class SliderRow(QWidget):
    """moved(key, value): by the operator. grabbed(): a new gesture begins. Double-click on the name puts it to rest."""

    moved = Signal(str, float)
    grabbed = Signal()

    def __init__(self, control: Control, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.control = control
        self.title = tr(control.label)
        self._steps = _STEPS_OF_UNIT[control.unit]
        self._idle = QTimer(self)
        self._idle.setSingleShot(True)
        self._idle.setInterval(_IDLE_MS)
        name = ElidedLabel(self.title, self)
        self.slider = CalmSlider(Qt.Orientation.Horizontal, self)
        self.slider.setRange(round(control.low * self._steps), round(control.high * self._steps))
        span = self.slider.maximum() - self.slider.minimum()
        self.slider.setSingleStep(max(1, span // 20))
        self.slider.setPageStep(max(1, span // 5))
        self.slider.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        self.slider.setAccessibleName(self.title)
        self.number = QLabel(self)
        self.number.setFixedWidth(48)
        self.number.setAlignment(Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter)
        # The name above the slider: beside it, a hundred steps of a weight would share some forty pixels.
        both = QGridLayout(self)
        both.setContentsMargins(0, 0, 0, 0)
        both.setSpacing(0)
        both.setColumnStretch(0, 1)
        both.addWidget(name, 0, 0)
        both.addWidget(self.number, 0, 1)
        both.addWidget(self.slider, 1, 0, 1, 2)
        self.setFixedHeight(42)
        self.slider.sliderPressed.connect(self.grabbed)
        self.slider.valueChanged.connect(self._changed)
        self._say(0.0)

    def show_value(self, value: float) -> None:
        """Follow a value that somebody else changed."""
        self.slider.blockSignals(True)
        self.slider.setValue(round(value * self._steps))
        self.slider.blockSignals(False)
        self._say(value)

    def mouseDoubleClickEvent(self, event: QMouseEvent) -> None:
        """To rest."""
        self.grabbed.emit()
        self.slider.setValue(0)

    def _changed(self, steps: int) -> None:
        if not self.slider.isSliderDown():
            if not self._idle.isActive():
                self.grabbed.emit()
            self._idle.start()
        value = steps / self._steps
        self._say(value)
        self.moved.emit(self.control.key, value)

    def _say(self, value: float) -> None:
        unit = self.control.unit
        number = f"{value:.2f}" if unit == "" else f"{value:+.0f}°" if unit == "°" else f"{value:+.1f} {unit}"
        number = number.replace(".", QLocale().decimalPoint())
        self.number.setText(number if value or not unit else f"0{unit.replace('σ', ' σ')}")
        look = "" if value else "dim"
        if self.number.property("look") != look:
            self.number.setProperty("look", look)
            self.number.style().unpolish(self.number)
            self.number.style().polish(self.number)
