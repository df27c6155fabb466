"""The row above the viewer: how the head is painted, and what turns, lights and keeps it."""

from __future__ import annotations

from PySide6.QtCore import QSize, Signal
from PySide6.QtWidgets import QButtonGroup, QFrame, QHBoxLayout, QToolButton, QWidget

from facestudio.app.icons import icon
from facestudio.app.pages.head.light_dial import LightDial
from facestudio.app.strings import mark, tr
from facestudio.app.viewer.colours import ViewMode

HEIGHT = 47  # with the line below it 48: whole pixels at 125 and 150 %, too
MODES = {
    ViewMode.TEXTURE: (mark("Texture"), mark("The head in its colours")),
    ViewMode.CLAY: (mark("Clay"), mark("Shape alone")),
    ViewMode.WIRE: (mark("Wire"), mark("The mesh's triangles")),
    ViewMode.NORMALS: (mark("Normals"), mark("Which way each point of the surface faces")),
    ViewMode.SEEN: (mark("Seen by"), mark("How many photos see each point")),
    ViewMode.CONFIDENCE: (mark("Confidence"), mark("How well each point is known, in ± mm")),
}
_UNKNOWN = mark("Not known for this head")
START_LIGHT = 35


class ToolRow(QFrame):
    """What the operator wants of the viewer, one signal each."""

    mode_chosen = Signal(object)
    landmarks_wanted = Signal(bool)
    points_wanted = Signal(bool)
    light_turned = Signal(float)
    turntable_wanted = Signal(bool)
    reset_wanted = Signal()
    screenshot_wanted = Signal()

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setProperty("look", "panel")
        self.setFixedHeight(HEIGHT)
        self.modes: dict[ViewMode, QToolButton] = {}
        self._icons: dict[str, QToolButton] = {}
        self._group = QButtonGroup(self)
        row = QHBoxLayout(self)
        row.setContentsMargins(12, 0, 12, 0)
        row.setSpacing(4)
        for mode, (label, _) in MODES.items():
            button = QToolButton(self)
            button.setText(tr(label))
            button.setCheckable(True)
            button.setMinimumHeight(30)
            button.clicked.connect(lambda _checked, m=mode: self.mode_chosen.emit(m))
            self._group.addButton(button)
            self.modes[mode] = button
            row.addWidget(button)
        row.addStretch(1)
        self.landmarks = self._tool("eye", tr("Landmarks on the head (L)"), tr("Landmarks on the head"), checkable=True)
        self.points = self._tool(
            "points", tr("Points the head was fitted to (P)"), tr("Points the head was fitted to"), checkable=True
        )
        self.points.hide()
        self.light = LightDial(self)
        self.light.setValue(START_LIGHT)
        self.light.setToolTip(tr("Turn the light"))
        self.light.setAccessibleName(tr("Light direction"))
        self.turntable = self._tool("turntable", tr("Turntable (T)"), tr("Turntable"), checkable=True)
        self.reset = self._tool("reset", tr("Show the whole head (F)"), tr("Show the whole head"))
        self.screenshot = self._tool("screenshot", tr("Screenshot (Ctrl+Shift+S)"), tr("Screenshot"))
        for widget in (self.landmarks, self.points, self.light, self.turntable, self.reset, self.screenshot):
            row.addWidget(widget)
        self.points.toggled.connect(self.points_wanted)
        self.landmarks.toggled.connect(self.landmarks_wanted)
        self.light.valueChanged.connect(lambda degrees: self.light_turned.emit(float(degrees)))
        self.turntable.toggled.connect(self.turntable_wanted)
        self.reset.clicked.connect(self.reset_wanted)
        self.screenshot.clicked.connect(self.screenshot_wanted)
        self.offer((), ViewMode.TEXTURE)
        self.retint()

    def offer(self, available: tuple[ViewMode, ...], current: ViewMode) -> None:
        """Enable the modes that the head has data for, and mark the one in force."""
        for mode, button in self.modes.items():
            button.setEnabled(mode in available)
            button.setToolTip(tr(MODES[mode][1]) if mode in available or not available else tr(_UNKNOWN))
            button.setChecked(mode is current)
        for widget in (self.landmarks, self.light, self.turntable, self.reset, self.screenshot):
            widget.setEnabled(bool(available))

    def retint(self) -> None:
        """Draw the icons in the theme's colours."""
        for name, button in self._icons.items():
            button.setIcon(icon(name))

    def _tool(self, name: str, tip: str, accessible: str, checkable: bool = False) -> QToolButton:
        button = QToolButton(self)
        button.setIconSize(QSize(20, 20))
        button.setFixedSize(32, 32)
        button.setToolTip(tip)
        button.setAccessibleName(accessible)
        button.setCheckable(checkable)
        self._icons[name] = button
        return button
