"""What the operator chose, in one TOML file that a person can read and mend.

The file carries a schema number; older ones are migrated step by step. A file that cannot be read is kept beside as
settings.damaged.toml and said, never overwritten in silence. The window's geometry is not here: Qt keeps it (QSettings).
"""

from __future__ import annotations

import json
import os
import tomllib
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, fields, replace
from pathlib import Path
from typing import Any

import platformdirs
from PySide6.QtCore import QObject, Signal

from facestudio.atomic import write_file
from facestudio.paths import user_data_dir
from facestudio.pipeline.engines import ENGINES

CONFIG_VARIABLE = "FACESTUDIO_CONFIG_DIR"
LIBRARY_VARIABLE = "FACESTUDIO_LIBRARY"
SCHEMA = 1
FILE = "settings.toml"

CHOICES: Mapping[str, tuple[Any, ...]] = {
    "engine": ENGINES,
    "quality": ("draft", "standard", "full"),
    "texture_size": (1024, 2048, 4096),
    "device": ("auto", "cpu"),
    "theme": ("system", "light", "dark"),
    "camera_size": ("640x480", "1280x720", "1920x1080"),
    "camera_backend": ("auto", "v4l2", "msmf", "dshow", "avfoundation"),
}


@dataclass(frozen=True)
class Settings:
    """Everything the operator can choose.

    library: the folder of captures; "" is the usual place. head: "open", "flame" or a head model file. device: "cpu" keeps off the graphics
    card. language: "system" or a code of resources/i18n. export_folder: where the last export went.
    camera_size: pictures asked of live cameras. camera_backend: how they are reached.
    """

    library: str = ""
    head: str = "open"
    engine: str = "auto"
    quality: str = "standard"
    texture_size: int = 2048
    device: str = "auto"
    theme: str = "system"
    language: str = "system"
    export_folder: str = ""
    camera_size: str = "1280x720"
    camera_backend: str = "auto"

    @property
    def library_folder(self) -> Path:
        """Where captures are kept; FACESTUDIO_LIBRARY overrides what was chosen."""
        chosen = os.environ.get(LIBRARY_VARIABLE) or self.library
        return Path(chosen).expanduser() if chosen else user_data_dir() / "library"


# Each step turns the values of schema n into those of schema n + 1; there is none before the first.
MIGRATIONS: Mapping[int, Callable[[dict[str, Any]], dict[str, Any]]] = {}


def config_dir() -> Path:
    """The folder of settings.toml; FACESTUDIO_CONFIG_DIR overrides the platform's usual place."""
    chosen = os.environ.get(CONFIG_VARIABLE)
    return Path(chosen).expanduser() if chosen else Path(platformdirs.user_config_dir("facestudio", appauthor=False))


def parse(text: str) -> Settings:
    """Settings from TOML. Unknown keys are ignored, values out of range become the default.

    Raises ValueError when the text is not TOML, or of a schema newer than this program.
    """
    values = dict(tomllib.loads(text))
    schema = values.pop("schema", SCHEMA)
    if not isinstance(schema, int) or not 0 < schema <= SCHEMA:
        raise ValueError(f"settings of schema {schema!r}; this program knows up to {SCHEMA}")
    for step in range(schema, SCHEMA):
        values = MIGRATIONS[step](values)
    defaults = Settings()
    kept: dict[str, Any] = {}
    for field in fields(Settings):
        value = values.get(field.name)
        fitting = type(value) is type(getattr(defaults, field.name))
        if fitting and (field.name not in CHOICES or value in CHOICES[field.name]):
            kept[field.name] = value
    return replace(defaults, **kept)


def as_toml(settings: Settings) -> str:
    """The settings as TOML, one line each. Strings and numbers are written as JSON writes them, which TOML reads alike."""
    lines = [f"{name} = {json.dumps(value)}" for name, value in asdict(settings).items()]
    return "\n".join(["# FaceStudio's settings", f"schema = {SCHEMA}", *lines, ""])


class SettingsStore(QObject):
    """The settings now (`value`), and a place to change them. changed(Settings): after each change, which is on the disk by then.

    kept_aside: where a file that could not be read was put; None when all was well.
    """

    changed = Signal(object)

    def __init__(self, folder: Path | None = None, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self.file = (folder or config_dir()) / FILE
        self.kept_aside: Path | None = None
        self.value = self._read()

    def update(self, **changes: Any) -> None:
        """Change some settings and write them. Raises OutputError when the disk refuses; nothing is changed then."""
        changed = replace(self.value, **changes)
        if changed == self.value:
            return
        write_file(self.file, as_toml(changed).encode())
        self.value = changed
        self.changed.emit(changed)

    def _read(self) -> Settings:
        try:
            return parse(self.file.read_text(encoding="utf-8"))
        except (FileNotFoundError, NotADirectoryError):
            return Settings()
        except (OSError, ValueError):
            self.kept_aside = self.file.with_name("settings.damaged.toml")
            try:
                self.file.replace(self.kept_aside)
            except OSError:
                self.kept_aside = self.file
            return Settings()
