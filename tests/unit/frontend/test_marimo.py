"""Notebooks that marimo keeps as functions."""

import pytest

from nbcompile import api
from nbcompile.frontend.scripts import locate_script_sources, read_script
from nbcompile.model.notebook import CellKind

# What marimo 0.25 makes of this file, cell by cell and in its order, is what is expected here.
FILE = '''\
# /// script
# dependencies = ["marimo", "numpy"]
# ///

import marimo

__generated_with = "0.14.0"
app = marimo.App(width="medium")

with app.setup:
    # set-up comment
    import dataclasses
    import math


@app.cell
def _(total):
    print(total)
    return


@app.function
def double(x):
    return 2 * x


@app.class_definition
@dataclasses.dataclass
class Point:
    x: int


@app.cell(hide_code=True)
def _(mo):
    mo.md(r"""
    # Heading

    Some *text*.
    """)
    return


@app.cell
def make_xs(
    mo,
):
    # a comment first
    text = """one
two
"""
    far = """
        further in
    """
    xs = [1, 2, 3]
    # after it
    return text, xs


@app.cell
def _():
    import marimo as mo

    return (mo,)


@app.cell
async def _(text, xs):
    _tmp = [double(x) for x in xs]
    total = sum(_tmp) + math.floor(2.5) + len(text)
    total
    return (total,)


@app.cell(disabled=True)
def _(xs):
    raise ValueError
    return


@app.cell
def _():
    return


if __name__ == "__main__":
    app.run()
'''
SOURCES = [
    '# /// script\n# dependencies = ["marimo", "numpy"]\n# ///',
    "# set-up comment\nimport dataclasses\nimport math",
    "def double(x):\n    return 2 * x",
    "@dataclasses.dataclass\nclass Point:\n    x: int",
    "import marimo as mo",
    "# Heading\n\nSome *text*.",
    '# a comment first\ntext = """one\ntwo\n"""\nfar = """\n    further in\n"""\nxs = [1, 2, 3]\n# after it',
    "_tmp = [double(x) for x in xs]\ntotal = sum(_tmp) + math.floor(2.5) + len(text)\ntotal",
    "print(total)",
    "raise ValueError",
]


def read(text):
    return read_script(text.encode(), "n")


def test_cells_are_in_the_order_in_which_they_need_each_other():
    found = read(FILE)
    assert found.diagnostics == ()
    assert [cell.source for cell in found.value.cells] == SOURCES
    assert [cell.kind for cell in found.value.cells].index(CellKind.MARKDOWN) == 5


def test_names_are_ids_and_disabled_cells_are_skipped():
    cells = read(FILE).value.cells
    assert [cell.id for cell in cells if not cell.id[0].isdigit() and len(cell.id) != 8] == ["setup", "double", "Point", "make_xs"]
    assert [cell.source for cell in cells if "skip-execution" in cell.tags] == ["raise ValueError"]


def test_findings_know_their_lines_in_the_file(tmp_path):
    lines = FILE.splitlines()
    for cell, numbers in zip(read(FILE).value.cells, locate_script_sources(FILE), strict=True):
        if cell.kind is CellKind.CODE:
            assert [lines[number - 1].strip() for number in numbers] == [line.strip() for line in cell.source.splitlines()]
    path = tmp_path / "n.py"
    path.write_text(FILE.replace("    print(total)", "    import time\n    print(time.time())"), "utf-8")
    (found,) = [one for one in api.check(path).diagnostics if one.rule.code == "NB106"]
    assert path.read_text("utf-8").splitlines()[found.file_line - 1].strip() == "print(time.time())"


def cell(body, needs="", makes="", options=""):
    lines = "".join(f"    {line}\n" for line in body.split("\n"))
    return f"@app.cell{options}\ndef _({needs}):\n{lines}    return {makes}\n\n\n"


WRONG = {
    "two makers": (cell("x = 1", makes="(x,)") + cell("x = 2", makes="(x,)"), "two cells bind `x`"),
    "a circle": (cell("x = y", "y", "(x,)") + cell("y = x", "x", "(y,)"), "cells need each other in a circle"),
    "no Python": ("def (", "the file is not Python"),
    "a cell that is no Python": ('app._unparsable_cell("x = ", name="_")\n', "a cell is not Python"),
    "private names that functions read": (
        cell("_n = 1\ndef f():\n    return _n", makes="(f,)") + cell("_n = 2"),
        "`_n` is private to two cells, and a function reads it",
    ),
}


@pytest.mark.parametrize(("cells", "message"), WRONG.values(), ids=WRONG)
def test_what_marimo_would_not_run_is_an_error(cells, message):
    found = read(f"import marimo\n\napp = marimo.App()\n\n\n{cells}")
    assert [(one.rule.code, one.message) for one in found.diagnostics] == [("NB013", message)]
    assert found.value.cells == ()


def test_private_names_that_only_their_cells_read_are_fine():
    first = cell("_n = 1\nx = [_n for _ in range(2)]", makes="(x,)")
    second = cell("for _n in range(3):\n    print(_n)\ndef f(_n):\n    return _n", makes="(f,)")
    found = read(f"import marimo\n\napp = marimo.App()\n\n\n{first}{second}")
    assert (found.diagnostics, len(found.value.cells)) == ((), 2)


def test_what_is_nested_deep_is_read():
    deep = cell(f"x = {' + '.join(['1'] * 3000)}", makes="(x,)")
    found = read(f"import marimo\n\napp = marimo.App()\n\n\n{deep}{cell('print(x)', 'x')}")
    assert [one.rule.code for one in found.diagnostics] in ([], ["NB013"])


def test_other_scripts_are_percent_scripts():
    (one,) = read("# %%\nimport marimo\napps = marimo.App()\n").value.cells
    assert one.source == "import marimo\napps = marimo.App()"
