"""Commands that are advised can be typed as they are."""

import ast
import re
from pathlib import Path

import nbcompile

WITHOUT_A_RUN = re.compile(r"`nbcompile runs (?:cancel|logs|open|resume|show|why)`")


def texts(path):
    """The strings of a module that are no docstrings."""
    nodes = list(ast.walk(ast.parse(path.read_text("utf-8"))))
    documentation = {id(node.value) for node in nodes if isinstance(node, ast.Expr)}
    constants = [node.value for node in nodes if isinstance(node, ast.Constant) and id(node) not in documentation]
    return [value for value in constants if isinstance(value, str)]


def test_a_command_on_runs_says_which_run():
    paths = Path(nbcompile.__file__).parent.rglob("*.py")
    assert [(path.name, text) for path in paths for text in texts(path) if WITHOUT_A_RUN.search(text)] == []
