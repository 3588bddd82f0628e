"""Findings in a terminal: what a notebook holds is shown, and does nothing there."""

import pytest

from nbcompile.model.diagnostic import Diagnostic, Place, Span
from nbcompile.reporting.findings.people import concise, full
from nbcompile.rules import reading


def finding(line, column, end, message="m", **more):
    place = Place(0, "a", Span(1, column, 1, end))
    return Diagnostic(rule=reading.SYNTAX_ERROR, message=message, path="n.ipynb", place=place, excerpt=line, **more)


def marked(text):
    """What stands above the marks."""
    _, line, marks, *_ = text.splitlines()
    start = marks.index("^")
    return line[start : start + marks.count("^")]


@pytest.mark.parametrize("before", [0, 3, 79, 80, 81, 200, 5000])
@pytest.mark.parametrize("after", [0, 3, 80, 5000])
def test_of_a_long_line_the_part_pointed_at_is_shown(before, after):
    text = full([finding("a" * before + "here" + "b" * after, before + 1, before + 5)])
    assert marked(text) == "here"
    assert max(map(len, text.splitlines())) <= 180


def test_marks_end_with_the_part_that_is_shown():
    assert set(marked(full([finding("x" * 5000, 1, 5001)]))) <= {"x", "…"}


def test_tabs_and_escapes_leave_marks_in_place():
    assert marked(full([finding("if x:\t\x1b[31mhere", 12, 16)])) == "here"


@pytest.mark.parametrize("write", [full, concise])
def test_a_notebook_does_not_command_the_terminal(write):
    text = write([finding("\x1b]0;t\x07 \x9b2J", 1, 2, "\x1b[2Jm", label="\x1b[1m", help="\x08\x7f")])
    assert not [char for char in text if char != "\n" and not char.isprintable()]
