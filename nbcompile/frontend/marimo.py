"""The text of a marimo file (`app = marimo.App()`, a function for each cell) -> Notebook. It is parsed, and never imported.

marimo runs cells in the order in which they need each other, wherever they stand: what a cell's function takes is what it needs, and
what it returns is what it makes. Here they are put into that order, which is then the notebook's.
"""

from __future__ import annotations

import ast
import io
import re
import tokenize
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, NamedTuple, TypeGuard

from nbcompile.frontend.ipynb import notebook_from
from nbcompile.model.diagnostic import Diagnostic, Outcome, Place, Span
from nbcompile.model.notebook import Notebook
from nbcompile.rules import reading

_APP = re.compile(r"(?m)^app\s*=\s*marimo\.App\(")
_SCRIPT = re.compile(r"(?m)^# /// script[ \t]*\n(?:#[^\n]*\n)*?# ///[ \t]*$")
_INDENT = "    "
_Definition = ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef


class _Piece(NamedTuple):
    """A cell: its lines with their numbers in the file, from 1, what it needs and what it makes."""

    lines: tuple[str, ...]
    numbers: tuple[int, ...]
    needs: frozenset[str] = frozenset()
    makes: frozenset[str] = frozenset()
    name: str = ""
    disabled: bool = False


class _Unreadable(Exception):
    def __init__(self, line: int, message: str, advice: str) -> None:
        super().__init__(message)
        self.line, self.message, self.advice = line, message, advice


def is_marimo(text: str) -> bool:
    """Whether a script is a notebook of marimo."""
    return _APP.search(text) is not None and re.search(r"(?m)^import marimo\b", text) is not None


def read_marimo(text: str, name: str) -> Outcome[Notebook]:
    """The notebook in a marimo file; `name` is the file's stem."""
    try:
        pieces = _ordered(_pieces(text))
    except _Unreadable as error:
        place = Place(span=Span(error.line, 1, error.line, 1))
        found = Diagnostic(rule=reading.MARIMO_FILE, message=error.message, place=place, help=error.advice)
        return Outcome(Notebook(name=name, cells=()), (found,))
    return notebook_from({"cells": [_cell(piece) for piece in pieces], "metadata": {}, "nbformat": 4, "nbformat_minor": 4}, name)


def locate_marimo_sources(text: str) -> tuple[tuple[int, ...], ...]:
    """For each cell the file's line, from 1, of each of its source lines."""
    try:
        return tuple(piece.numbers for piece in _ordered(_pieces(text)))
    except _Unreadable:
        return ()


def _cell(piece: _Piece) -> dict[str, Any]:
    identifier = {"id": piece.name} if re.fullmatch(r"[A-Za-z][A-Za-z0-9_]{0,63}", piece.name) else {}
    source = "\n".join(piece.lines)
    text = _markdown(source)
    if text is not None:
        return {**identifier, "cell_type": "markdown", "metadata": {}, "source": text}
    metadata = {"tags": ["skip-execution"]} if piece.disabled else {}
    return {**identifier, "cell_type": "code", "metadata": metadata, "source": source, "outputs": [], "execution_count": None}


def _markdown(source: str) -> str | None:
    """The text of a cell that only shows one."""
    body = _parsed(source)
    call = body[0].value if len(body) == 1 and isinstance(body[0], ast.Expr) else None
    if isinstance(call, ast.Call) and _is_attribute(call.func, "mo") and call.func.attr == "md" and len(call.args) == 1:
        text = call.args[0].value if isinstance(call.args[0], ast.Constant) and not call.keywords else None
        return "\n".join(line.strip() for line in text.strip().splitlines()) if isinstance(text, str) else None
    return None


def _parsed(source: str) -> list[ast.stmt]:
    """The statements of a cell; none where it is not Python, which the analysis will say."""
    try:
        return ast.parse(source).body
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return []


def _pieces(text: str) -> Iterator[_Piece]:
    """The cells as they stand in the file."""
    try:
        tree = ast.parse(text)
    except (SyntaxError, ValueError, RecursionError, MemoryError) as error:
        line = getattr(error, "lineno", None) or 1
        raise _Unreadable(line, "the file is not Python", "open it in marimo and save it, or correct it") from None
    lines, inside = text.split("\n"), _inside_strings(text)
    script = _SCRIPT.search(text)
    if script is not None:
        first = text.count("\n", 0, script.start())
        header = range(first + 1, first + 2 + script[0].count("\n"))
        yield _Piece(tuple(lines[number - 1] for number in header), tuple(header))
    for statement in tree.body:
        if isinstance(statement, _Definition):
            kind, options = next((asked for one in statement.decorator_list if (asked := _of_app(one))[0]), ("", {}))
            if kind == "cell" and not isinstance(statement, ast.ClassDef):
                yield _function_cell(statement, lines, inside, disabled=options.get("disabled") is True)
            elif kind in ("function", "class_definition"):
                own = [one.lineno for one in statement.decorator_list if not _of_app(one)[0]]
                numbers = tuple(range(min([statement.lineno, *own]), (statement.end_lineno or statement.lineno) + 1))
                found = tuple(lines[number - 1] for number in numbers)
                yield _Piece(found, numbers, frozenset(_loaded(statement)), frozenset((statement.name,)), statement.name)
        elif isinstance(statement, ast.With) and _of_app(statement.items[0].context_expr)[0] == "setup":
            numbers = _numbers(statement.body, statement.lineno, statement.end_lineno or statement.lineno, lines)
            yield _Piece(_dedented(numbers, lines, inside), numbers, frozenset(), frozenset(_bound(statement.body)), "setup")
        elif isinstance(statement, ast.Expr) and _of_app(statement.value)[0] == "_unparsable_cell":
            raise _Unreadable(statement.lineno, "a cell is not Python", "open it in marimo and correct the cell")


def _of_app(node: ast.expr) -> tuple[str, Mapping[str, object]]:
    """`app.NAME` or `app.NAME(option=constant, …)`: the name, and the options; an empty name for anything else."""
    called, keywords = (node.func, node.keywords) if isinstance(node, ast.Call) else (node, [])
    if not _is_attribute(called, "app"):
        return "", {}
    return called.attr, {one.arg: one.value.value for one in keywords if one.arg and isinstance(one.value, ast.Constant)}


def _is_attribute(node: ast.expr, of: str) -> TypeGuard[ast.Attribute]:
    return isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name) and node.value.id == of


def _function_cell(node: ast.FunctionDef | ast.AsyncFunctionDef, lines: Sequence[str], inside: set[int], *, disabled: bool) -> _Piece:
    arguments = (*node.args.posonlyargs, *node.args.args, *node.args.kwonlyargs)
    head = max([node.lineno, *(argument.end_lineno or 0 for argument in arguments)])
    body, end, makes = node.body, node.end_lineno or node.lineno, frozenset[str]()
    if isinstance(body[-1], ast.Return):
        body, end = body[:-1], body[-1].lineno - 1
        value = node.body[-1].value if isinstance(node.body[-1], ast.Return) else None
        makes = frozenset(part.id for part in ast.walk(value) if isinstance(part, ast.Name)) if value is not None else makes
    numbers = _numbers(body, head, end, lines)
    needs = frozenset(argument.arg for argument in arguments)
    return _Piece(_dedented(numbers, lines, inside), numbers, needs, makes, node.name, disabled)


def _numbers(body: Sequence[ast.stmt], head: int, end: int, lines: Sequence[str]) -> tuple[int, ...]:
    """The lines of a body with the comments before its first statement and after its last one."""
    if not body:
        return ()
    first = min([body[0].lineno, *(one.lineno for one in getattr(body[0], "decorator_list", ()))])
    while first - 1 > head and (not lines[first - 2].strip() or lines[first - 2].lstrip().startswith("#")):
        first -= 1
    while first < body[0].lineno and not lines[first - 1].strip():
        first += 1
    while end > (body[-1].end_lineno or 0) and not lines[end - 1].strip():
        end -= 1
    return tuple(range(first, end + 1))


def _dedented(numbers: Sequence[int], lines: Sequence[str], inside: set[int]) -> tuple[str, ...]:
    """The lines of a body as they stand in a cell. A string of several lines moves with it, unless it begins further left."""
    fixed: set[int] = set()
    block: list[int] = []
    for number in (*numbers, 0):
        if number in inside:
            block.append(number)
            continue
        if any(lines[one - 1].strip() and not lines[one - 1].startswith(_INDENT) for one in block):
            fixed.update(block)
        block = []
    return tuple(lines[number - 1] if number in fixed else _shifted(lines[number - 1]) for number in numbers)


def _shifted(line: str) -> str:
    return line[len(_INDENT) :] if line.startswith(_INDENT) else line.lstrip(" ")


def _inside_strings(text: str) -> set[int]:
    """The numbers of the lines that begin within a string."""
    found: set[int] = set()
    opened: list[int] = []
    for token in tokenize.generate_tokens(io.StringIO(text).readline):
        kind = tokenize.tok_name[token.type]
        if kind == "STRING":
            found.update(range(token.start[0] + 1, token.end[0] + 1))
        elif kind in ("FSTRING_START", "TSTRING_START"):
            opened.append(token.start[0])
        elif kind in ("FSTRING_END", "TSTRING_END"):
            found.update(range(opened.pop() + 1, token.end[0] + 1))
    return found


def _loaded(node: ast.AST) -> Iterator[str]:
    return (part.id for part in ast.walk(node) if isinstance(part, ast.Name) and isinstance(part.ctx, ast.Load))


def _bound(body: Sequence[ast.AST]) -> Iterator[str]:
    """The names that statements bind in the cell, not in its functions. They may be nested too deep for recursion."""
    waiting = [*body]
    while waiting:
        part = waiting.pop()
        if isinstance(part, _Definition):
            yield part.name
        elif isinstance(part, ast.alias):
            yield (part.asname or part.name).partition(".")[0]
        elif isinstance(part, ast.Name) and isinstance(part.ctx, ast.Store):
            yield part.id
        elif not isinstance(part, ast.Lambda | ast.ListComp | ast.SetComp | ast.DictComp | ast.GeneratorExp):
            waiting += ast.iter_child_nodes(part)


def _ordered(found: Iterator[_Piece]) -> list[_Piece]:
    """The cells in the order in which they need each other, and otherwise as they stand."""
    pieces = [piece for piece in found if any(line.strip() for line in piece.lines)]
    makers: dict[str, int] = {}
    for place, piece in enumerate(pieces):
        for name in sorted(piece.makes):
            if makers.setdefault(name, place) != place:
                raise _Unreadable(piece.numbers[0], f"two cells bind `{name}`", "marimo runs no such notebook either: rename one")
    _expect_own_privates(pieces)
    waits = [{makers[name] for name in piece.needs if name in makers} - {place} for place, piece in enumerate(pieces)]
    order: list[int] = []
    while len(order) < len(pieces):
        ready = next((place for place in range(len(pieces)) if place not in order and waits[place] <= {*order}), None)
        if ready is None:
            left = next(place for place in range(len(pieces)) if place not in order)
            raise _Unreadable(pieces[left].numbers[0], "cells need each other in a circle", "marimo runs no such notebook either")
        order.append(ready)
    return [pieces[place] for place in order]


def _expect_own_privates(pieces: Sequence[_Piece]) -> None:
    """A name with an underscore is the cell's own. In a notebook a function that reads it later would find that of another cell."""
    bodies = [_parsed("\n".join(piece.lines)) for piece in pieces]
    later = [{name for scope in _scopes(body) for name in _free(scope)} for body in bodies]
    seen: dict[str, int] = {}
    for place, body in enumerate(bodies):
        for name in sorted({name for name in _bound(body) if name.startswith("_") and name != "_"}):
            first = seen.setdefault(name, place)
            if first != place and name in later[first] | later[place]:
                message = f"`{name}` is private to two cells, and a function reads it"
                raise _Unreadable(pieces[place].numbers[0], message, f"give one `{name}` another name")


def _scopes(body: Sequence[ast.stmt]) -> Iterator[ast.AST]:
    return (part for one in body for part in ast.walk(one) if isinstance(part, _Definition | ast.Lambda))


def _free(scope: ast.AST) -> set[str]:
    """The names that a function, class or lambda reads and does not bind itself."""
    stored = {part.id for part in ast.walk(scope) if isinstance(part, ast.Name) and isinstance(part.ctx, ast.Store)}
    return {*_loaded(scope)} - stored - {part.arg for part in ast.walk(scope) if isinstance(part, ast.arg)}
