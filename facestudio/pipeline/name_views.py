"""Which view a photo is and which photos belong together, by their names alone."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from facestudio.types import ViewName

_WORDS = {
    ViewName.LEFT: ("left", "l"),
    ViewName.FRONT: ("front", "f", "centre", "center", "middle", "frontal"),
    ViewName.RIGHT: ("right", "r"),
}
_VIEW_OF = {word: view for view, words in _WORDS.items() for word in words}
_TOKEN = "|".join(sorted(_VIEW_OF, key=len, reverse=True))
_SEPARATOR = r"[-_. ]+"
_LAST = re.compile(rf"^(?:(?P<base>.*){_SEPARATOR})?(?P<view>{_TOKEN})$", re.IGNORECASE)
_FIRST = re.compile(rf"^(?P<view>{_TOKEN}){_SEPARATOR}(?P<base>.+)$", re.IGNORECASE)
_CAMEL = re.compile(r"^(?P<base>.*[a-z0-9])(?P<view>Left|Front|Right)$")
_DIGIT = re.compile(rf"^(?:(?P<base>.*){_SEPARATOR})?(?P<digit>[0-3])$")
_COUNTS = (("0", "1", "2"), ("1", "2", "3"))


@dataclass(frozen=True)
class NamedPhotos:
    """Photos that belong to one capture by their names.

    base: what their names share, "" when they are called left, front and right and nothing else.
    certain: the names say the views in words; numbers only say an order.
    """

    base: str
    photos: Mapping[ViewName, Path]
    certain: bool


@dataclass
class Sorted:
    """captures: what the names tell. unnamed: photos whose names tell nothing. repeated: a second photo of a view already there."""

    captures: list[NamedPhotos] = field(default_factory=list)
    unnamed: list[Path] = field(default_factory=list)
    repeated: list[Path] = field(default_factory=list)


def view_in_name(stem: str) -> tuple[str, ViewName] | None:
    """(what is left of a name, the view it says), or None: "ann_left", "L-ann", "annFront", "right"."""
    for pattern in (_LAST, _CAMEL, _FIRST):
        found = pattern.match(stem)
        if found:
            return (found["base"] or "").strip("-_. "), _VIEW_OF[found["view"].casefold()]
    return None


def sort_by_name(photos: Iterable[Path]) -> Sorted:
    """Photos of one folder, sorted into captures by their names; a capture named by words may lack a view."""
    result = Sorted()
    by_word: dict[str, dict[ViewName, Path]] = {}
    shown: dict[str, str] = {}
    rest: list[Path] = []
    for path in sorted(photos, key=lambda p: p.name.casefold()):
        said = view_in_name(path.stem)
        if said is None:
            rest.append(path)
            continue
        base, view = said
        shown.setdefault(base.casefold(), base)
        views = by_word.setdefault(base.casefold(), {})
        if view in views:
            result.repeated.append(path)
        else:
            views[view] = path
    result.captures = [NamedPhotos(shown[base], _in_order(views), certain=True) for base, views in by_word.items()]
    counted, result.unnamed = _counted(rest)
    result.captures += counted
    return result


def _counted(photos: list[Path]) -> tuple[list[NamedPhotos], list[Path]]:
    """Captures of three photos numbered 0, 1, 2 (or 1, 2, 3) after the same beginning, and the photos left over."""
    by_base: dict[str, dict[str, Path]] = {}
    for path in photos:
        found = _DIGIT.match(path.stem)
        if found:
            by_base.setdefault((found["base"] or "").strip("-_. "), {}).setdefault(found["digit"], path)
    captures = []
    for base, by_digit in by_base.items():
        if tuple(sorted(by_digit)) in _COUNTS:
            views = dict(zip(ViewName, [by_digit[digit] for digit in sorted(by_digit)], strict=True))
            captures.append(NamedPhotos(base, views, certain=False))
    used = {path for capture in captures for path in capture.photos.values()}
    return captures, [path for path in photos if path not in used]


def _in_order(views: Mapping[ViewName, Path]) -> dict[ViewName, Path]:
    return {view: views[view] for view in ViewName if view in views}
