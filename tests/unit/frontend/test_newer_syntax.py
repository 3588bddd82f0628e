"""Syntax of a newer Python than the one that runs is an error with a code that says which Python reads it."""

import sys

import pytest

from nbcompile.frontend.parse import parse_cell
from nbcompile.frontend.percent import read_percent

FORMS = [
    ("try:\n    pass\nexcept* ValueError:\n    pass", (3, 11)),
    ("type Vector = list[float]", (3, 12)),
    ("type Pair[T] = tuple[T, T]", (3, 12)),
    ("def first[T](xs: list[T]) -> T: return xs[0]", (3, 12)),
    ("class Stack[T]: pass", (3, 12)),
    ('print(f"{d["k"]}")', (3, 12)),
    ('x = t"hello {name}"', (3, 14)),
    ("show('a t', rT'b')", (3, 14)),
]
NOT_NEWER = ["type = = 1", "def f(:", 'print(f"{x")', "class A(:", "print 'x'"]
# What looks like a newer literal, but begins in another one or in a comment.
NOT_NEWER += ["df = {'t': 1, 'b': }", """print("can't" x)""", "x = {'f': {'a': 1}, 'b': }", "f( # t'x'", "f('''a t'x ''' x)"]


def found_in(source):
    (cell,) = read_percent(f"# %%\n{source}\n".encode(), "n").value.code_cells
    (found,) = parse_cell(cell).diagnostics
    return found


@pytest.mark.parametrize(("source", "version"), [form for form in FORMS if form[1] > sys.version_info[:2]])
def test_newer_syntax_names_the_python_that_reads_it(source, version):
    found = found_in(source)
    assert found.rule.code == "NB006"
    assert f"Python {version[0]}.{version[1]} reads it" in found.help


@pytest.mark.parametrize("source", NOT_NEWER)
def test_what_no_python_reads_is_to_be_corrected(source):
    assert "correct the cell" in found_in(source).help
