"""The operator's language. Every sentence in the window passes through `tr`, with the English sentence itself as the key.

A translation is a folder of JSON files, resources/i18n/LANGUAGE/*.json, one for each page so that two people can work at once, each a flat
object from English to the other language. Qt's Linguist format would need a compiler and a compiled file; this needs an editor.
`self.tr("…")` of any QObject and Qt's own dialogs go through the same translator.
"""

from __future__ import annotations

import json
import string
from collections.abc import Mapping
from pathlib import Path

from PySide6.QtCore import QCoreApplication, QLibraryInfo, QLocale, QTranslator

from facestudio.app.from_below import Speech, speak
from facestudio.export.formats import FORMATS
from facestudio.paths import resources_dir

SYSTEM = "system"
ENGLISH = "en"
# Sentences of the floors below that the window shows through tr(variable); their translations need not stand in our source.
FROM_BELOW: frozenset[str] = frozenset(text for choice in FORMATS.values() for text in (choice.label, choice.sentence))


_installed: list[QTranslator] = []  # kept alive here: Qt holds no reference of its own


def tr(text: str, /, **values: object) -> str:
    """A sentence in the operator's language, with {placeholders} filled. `text` must be a literal, so that translators find it."""
    translated = QCoreApplication.translate("", text)
    return _NUMBERS.vformat(translated, (), values) if values else translated


class _LocalNumbers(string.Formatter):
    """Numbers with the operator's decimal point; whole numbers and text as they are."""

    def format_field(self, value: object, format_spec: str) -> str:
        """One value in its place."""
        text: str = super().format_field(value, format_spec)
        return text.replace(".", QLocale().decimalPoint()) if isinstance(value, float) else text


_NUMBERS = _LocalNumbers()


def percent(share: float) -> str:
    """A share in [0, 1] in whole per cent: "48%", in German "48 %"."""
    return tr("{number}%", number=round(100 * share))


def mark(text: str) -> str:
    """Mark a literal for translation where no language is chosen yet (class attributes, constants); `tr` it when it is shown."""
    return text


def languages() -> tuple[str, ...]:
    """Codes of the languages there are, English first."""
    folder = resources_dir() / "i18n"
    return (ENGLISH, *sorted(path.name for path in folder.glob("*") if path.is_dir()))


def read_language(language: str) -> dict[str, str]:
    """English -> translation, gathered from the language's files; empty for English."""
    found: dict[str, str] = {}
    for path in sorted((resources_dir() / "i18n" / language).glob("*.json")):
        found |= json.loads(path.read_text(encoding="utf-8"))
    return found


def chosen_language(setting: str) -> str:
    """The language for a setting: "system" follows the computer's, and what we do not speak becomes English."""
    wanted = QLocale.system().name().split("_")[0] if setting == SYSTEM else setting
    return wanted if wanted in languages() else ENGLISH


class JsonTranslator(QTranslator):
    """A Qt translator that looks sentences up in a dictionary, whatever class asks."""

    def __init__(self, sentences: Mapping[str, str]) -> None:
        super().__init__()
        self._sentences = dict(sentences)

    def translate(self, context: str, sourceText: str, disambiguation: str | None = None, n: int = -1) -> str:
        """The translation, or None, which Qt takes for "not mine"."""
        return self._sentences.get(sourceText)  # type: ignore[return-value]

    def isEmpty(self) -> bool:
        """True when there is nothing to translate with: Qt then does not ask."""
        return not self._sentences


def install_language(app: QCoreApplication, setting: str) -> str:
    """Translate the application from now on: our sentences and Qt's own. Returns the language's code."""
    language = chosen_language(setting)
    for old in _installed:
        app.removeTranslator(old)
    _installed.clear()
    QLocale.setDefault(QLocale(language) if setting != SYSTEM else QLocale.system())
    speak(Speech({}))
    if language == ENGLISH:
        return language
    sentences = read_language(language)
    ours = JsonTranslator(sentences)
    speak(Speech(sentences, QLocale().decimalPoint()))
    theirs = QTranslator()
    if theirs.load(f"qtbase_{language}", str(Path(QLibraryInfo.path(QLibraryInfo.LibraryPath.TranslationsPath)))):
        app.installTranslator(theirs)
        _installed.append(theirs)
    app.installTranslator(ours)
    _installed.append(ours)
    return language
