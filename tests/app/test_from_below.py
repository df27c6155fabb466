"""Every sentence that the floors below may hand to the window is said in the operator's language, and none is forgotten."""

from __future__ import annotations

import ast
import errno
import json
import os
import re
import string
from collections.abc import Iterator
from pathlib import Path

import pytest

from facestudio.app.from_below import Speech
from facestudio.app.strings import languages, read_language
from facestudio.capture.calibration import intrinsics
from facestudio.capture.camera import Control
from facestudio.paths import package_dir, resources_dir
from facestudio.types import ViewName

TRANSLATIONS = [language for language in languages() if language != "en"]
ROOMS = (
    "atomic.py",
    "errors.py",
    "manifest.py",
    "capture",
    "texture",
    "export",
    "reconstruct",
    "landmarks",
    "head",
    "library",
    "pipeline",
)
# What these say is written into files of their own format, or said to whoever builds models or measures; the window never shows it.
SILENT = {
    "export/checklist.py",
    "export/cloud.py",
    "export/head_json.py",
    "export/obj.py",
    "export/ply.py",
    "export/portraits.py",
    "export/report.py",
    "export/report_style.py",
    "export/smplx_npz.py",
    "export/stl.py",
    "export/usd.py",
    "export/glb.py",
    "export/gltf_buffer.py",
    "capture/calibration/board_pdf.py",
    "capture/faulty_camera.py",
    "capture/source.py",
    "head/contact_sheet.py",
    "library/owner.py",
    "pipeline/evaluate_bench.py",
    "pipeline/evaluate_facescape.py",
    "pipeline/make_synthetic.py",
    "pipeline/prepare_photos.py",
    "pipeline/train.py",
    "reconstruct/mfnet/deca.py",
    "reconstruct/sfm/losses.py",
    "reconstruct/sfm/objective.py",
    "pipeline/reconstruct_all.py",
    "pipeline/retarget_head.py",
    "pipeline/scan_sequences.py",
}
SILENT_FOLDERS = ("head/open_head/",)
# Calls whose text is for the machine.
NOT_SAID = {"execute", "executescript", "executemany", "compile", "search", "match", "Thread", "add_argument", "ArgumentParser"}
NOT_SAID |= {"info", "debug", "warning", "exception", "rename", "with_name", "setattr", "getattr"}
# Text that looks like a sentence and is none, or that a defect of ours alone can bring to light.
NO_SENTENCES = {
    "bool | int | float | str | list[Json] | dict[str, Json] | None",
    "FLAME 2023 Open, (c) Max-Planck-Gesellschaft, CC BY 4.0. Li, Bolkart, Black, Li, Romero: Learning a model of facial shape and "
    "expression from 4D scans, ACM TOG (SIGGRAPH Asia) 2017. https://flame.is.tue.mpg.de",
    "FLAME, (c) Max-Planck-Gesellschaft, under the licence accepted when it was downloaded from https://flame.is.tue.mpg.de "
    "(research only, except FLAME 2023 Open).",
    "{0} x {1} squares of {2} mm, markers of {3} mm",  # on the printed board
    "{0} mm",
    "find the board",  # a stage: app/widgets/job_strip.py names them
    "the live picture",  # names of threads
    "live cameras",
    "Blender Foundation",
    "Blender quit",
    "{0} identity and {1} expression coefficients given; {2} has {3} and {4}",
    "vertex numbers of OpenHead, and through openhead_to_flame.npz (CC BY 4.0) triangle numbers and barycentric coordinates on "
    "FLAME 2023 Open's topology; no coordinates",
    "auto: landmarks, then dense matching; fit: landmarks only; mfnet: the shape straight from a network; sfm: depth networks, "
    "points, and a head fitted to them.",  # the command line's
    "capture {0}",  # the folder's name, which the operator may change
    "an index of another version",
}
DEFECTS = {"ValueError", "TypeError", "KeyError", "IndexError", "AssertionError", "RuntimeError", "NotImplementedError"}
# Single words that stand as values in sentences.
WORDS = {str(view) for view in ViewName} | set(intrinsics._ROWS) | set(intrinsics._COLUMNS) | {str(c.value) for c in Control}
SYSTEM = {os.strerror(n) for n in (errno.ENOENT, errno.EACCES, errno.EPERM, errno.ENOSPC, errno.EROFS, errno.EIO, errno.EISDIR)}


def template(node: ast.Constant | ast.JoinedStr) -> str:
    """A literal as the window recognises it: its values as counted places."""
    if isinstance(node, ast.Constant):
        return str(node.value)
    text, count = "", 0
    for part in node.values:
        if isinstance(part, ast.Constant):
            text += str(part.value).replace("{", "{{").replace("}", "}}")
        else:
            text, count = f"{text}{{{count}}}", count + 1
    return text


def is_said(text: str) -> bool:
    """Words with a space between: names, keys and formats are no sentences."""
    plain = re.sub(r"\{\d+\}", "#", text)
    code = re.match(r"python -m |(SELECT|INSERT|instr|c\.state|s\.dir) |\w+\(|[a-z]+ = |c\.state|s\.dir", text)
    return not code and "\n" not in text and bool(re.search(r"\S \S", plain)) and bool(re.search(r"\b[a-zA-Z][a-z]+\b", plain))


def said_in(source: str) -> Iterator[tuple[int, str]]:
    """(line, template) of every literal that may be shown."""
    tree, silent = ast.parse(source), set[int]()
    for node in ast.walk(tree):
        if isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant):
            silent.add(id(node.value))  # docstrings
        elif isinstance(node, ast.JoinedStr):
            silent |= {id(part) for part in node.values if isinstance(part, ast.Constant)}
        elif isinstance(node, ast.FormattedValue) and node.format_spec is not None:
            silent.add(id(node.format_spec))
        elif isinstance(node, ast.Call):
            name = node.func.attr if isinstance(node.func, ast.Attribute) else getattr(node.func, "id", "")
            if name in NOT_SAID or name in DEFECTS:
                silent |= {id(below) for below in ast.walk(node)}
    for node in ast.walk(tree):
        if id(node) in silent:
            continue
        literal = isinstance(node, ast.JoinedStr) or (isinstance(node, ast.Constant) and isinstance(node.value, str))
        if literal and isinstance(node, ast.Constant | ast.JoinedStr) and is_said(template(node)):
            yield node.lineno, template(node)
        if isinstance(node, ast.FormattedValue) and isinstance(node.value, ast.IfExp):
            choices = (node.value.body, node.value.orelse)
            yield from (
                (c.lineno, c.value) for c in choices if isinstance(c, ast.Constant) and isinstance(c.value, str) and c.value
            )


def files() -> Iterator[tuple[str, Path]]:
    """The rooms' sources, by their paths in the package."""
    for room in ROOMS:
        place = package_dir() / room
        for path in [place] if place.suffix else sorted(place.rglob("*.py")):
            name = path.relative_to(package_dir()).as_posix()
            if name not in SILENT and not name.startswith(SILENT_FOLDERS):
                yield name, path


def sentences() -> dict[str, str]:
    """Template -> where it stands."""
    found: dict[str, str] = {}
    for name, path in files():
        for line, text in said_in(path.read_text(encoding="utf-8")):
            if text not in NO_SENTENCES:
                found.setdefault(text, f"{name}:{line}")
    return found | dict.fromkeys(sorted(WORDS | SYSTEM), "a word")


def test_there_are_sentences_below() -> None:
    assert len(sentences()) > 300


def below(language: str) -> dict[str, str]:
    """What a language knows of the floors below."""
    found: dict[str, str] = {}
    for path in sorted((resources_dir() / "i18n" / language).glob("below_*.json")):
        found |= json.loads(path.read_text(encoding="utf-8"))
    return found


@pytest.mark.parametrize("language", TRANSLATIONS)
def test_every_sentence_of_the_floors_below_is_known_in_a_language(language: str) -> None:
    known = read_language(language)
    missing = {text: where for text, where in sentences().items() if not known.get(text)}
    told = json.dumps(missing, indent=1, ensure_ascii=False)
    assert not missing, f"say these in resources/i18n/{language}/below_*.json ({{0}}, {{1}} … are the values, in order): {told}"


@pytest.mark.parametrize("language", TRANSLATIONS)
def test_a_language_knows_no_sentence_that_nobody_says_any_more(language: str) -> None:
    sources = " ".join(path.read_text(encoding="utf-8") for _, path in files())
    gone = {text for text in set(below(language)) - set(sentences()) if f'"{text}"' not in sources}
    assert not gone


@pytest.mark.parametrize("language", TRANSLATIONS)
def test_a_translation_has_the_places_of_its_original(language: str) -> None:
    def places(text: str) -> set[str]:
        return {place for _, place, _, _ in string.Formatter().parse(text) if place is not None}

    assert not {a: b for a, b in below(language).items() if places(a) != places(b)}


@pytest.mark.parametrize(
    ("source", "found"),
    [
        ('raise PictureError(f"{path.name} is empty.", "Copy it again.")', ["{0} is empty.", "Copy it again."]),
        ('notes.append(f"{a + 1} of {b:.1f} px")', ["{0} of {1} px"]),
        ("f\"it is too {'long' if a else 'short'} here\"", ["it is too {0} here", "long", "short"]),
        ('"""A docstring is not said."""', []),
        ('raise ValueError("a defect of ours")', []),
        ('db.execute("SELECT a FROM b")', []),
        ('key = "left"', []),
    ],
)
def test_the_extractor_finds_what_may_be_shown(source: str, found: list[str]) -> None:
    assert [text for _, text in said_in(source)] == found


SPEECH = Speech(
    {
        "{0} does not exist.": "{0} gibt es nicht.",
        "Check the file name.": "Prüfen Sie den Dateinamen.",
        "No face was found in the {0}.": "Im {0} wurde kein Gesicht gefunden.",
        "{0} photo": "Foto {0}",
        "left": "links",
        "It is not a picture.": "Es ist kein Bild.",
        "{0} is not a picture.": "{0} ist kein Bild.",
        "{0} is damaged": "{0} ist beschädigt",
        "{0} cannot be written to {1}: {2}.": "{0} kann nicht nach {1} geschrieben werden: {2}.",
        "the disk is full": "der Datenträger ist voll",
        "An average head comes to within {0} px: this one fits {1} closer.": "Durchschnitt {0} px: {1} besser.",
        "It shows ({0}).": "Es zeigt ({0}).",
        "{0} of {1}": "{0} von {1}",
        "These are the photos of {0}.": "Das sind die Fotos von {0}.",
        "Jaw open": "Kiefer öffnen",
    },
    point=",",
)


@pytest.mark.parametrize(
    ("english", "german"),
    [
        ("/a b/c.jpg does not exist.", "/a b/c.jpg gibt es nicht."),
        ("x does not exist. Check the file name.", "x gibt es nicht. Prüfen Sie den Dateinamen."),
        ("No face was found in the left photo.", "Im Foto links wurde kein Gesicht gefunden."),
        (
            "Head cannot be written to /x: the disk is full.",
            "Head kann nicht nach /x geschrieben werden: der Datenträger ist voll.",
        ),
        ("a.json is damaged. Check the file name.", "a.json ist beschädigt. Prüfen Sie den Dateinamen."),
        ("An average head comes to within 5.6 px: this one fits 20% closer.", "Durchschnitt 5,6 px: 20 % besser."),
        ("a.txt: It is not a picture.", "a.txt: Es ist kein Bild."),
        ("Left: the disk is full", "Left: der Datenträger ist voll"),
        ("visit 1: These are the photos of Anna.", "visit 1: Das sind die Fotos von Anna."),
        ("visit 1: the chair of Anna", "visit 1: the chair von Anna"),
        ("It shows (left, jaw open).", "Es zeigt (links, Kiefer öffnen)."),
        ("x does not exist.\nCheck the file name.", "x gibt es nicht.\nPrüfen Sie den Dateinamen."),
        ("The kernel said something.", "The kernel said something."),
        ("", ""),
        ("{0} does not exist.", "{0} gibt es nicht."),
    ],
)
def test_a_sentence_is_recognised_and_said_again(english: str, german: str) -> None:
    assert SPEECH.said(english) == german


def test_without_a_language_everything_stays_as_it_is() -> None:
    assert Speech({}).said("x does not exist. 5.6 px") == "x does not exist. 5.6 px"


@pytest.mark.parametrize("language", TRANSLATIONS)
@pytest.mark.parametrize(
    "sentence",
    [
        "The photos were matched point by point, far more closely than landmarks allow.",
        "Half of the head's surface is known to ±0.3 mm or better (one standard deviation).",
        "73% of its colour was photographed; 61% of its surface is seen by two photos or more.",
        "The photos show an expression (jaw open, mouth smile left); the exported head is neutral, "
        "and its weights are in the JSON file.",
        "The library /a b/library cannot be opened: you may not write there.",
        "capture.json is damaged. Rename the capture to write a new one.",
        "The camera C920 cannot be used: another program is using it.",
        "left: eyes closed. Wait for open eyes; the burst picks such a moment if there is one.",
        "Locked: auto exposure, white balance, focus. Could not be matched to the front camera (90, 120).",
        "Best of 30: pictures 8 ms apart. Sharp. Eyes open.",
        "visit 1: These are the same photos as those of Anna.",
        "front: focal length 1200.5 px (± 0.12%), lens error 0.20 px, board in 14 of 15 pictures",
        "The photos were given in another order than left, front, right; corrected by the head's turn: "
        "a.jpg is the left view, b.jpg is the front view.",
    ],
)
def test_a_sentence_as_it_is_said_keeps_no_english_word(language: str, sentence: str) -> None:
    said = Speech(read_language(language), ",").said(sentence)
    assert not re.findall(r"\b(the|was|is|are|of|left|front|photos?|head|which|eyes|open)\b", said.replace("FaceStudio", "")), (
        said
    )
