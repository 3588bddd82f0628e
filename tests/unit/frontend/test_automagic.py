"""Magics without their `%`: what IPython takes for one, and what it takes for Python."""

import ast

import pytest
from IPython.core.interactiveshell import InteractiveShell

from nbcompile.api import analyze_bytes
from nbcompile.frontend.magics import magic_word, to_python, with_percent
from nbcompile.frontend.parse import parse_cells
from nbcompile.model.source import Magic
from tests.golden.notebooks import notebook_bytes

LINES = [
    "ls nbpackage",
    "ls",
    "  ls -l",
    "\n\npwd",
    "pwd\n",
    "pwd\n\n",
    "pwd; 1",
    "ls\nls",
    "ls = 3",
    "ls, x = 1, 2",
    "ls.x",
    "lsx",
    "time (3)",
    "time.time()",
    "pip install one",
    "cd ..",
    "ls?",
    "ls f?",
    "ls -l\\\n x",
    "%ls",
    "!ls",
    "x = 1",
    "timeit f(x)",
]


@pytest.fixture(scope="module")
def shell():
    return InteractiveShell()


@pytest.mark.parametrize("source", LINES)
def test_a_magic_is_one_where_ipython_takes_it_for_one(shell, source):
    found = magic_word(source)
    told = shell.transform_cell(source)
    # `%ls` and `ls?` are transformed whether or not there is a magic.
    is_magic = told.strip().startswith("get_ipython().run_line_magic") and not source.startswith("%") and "'pinfo'" not in told
    assert bool(found) == is_magic
    if found:
        assert to_python(with_percent(source)).strip() == told.strip()


def test_every_magic_of_ipython_is_known(shell):
    assert [name for name in shell.magics_manager.magics["line"] if not magic_word(name)] == []


def is_magic(*sources):
    program = analyze_bytes(notebook_bytes("".join(f"# %%\n{source}\n" for source in sources)), "nb")
    *_, last = parse_cells(program.notebook)
    return any(isinstance(node, Magic) for node in ast.walk(last.tree))


@pytest.mark.parametrize(
    ("earlier", "last", "expected"),
    [
        ("x = 1", "ls", True),
        ("%ls\n!ls\nls_all = 1", "ls", True),
        ("ls", "ls", True),
        ("ls = 1", "ls", False),
        ("from os import listdir as ls", "ls", False),
        ("from beside import *", "ls", False),
        ("%run beside.py", "ls", False),
        ("import time", "time x", True),
    ],
)
def test_a_name_of_the_notebook_hides_the_magic(earlier, last, expected):
    assert is_magic(earlier, last) is expected
