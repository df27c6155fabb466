"""What the operator chose, in one TOML file that a person can read and mend.

The file carries a schema number; older ones are migrated step by step, and what they said is kept beside as settings.schema-N.toml. A file
that cannot be read, or that a newer FaceStudio wrote, is kept as settings.damaged.toml or settings.newer.toml (numbered, where there is one
already) and said, never overwritten in silence. The window's geometry is not here: Qt keeps it (QSettings).
"""

from __future__ import annotations

import json
import os
import tomllib
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, fields, replace
from itertools import count
from pathlib import Path
from typing import Any

import platformdirs
from PySide6.QtCore import QObject, Signal

from facestudio.atomic import write_file
from facestudio.errors import OutputError
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


Migration = Callable[[dict[str, Any]], dict[str, Any]]
# Each step turns the values of schema n into those of schema n + 1: whoever raises SCHEMA writes one, and a test asks for it.
MIGRATIONS: Mapping[int, Migration] = {}


class NewerSettings(ValueError):
    """The file was written by a FaceStudio that knows more than this one."""


def config_dir() -> Path:
    """The folder of settings.toml; FACESTUDIO_CONFIG_DIR overrides the platform's usual place."""
    chosen = os.environ.get(CONFIG_VARIABLE)
    return Path(chosen).expanduser() if chosen else Path(platformdirs.user_config_dir("facestudio", appauthor=False))


def schema_of(text: str) -> int:
    """The schema that a file says it has; the first one's files may say nothing. Raises ValueError when it is no TOML or no schema."""
    schema = tomllib.loads(text).get("schema", 1)
    if type(schema) is not int or schema < 1:
        raise ValueError(f"settings of schema {schema!r}")
    return schema


def migrated(
    values: Mapping[str, Any], schema: int, newest: int = SCHEMA, steps: Mapping[int, Migration] | None = None
) -> dict[str, Any]:
    """Values of a schema as the newest one says them, by all steps between. Raises NewerSettings, and ValueError where a step fails."""
    if schema > newest:
        raise NewerSettings(f"settings of schema {schema}; this program knows up to {newest}")
    now = dict(values)
    for step in range(schema, newest):
        try:
            now = (MIGRATIONS if steps is None else steps)[step](dict(now))
        except Exception as error:  # whatever a strange file brings a step to
            raise ValueError(f"settings of schema {step} cannot be migrated: {error}") from error
    return now


def parse(text: str) -> Settings:
    """Settings from TOML. Unknown keys are ignored, values out of range become the default.

    Raises ValueError when the text is not TOML, NewerSettings when it is of a schema newer than this program.
    """
    values = migrated(tomllib.loads(text), schema_of(text))
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
            text = self.file.read_text(encoding="utf-8")
            found = parse(text)
            if (schema := schema_of(text)) < SCHEMA:
                write_file(self._free_name(f"settings.schema-{schema}"), text.encode())
            return found
        except (FileNotFoundError, NotADirectoryError):
            return Settings()
        except OutputError:
            return found  # no copy can be kept, and nothing can be overwritten either
        except (OSError, ValueError) as error:
            aside = self._free_name("settings.newer" if isinstance(error, NewerSettings) else "settings.damaged")
            try:
                self.file.replace(aside)
            except OSError:
                aside = self.file
            self.kept_aside = aside
            return Settings()

    def _free_name(self, stem: str) -> Path:
        """A name that no file has: what was kept before stays."""
        names = (stem if number == 1 else f"{stem}-{number}" for number in count(1))
        return next(path for name in names if not (path := self.file.with_name(f"{name}.toml")).exists())
