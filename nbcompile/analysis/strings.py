"""Names in texts that a library or Python itself evaluates: `eval("x + 1")`, `df.query("a > @x")`, formulas, queries of databases."""

from __future__ import annotations

import ast
import re
import warnings

from nbcompile.analysis import files
from nbcompile.analysis.bindings import Frame
from nbcompile.analysis.values import Value
from nbcompile.analysis.visit import call_back, evaluate, execute

_AT_NAME = re.compile(r"@([A-Za-z_]\w*)")
_FORMULA_NAME = re.compile(r"\b([A-Za-z_]\w*)")
_TABLE = re.compile(r"\b(?:from|join)\s+([a-z_]\w*)", re.IGNORECASE)
_SQL = re.compile(
    r"""(?:\s|--[^\n]*\n|/\*.*?\*/)*(?:attach|call|copy|create|delete|describe|explain|export|from|import|insert|load|pivot|pragma|select|
    summarize|unpivot|update|vacuum|with)\b""",
    re.IGNORECASE | re.VERBOSE | re.DOTALL,
)
# A text between quotes, and the word before it.
_TEXT_IN_SQL = re.compile(r"""(?:\b(\w+)\s+)?'((?:[^'\n]|'')*)'|\b(from|join)\s+"([^"\n]+)\"""", re.IGNORECASE)
_NO_FILE_AFTER = ("glob", "like", "ilike")
_MODES = {"to": "write", "into": "write", "attach": "append", "database": "append"}


def _parsed(text: str, node: ast.AST) -> ast.Module | None:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            tree = ast.parse(text.strip())
        except (SyntaxError, ValueError, RecursionError, MemoryError):
            return None
    for inner in ast.walk(tree):
        if hasattr(inner, "lineno"):
            ast.copy_location(inner, node)
    return tree


def evaluate_text(frame: Frame, text: str, node: ast.AST) -> Value | None:
    """The value of an expression in a literal text; nothing when it is none."""
    tree = _parsed(text, node)
    if tree is None or len(tree.body) != 1 or not isinstance(tree.body[0], ast.Expr):
        return None
    frame.walk.keep(tree)
    return evaluate(frame, tree.body[0].value)


def execute_text(frame: Frame, text: str, node: ast.AST) -> bool:
    """Run the statements of a literal text; whether it holds any."""
    tree = _parsed(text, node)
    if tree is None:
        return False
    frame.walk.keep(tree)
    execute(frame, tree.body)
    return True


def read_query(frame: Frame, text: str, node: ast.AST) -> None:
    """`df.query("a > @x")` and `df.eval` read the names after `@`."""
    for name in dict.fromkeys(_AT_NAME.findall(text)):
        frame.read(name, node)


def read_formula(frame: Frame, text: str, node: ast.AST) -> list[Value]:
    """A formula's functions and variables are looked up among the names of the notebook, also where the data have them.

    Returns the notebook's functions in it.
    """
    called = []
    for name in dict.fromkeys(_FORMULA_NAME.findall(text)):
        if frame.peek(name) is not None:
            value = frame.read(name, node)
            if value.callee is not None and not isinstance(value.callee, str):
                call_back(frame, node, value)
                called.append(value)
    return called


def read_sql(frame: Frame, text: str, node: ast.AST) -> list[Value]:
    """A query of a database may name variables and files. Returns the files that are read, maybe only when the result is used.

    DuckDB looks for tables among the variables of its caller, and takes a text in the place of a table for the name of a file.
    """
    for name in _TABLE.findall(text):
        if frame.peek(name) is not None:
            evaluate_text(frame, name, node)
    found = []
    for match in _TEXT_IN_SQL.finditer(text) if _SQL.match(text) else ():
        word, file = (match[1] or "").lower(), Value("str", const=match[2] or match[4])
        if word not in _NO_FILE_AFTER and file.const and files.is_name(frame, file):
            mode = _MODES.get(word, "read")
            files.note(frame, node, file, mode)
            found += [file] if mode == "read" else []
    return found
