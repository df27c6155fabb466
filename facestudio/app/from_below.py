"""Sentences of the floors below, said in the operator's language.

The floors below know no language. Their errors, notes and verdicts are English, and so are those that lie in files, written by this
version or an older one (a capture's error.json, the notes of a saved head). Such a sentence is recognised here by its template, the
values are taken out of it, and it is said anew; a value may be a sentence or a word itself. Templates count their places:
"{0} does not exist." What is not recognised (what an operating system or a library said) stays as it is.
"""

from __future__ import annotations

import re
import string
from collections.abc import Mapping
from functools import lru_cache

_NUMBER = re.compile(r"([±+-]?\d+)\.(\d+)( ?%)?|([±+-]?\d+)%")
_REMEMBERED = 2048  # sentences; the window says the same ones again and again


class Speech:
    """What is said in one language. sentences: English -> the language's; those with counted places are templates."""

    def __init__(self, sentences: Mapping[str, str], point: str = ".") -> None:
        """point: what stands between the ones and the tenths of a number."""
        self._point = point
        self._exact = {a: b for a, b in sentences.items() if "{" not in a}
        found = [(a, b) for a, b in sentences.items() if re.search(r"\{\d+\}", a)]
        # The template with most words of its own says most exactly what a sentence means.
        found.sort(key=lambda pair: -len(re.sub(r"\{\d+\}", "", pair[0])))
        self._templates = [(_pattern(a), _places(a), b) for a, b in found]
        self.said = lru_cache(maxsize=_REMEMBERED)(self._said)

    def _said(self, text: str) -> str:
        if not self._exact and not self._templates:
            return text
        if "\n" in text:
            return "\n".join(self.said(line) for line in text.split("\n"))
        before, colon, after = text.partition(": ")
        if colon and after in self._exact and text not in self._exact:  # a file's name before a sentence of no places
            return f"{self._known(before) or before}: {self._exact[after]}"
        return self._known(text, whole=True) or self._sentence_by_sentence(text) or self._known(text) or self._parts(text)

    def _known(self, text: str, whole: bool = False) -> str:
        """The translation of a sentence or a part of one that is recognised, else "". whole: only one without places."""
        if text in self._exact:
            return self._exact[text]
        for pattern, places, translation in () if whole else self._templates:
            match = pattern.fullmatch(text)
            if match and not self._is_two_parts(match):
                values = {place: self._value(value) for place, value in zip(places, match.groups(), strict=True)}
                return translation.format(*(values[str(n)] for n in range(len(values))))
        part = "" if whole or not text.endswith(".") else self._known(text[:-1])
        return f"{part}." if part else ""

    def _is_two_parts(self, match: re.Match[str]) -> bool:
        """A template such as "{0} of {1}" fits "folder: These are the photos of Anna.", too, and would tear the sentence in two."""
        first = match.group(1) if match.start(1) == 0 else ""
        if ": " not in first:
            return False
        _, _, after = match.string.partition(": ")
        return bool(self._known(after))

    def _sentence_by_sentence(self, text: str) -> str:
        """Several sentences in a row, each of them recognised; "" when they are not."""
        pieces = re.split(r"(?<=[.!?]) (?=[A-Z])", text)
        if len(pieces) < 2:
            return ""
        said, start = [], 0
        while start < len(pieces):
            for end in range(start + 1, len(pieces) + 1):
                if end - start < len(pieces) and (known := self._known(" ".join(pieces[start:end]))):
                    said.append(known)
                    start = end
                    break
            else:
                return ""
        return " ".join(said)

    def _parts(self, text: str) -> str:
        """Nothing is recognised as a whole: what can be said of a list, or after a colon, is said."""
        pieces = re.split(r"(?<=[.!?]) (?=[A-Z])", text)
        if len(pieces) > 1:
            return " ".join(self.said(piece) for piece in pieces)
        before, colon, after = text.partition(": ")
        if colon and (known := self._known(after)):
            return f"{self._known(before) or before}: {known}"
        return text

    def _value(self, value: str) -> str:
        if number := _NUMBER.fullmatch(value):
            whole, tenths, percent, alone = number.groups()
            return f"{alone} %" if alone else f"{whole}{self._point}{tenths}" + (" %" if percent else "")
        words = [self._known(word) or self._exact.get(word.capitalize(), "") for word in value.split(", ")]
        return ", ".join(words) if all(words) else self.said(value)


def _pattern(template: str) -> re.Pattern[str]:
    parts = [
        re.escape(text) + ("(.+?)" if place is not None else "") for text, place, _, _ in string.Formatter().parse(template)
    ]
    return re.compile("".join(parts), re.DOTALL)


def _places(template: str) -> tuple[str, ...]:
    return tuple(place for _, place, _, _ in string.Formatter().parse(template) if place is not None)


_now = [Speech({})]  # a cell: `speak` changes it, and every module holds `said` itself


def speak(speech: Speech) -> None:
    """Say sentences in this language from now on."""
    _now[0] = speech


def said(text: str) -> str:
    """A sentence of a floor below, or several in a row, in the operator's language; unchanged where it is not recognised."""
    return _now[0].said(text)
