"""What the Settings page shows and does: choices, where they lead, and importing FLAME. No widgets."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from PySide6.QtCore import QObject, Signal

from facestudio.app.context import AppContext
from facestudio.app.jobs import Job
from facestudio.app.settings import LIBRARY_VARIABLE, Settings
from facestudio.app.strings import ENGLISH, SYSTEM, languages, tr
from facestudio.errors import FaceStudioError
from facestudio.progress import CancelToken, Partial, Progress

LANGUAGE_NAMES = {ENGLISH: "English", "de": "Deutsch"}  # each in its own language: whoever looks for it reads no other
FLAME_FILES = "FLAME (*.pkl *.npz)"


@dataclass(frozen=True)
class Choice:
    """One value that can be chosen. sentence: what it means, in one line; "" when the label says it all."""

    value: Any
    label: str
    sentence: str = ""


class SettingsPresenter(QObject):
    """changed(): something to show is different. said(sentence): a short answer to what the operator did."""

    changed = Signal()
    said = Signal(str)

    def __init__(self, context: AppContext, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._context = context
        self._at_start = context.settings.value
        self._import: Job | None = None
        context.settings.changed.connect(self.changed)
        context.engine.became_ready.connect(self.changed)

    @property
    def value(self) -> Settings:
        """The settings now."""
        return self._context.settings.value

    def choose(self, **changes: Any) -> None:
        """Change some settings; an error of the disk is shown as a card."""
        try:
            self._context.settings.update(**changes)
        except FaceStudioError as error:
            self._context.navigator.show_error(error)
            self.changed.emit()

    def heads(self) -> list[Choice]:
        """The head models at hand; a model file chosen by hand (in the settings file) is shown by its name."""
        found = [Choice("open", "OpenHead", tr("Ships with FaceStudio; free for any use."))]
        if self.has_flame():
            found.append(Choice("flame", "FLAME", tr("Imported from its authors' file; its licence holds for your heads.")))
        if self.value.head not in {choice.value for choice in found}:
            found.append(Choice(self.value.head, Path(self.value.head).name))
        return found

    def has_flame(self) -> bool:
        """True once FLAME was imported on this computer."""
        from facestudio.paths import user_models_dir

        return (user_models_dir() / "flame.npz").is_file()

    def engines(self) -> list[Choice]:
        """How a head is found."""
        return [
            Choice("auto", tr("Match the photos densely"), tr("Landmarks first, then every pixel: the most accurate.")),
            Choice("fit", tr("Landmarks only"), tr("Some seconds faster, less accurate.")),
            Choice("mfnet", tr("Network"), tr("Straight from the pictures in a moment: a first impression.")),
            Choice("sfm", tr("Depth networks"), tr("Points from learned depth, and a head fitted to them; for comparison.")),
        ]

    def qualities(self) -> list[Choice]:
        """How long dense matching may take."""
        return [
            Choice("draft", tr("Draft"), tr("For a quick look.")),
            Choice("standard", tr("Standard"), tr("About twenty-five seconds on two cores.")),
            Choice("full", tr("Full"), tr("Takes the time it needs.")),
        ]

    def texture_sizes(self) -> list[Choice]:
        """Side of the texture, pixels."""
        return [Choice(size, f"{size} × {size}") for size in (1024, 2048, 4096)]

    def themes(self) -> list[Choice]:
        """Light, dark, or as the system has it."""
        return [Choice("system", tr("As the system")), Choice("light", tr("Light")), Choice("dark", tr("Dark"))]

    def languages(self) -> list[Choice]:
        """Languages, each named in itself."""
        return [Choice(SYSTEM, tr("As the system"))] + [Choice(code, LANGUAGE_NAMES.get(code, code)) for code in languages()]

    def devices(self) -> list[Choice]:
        """What may be computed on."""
        return [Choice("auto", tr("Automatic")), Choice("cpu", tr("Processor only"))]

    def device(self) -> str:
        """What is computed on now; "" until the engine has started."""
        return self._context.engine.device if self._context.engine.ready else ""

    def library_is_fixed(self) -> bool:
        """True when the environment names the library's folder, so that it cannot be chosen here."""
        import os

        return bool(os.environ.get(LIBRARY_VARIABLE))

    def needs_restart(self) -> bool:
        """True when something was chosen that holds from the next start on."""
        then, now = self._at_start, self.value
        return (then.language, then.device, then.library_folder) != (now.language, now.device, now.library_folder)

    def importing(self) -> bool:
        """True while a FLAME file is being imported."""
        return self._import is not None and not self._import.state.ended

    def import_flame(self, path: Path) -> Job:
        """Check a FLAME file and keep a safe copy of it, as a job; then it is chosen."""

        def work(progress: Progress, cancel: CancelToken, partial: Partial) -> Path:
            from facestudio.head.flame_import import import_flame

            progress("import", 0.0, path.name)
            return import_flame(path)

        job = self._context.jobs.submit(tr("Import {file}", file=path.name), work, kind="flame")
        self._import = job
        job.done.connect(self._imported)
        job.changed.connect(self.changed)
        self.changed.emit()
        return job

    def _imported(self) -> None:
        self.said.emit(tr("FLAME was imported; new heads use it."))
        self.choose(head="flame")
