"""What an operator is told about an exception, and what we are."""

from __future__ import annotations

import os

import pytest

from facestudio import __version__
from facestudio.app.report import problem, recent_lines, report
from facestudio.errors import NoFaceError


def test_an_error_meant_for_operators_is_said_in_its_own_words() -> None:
    told = problem(NoFaceError("No face was found in left.jpg.", "Take it again."))
    assert (told.what, told.remedy, told.expected) == ("No face was found in left.jpg.", "Take it again.", True)


@pytest.mark.parametrize(
    ("error", "words"),
    [
        (MemoryError(), "memory"),
        (PermissionError(13, "Permission denied", "anna/left.jpg"), "anna/left.jpg: Permission denied"),
        (OSError("the cable fell out"), "the cable fell out"),
    ],
)
def test_what_the_computer_refuses_is_no_defect_of_ours(error: Exception, words: str) -> None:
    told = problem(error)
    assert words in told.what
    assert told.remedy
    assert told.expected


def test_a_defect_says_that_it_is_one_and_carries_its_trace() -> None:
    try:
        int(os.environ["NO_SUCH_VARIABLE"])
    except KeyError as error:
        told = problem(error)
    assert "KeyError" in told.what
    assert not told.expected
    assert "test_report.py" in told.details


def test_the_report_holds_what_we_need() -> None:
    recent_lines.append("23:59:59 INFO facestudio: the last thing it did")
    text = report(problem(ValueError("odd")))
    assert __version__ in text
    assert "ValueError: odd" in text
    assert "the last thing it did" in text
