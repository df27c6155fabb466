"""Every sentence of the window is marked for translation, and every language has every sentence."""

from __future__ import annotations

import ast
import json
import re
import string
from collections.abc import Iterator
from pathlib import Path

import pytest

from facestudio.app import strings
from facestudio.app.pages.head.controls import spoken
from facestudio.app.strings import languages, read_language
from facestudio.app.widgets.job_strip import STAGES
from facestudio.head.model import HeadModel
from facestudio.paths import package_dir, resources_dir

FILES = sorted((package_dir() / "app").rglob("*.py"))
TRANSLATIONS = [language for language in languages() if language != "en"]


def marked(source: str) -> Iterator[tuple[int, str | None]]:
    """(line, sentence) of each call of tr or mark; the sentence is None when it is no literal."""
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Call) and node.args:
            name = node.func.attr if isinstance(node.func, ast.Attribute) else getattr(node.func, "id", "")
            if name in {"tr", "mark"}:
                first = node.args[0]
                literal = isinstance(first, ast.Constant) and isinstance(first.value, str)
                yield node.lineno, str(first.value) if literal and isinstance(first, ast.Constant) else None


def sentences() -> dict[str, str]:
    """Sentence -> where it stands."""
    found: dict[str, str] = {}
    for path in FILES:
        for line, sentence in marked(path.read_text(encoding="utf-8")):
            if sentence:
                found.setdefault(sentence, f"{path.relative_to(package_dir())}:{line}")
    return found


def placeholders(text: str) -> set[str]:
    """Names in braces."""
    return {name for _, name, _, _ in string.Formatter().parse(text) if name}


def test_there_are_sentences_and_a_second_language() -> None:
    assert len(sentences()) > 50
    assert "de" in TRANSLATIONS


@pytest.mark.parametrize("language", TRANSLATIONS)
def test_a_language_is_complete(language: str) -> None:
    known = read_language(language)
    missing = {sentence: where for sentence, where in sentences().items() if not known.get(sentence)}
    assert not missing, json.dumps(missing, indent=1, ensure_ascii=False)


def expressions(model: HeadModel) -> set[str]:
    """The names of a head model's expressions as the sliders say them."""
    return {spoken(name) for name in model.expression_names}


@pytest.mark.parametrize("language", TRANSLATIONS)
def test_expressions_have_names_in_a_language(language: str, openhead: HeadModel) -> None:
    assert not expressions(openhead) - set(read_language(language))


@pytest.mark.parametrize("language", TRANSLATIONS)
def test_a_language_holds_nothing_that_is_no_longer_said(language: str, openhead: HeadModel) -> None:
    own: set[str] = set()
    for path in (resources_dir() / "i18n" / language).glob("*.json"):
        if not path.name.startswith("below_"):  # those are looked after by test_from_below.py
            own |= set(json.loads(path.read_text(encoding="utf-8")))
    assert not own - set(sentences()) - strings.FROM_BELOW - expressions(openhead)


@pytest.mark.parametrize("language", TRANSLATIONS)
def test_a_translation_has_the_placeholders_of_its_original(language: str) -> None:
    differing = {a: b for a, b in read_language(language).items() if placeholders(a) != placeholders(b)}
    assert not differing


@pytest.mark.parametrize("language", TRANSLATIONS)
def test_no_two_files_of_a_language_disagree(language: str) -> None:
    seen: dict[str, tuple[str, str]] = {}
    for path in sorted((resources_dir() / "i18n" / language).glob("*.json")):
        for sentence, translation in json.loads(path.read_text(encoding="utf-8")).items():
            before = seen.setdefault(sentence, (translation, path.name))
            assert before[0] == translation, f"{sentence!r} differs between {before[1]} and {path.name}"


@pytest.mark.parametrize(
    ("source", "found"),
    [
        ('tr("Hello")', ["Hello"]),
        ('self.tr("Hello")', ["Hello"]),
        ('title = mark("Head")', ["Head"]),
        ('tr(f"{n} photos")', [None]),
        ('print("Hello")', []),
    ],
)
def test_the_extractor_finds_what_is_marked(source: str, found: list[str | None]) -> None:
    assert [sentence for _, sentence in marked(source)] == found


def test_no_sentence_is_put_together_where_a_translator_cannot_see_it() -> None:
    built = []
    for path in FILES:
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Call) and node.args and isinstance(node.args[0], ast.JoinedStr):
                name = node.func.attr if isinstance(node.func, ast.Attribute) else getattr(node.func, "id", "")
                if name in {"tr", "mark"}:
                    built.append(f"{path.name}:{node.lineno}")
    assert not built


LABELS = {
    "QLabel",
    "QPushButton",
    "QCheckBox",
    "QRadioButton",
    "QGroupBox",
    "QAction",
    "setText",
    "setToolTip",
    "setAccessibleName",
}


def test_no_widget_is_given_an_unmarked_sentence() -> None:
    """A literal with a letter in it, handed to a widget: names and units that are the same in every language are listed."""
    same_everywhere = {"FaceStudio", "FLAME", "OpenHead", "mm", "px", "CSV", "°", "settings"}
    bare = []
    for path in FILES:
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Call) and node.args and isinstance(node.args[0], ast.Constant):
                name = node.func.attr if isinstance(node.func, ast.Attribute) else getattr(node.func, "id", "")
                text = node.args[0].value
                if name in LABELS and isinstance(text, str) and any(c.isalpha() for c in text) and text not in same_everywhere:
                    bare.append(f"{path.relative_to(package_dir())}:{node.lineno}: {text!r}")
    assert not bare


def test_the_files_of_a_language_are_flat_json(tmp_path: Path) -> None:
    for path in (resources_dir() / "i18n").rglob("*.json"):
        content = json.loads(path.read_text(encoding="utf-8"))
        assert all(isinstance(k, str) and isinstance(v, str) and v for k, v in content.items()), path


# What only the command line runs; its stages are said there as they are.
NOT_IN_THE_WINDOW = ("evaluate_", "make_synthetic", "prepare_photos", "reconstruct_all", "scan_sequences", "train")


def test_every_stage_that_the_window_can_show_has_words() -> None:
    told: set[str] = set()
    for floor in ("reconstruct", "texture", "export", "library", "pipeline", "capture/calibration", "app"):
        for path in (package_dir() / floor).rglob("*.py"):
            if not path.name.startswith(NOT_IN_THE_WINDOW):
                source = path.read_text(encoding="utf-8")
                told |= set(re.findall(r'progress\(\s*"([a-z ]+)"', source)) | set(re.findall(r'\bSTAGE = "([a-z ]+)"', source))
    assert {"read", "network", "points", "refine", "texture"} <= told
    assert told <= set(STAGES)
