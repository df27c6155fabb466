"""The Settings page: one column of cards, each choice with the sentence that says what it does."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

from PySide6.QtCore import Qt, QUrl
from PySide6.QtGui import QDesktopServices
from PySide6.QtWidgets import (
    QComboBox,
    QFileDialog,
    QFrame,
    QGridLayout,
    QHBoxLayout,
    QLabel,
    QPushButton,
    QScrollArea,
    QVBoxLayout,
    QWidget,
)

from facestudio.app.context import AppContext
from facestudio.app.page import Page
from facestudio.app.pages.settings.presenter import FLAME_FILES, Choice, SettingsPresenter
from facestudio.app.strings import mark, tr
from facestudio.app.widgets.pieces import side_by_side, words

WIDTH = 720
CONTROL_WIDTH = 280


class SettingsPage(Page):
    """Every choice takes effect as it is made; what holds from the next start on says so."""

    key = "settings"
    title = mark("Settings")
    icon = "settings"

    def __init__(self, context: AppContext, parent: QWidget | None = None) -> None:
        super().__init__(context, parent)
        self.presenter = SettingsPresenter(context, self)
        self.combos: dict[str, QComboBox] = {}
        self._sentences: dict[str, QLabel] = {}
        self._choices: dict[str, Callable[[], list[Choice]]] = {}
        self.restart = words(tr("Some of this takes effect when FaceStudio starts the next time."), "warn")
        self.import_flame = QPushButton(tr("Import FLAME…"))
        self.import_flame.clicked.connect(self._ask_for_flame)
        self.folder = words("")
        self.change_folder = QPushButton(tr("Change…"))
        self.change_folder.setAccessibleName(tr("Change the library's folder"))
        self.change_folder.clicked.connect(self._ask_for_folder)
        self.device = words("", "dim")
        self._build()
        self.presenter.changed.connect(self._refresh)
        self.presenter.said.connect(context.navigator.say)
        self._refresh()

    def activated(self) -> None:
        """Look again: FLAME may have been imported by the command line meanwhile."""
        self._refresh()

    # --- how it is put together ---------------------------------------------------------------------------------------

    def _build(self) -> None:
        p = self.presenter
        show = QPushButton(tr("Show in folder"))
        show.clicked.connect(lambda: _open(p.value.library_folder))
        logs = QPushButton(tr("Show the logs"))
        logs.clicked.connect(lambda: _open(self.context.settings.file.parent / "log"))
        column = QVBoxLayout()
        column.setSpacing(12)
        heading = words(tr("Settings"), "title")
        column.addWidget(heading)
        column.addWidget(self.restart)
        column.addWidget(
            _card(
                tr("Head model"),
                [
                    self._combo("head", tr("Head model"), p.heads),
                    (
                        "FLAME",
                        self.import_flame,
                        words(tr("Have flame2023_Open.pkl or generic_model.pkl? Import it once."), "dim"),
                    ),
                ],
            )
        )
        column.addWidget(
            _card(
                tr("Reconstruction"),
                [
                    self._combo("engine", tr("Method"), p.engines),
                    self._combo("quality", tr("Quality"), p.qualities),
                    self._combo("texture_size", tr("Texture"), p.texture_sizes),
                    self._combo("device", tr("Compute on"), p.devices, self.device),
                ],
            )
        )
        column.addWidget(_card(tr("Storage"), [(tr("Library"), side_by_side(self.change_folder, show), self.folder)]))
        column.addWidget(
            _card(
                tr("Window"),
                [self._combo("theme", tr("Theme"), p.themes), self._combo("language", tr("Language"), p.languages)],
            )
        )
        promise = tr(
            "No picture leaves this computer: FaceStudio opens no network connection. To remove a person, use “Erase subject” in the "
            "library: it removes photos, heads, thumbnails and index. Files you exported are yours to remove."
        )
        column.addWidget(
            _card(tr("Privacy"), [(tr("Logs"), logs, words(tr("Errors and file names, for your eyes."), "dim"))], promise)
        )
        column.addStretch(1)
        inner = QWidget()
        inner.setMaximumWidth(WIDTH)
        inner.setLayout(column)
        column.setContentsMargins(0, 0, 0, 0)
        centred = QWidget()
        row = QHBoxLayout(centred)
        row.setContentsMargins(24, 24, 24, 24)
        row.addStretch(1)
        row.addWidget(inner, 100)
        row.addStretch(1)
        area = QScrollArea(self)
        area.setWidgetResizable(True)
        area.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        area.setFocusPolicy(Qt.FocusPolicy.NoFocus)
        area.setWidget(centred)
        whole = QVBoxLayout(self)
        whole.setContentsMargins(0, 0, 0, 0)
        whole.addWidget(area)

    def _combo(
        self, name: str, label: str, choices: Callable[[], list[Choice]], sentence: QLabel | None = None
    ) -> tuple[str, QWidget, QLabel]:
        combo = QComboBox()
        combo.setAccessibleName(label)
        combo.activated.connect(lambda i: self.presenter.choose(**{name: combo.itemData(i)}))
        self.combos[name], self._choices[name] = combo, choices
        if sentence is None:
            sentence = self._sentences[name] = words("", "dim")
        return label, combo, sentence

    def _refresh(self) -> None:
        p = self.presenter
        for name, combo in self.combos.items():
            choices = self._choices[name]()
            if [combo.itemData(i) for i in range(combo.count())] != [choice.value for choice in choices]:
                combo.clear()
                for choice in choices:
                    combo.addItem(choice.label, choice.value)
            now = getattr(p.value, name)
            combo.setCurrentIndex(next((i for i, choice in enumerate(choices) if choice.value == now), -1))
            if name in self._sentences:
                sentence = next((choice.sentence for choice in choices if choice.value == now), "")
                self._sentences[name].setText(sentence)
                self._sentences[name].setVisible(bool(sentence))
        self.combos["quality"].setEnabled(p.value.engine == "auto")
        self.device.setText(tr("Now: {device}", device=p.device()) if p.device() else tr("Starting the engine…"))
        self.folder.setText(str(p.value.library_folder))
        self.change_folder.setEnabled(not p.library_is_fixed())
        self.import_flame.setEnabled(not p.importing())
        self.import_flame.setText(tr("Import again…") if p.has_flame() else tr("Import FLAME…"))
        self.restart.setVisible(p.needs_restart())

    # --- questions ----------------------------------------------------------------------------------------------------

    def _ask_for_flame(self) -> None:
        name, _ = QFileDialog.getOpenFileName(self, tr("Import a FLAME file"), str(Path.home()), FLAME_FILES)
        if name:
            self.presenter.import_flame(Path(name))

    def _ask_for_folder(self) -> None:
        name = QFileDialog.getExistingDirectory(self, tr("Folder for the library"), str(self.presenter.value.library_folder))
        if name:
            self.presenter.choose(library=name)


def _open(folder: Path) -> None:
    QDesktopServices.openUrl(QUrl.fromLocalFile(str(folder)))


def _card(title: str, rows: Sequence[tuple[str, QWidget, QLabel]], text: str = "") -> QFrame:
    """A card: per row the name, the control, and below it the sentence."""
    card = QFrame()
    card.setProperty("look", "card")
    grid = QGridLayout(card)
    grid.setContentsMargins(16, 12, 16, 16)
    grid.setHorizontalSpacing(16)
    grid.setVerticalSpacing(4)
    grid.setColumnMinimumWidth(0, 140)
    grid.setColumnStretch(1, 1)
    grid.addWidget(words(title, "heading"), 0, 0, 1, 2)
    line = 1
    if text:
        grid.addWidget(words(text, ""), line, 0, 1, 2)
        line += 1
    for name, control, sentence in rows:
        grid.setRowMinimumHeight(line, 8)
        label = words(name, "")
        label.setBuddy(control)
        if isinstance(control, QComboBox):
            control.setFixedWidth(CONTROL_WIDTH)
        grid.addWidget(label, line + 1, 0)
        grid.addWidget(control, line + 1, 1, Qt.AlignmentFlag.AlignLeft)
        grid.addWidget(sentence, line + 2, 1)
        line += 3
    return card
