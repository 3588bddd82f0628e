"""A library's source -> which of its functions and classes change in place what they are given.

Only what is plain counts: a function sets an item or an attribute of a parameter, or calls a method such as `append` of it, or hands the
parameter on, as it is, to a function of its library that does. A parameter that is bound anew anywhere in the function is left out,
and of functions that share a name counts what all of them change.
"""

from __future__ import annotations

import ast
import functools
from collections.abc import Iterator
from typing import NamedTuple

from tests.known.source import leaf

# Methods of containers that change them; as a statement, nothing else is wanted of them.
_CHANGES = frozenset(
    ("add", "append", "appendleft", "clear", "discard", "extend", "fill", "insert", "remove", "resize", "reverse", "sort", "update")
)
_TAKES = frozenset(("pop", "popitem", "popleft", "setdefault"))
_FUNCTIONS = (ast.FunctionDef, ast.AsyncFunctionDef)
_SCOPES = (*_FUNCTIONS, ast.Lambda, ast.ClassDef)


class Parameter(NamedTuple):
    """A parameter, and at which position it can be given; -1 where only its keyword does."""

    name: str
    position: int

    def __str__(self) -> str:
        return self.name if self.position < 0 else f"{self.position}/{self.name}"


class _Handed(NamedTuple):
    """A parameter is handed to a function of this name, at a position or by a keyword."""

    parameter: Parameter
    function: str
    at: int | str


class _Definition(NamedTuple):
    """A function or a class: what it changes by itself, and what it hands on."""

    name: str
    changes: frozenset[Parameter]
    handed: tuple[_Handed, ...]


def changed(trees: list[ast.Module]) -> dict[str, list[Parameter]]:
    """By the names of a library's public functions and classes, the parameters that they change."""
    definitions: dict[str, list[_Definition]] = {}
    for one in (found for tree in trees for node in tree.body for found in _definitions(node)):
        definitions.setdefault(one.name, []).append(one)
    changes = {name: functools.reduce(frozenset.intersection, (one.changes for one in same)) for name, same in definitions.items()}
    alone = [same[0] for same in definitions.values() if len(same) == 1]
    while sum(_hand_on(one, changes) for one in alone):
        continue
    return {name: sorted(found, key=lambda one: one.position) for name, found in changes.items() if found and not name.startswith("_")}


def _hand_on(one: _Definition, changes: dict[str, frozenset[Parameter]]) -> bool:
    """Add what the functions change to which a function hands its parameters; whether that is something new."""
    more = {
        handed.parameter
        for handed in one.handed
        for parameter in changes.get(handed.function, ())
        if handed.at in (parameter.name, parameter.position)
    }
    found, changes[one.name] = changes[one.name], changes[one.name] | more
    return len(changes[one.name]) > len(found)


def _definitions(node: ast.stmt) -> Iterator[_Definition]:
    if isinstance(node, _FUNCTIONS):
        yield _definition(node.name, node, bound=False)
    elif isinstance(node, ast.ClassDef):
        makers = [one for one in node.body if isinstance(one, ast.FunctionDef) and one.name == "__init__"]
        yield from (_definition(node.name, one, bound=True) for one in makers)


def _definition(name: str, node: ast.FunctionDef | ast.AsyncFunctionDef, *, bound: bool) -> _Definition:
    positional = [one.arg for one in (*node.args.posonlyargs, *node.args.args)][bound:]
    given = [*map(Parameter, positional, range(len(positional))), *(Parameter(one.arg, -1) for one in node.args.kwonlyargs)]
    nodes = list(_own(node))
    anew = {one.id for one in nodes if isinstance(one, ast.Name) and not isinstance(one.ctx, ast.Load)}
    parameters = {one.name: one for one in given if one.name not in anew}
    changes = {parameters[name] for one in nodes for name in _changed(one) if name in parameters}
    calls = [one for one in nodes if isinstance(one, ast.Call)]
    handed = [_Handed(parameters[name], leaf(one), at) for one in calls for name, at in _handed(one) if name in parameters]
    return _Definition(name, frozenset(changes), tuple(handed))


def _own(node: ast.FunctionDef | ast.AsyncFunctionDef) -> Iterator[ast.AST]:
    """The nodes that run when the function does."""
    todo: list[ast.AST] = list(node.body)
    while todo:
        one = todo.pop()
        if not isinstance(one, _SCOPES):
            yield one
            todo += ast.iter_child_nodes(one)


def _changed(node: ast.AST) -> Iterator[str]:
    """The names of what a node changes in place."""
    if isinstance(node, ast.Attribute | ast.Subscript) and not isinstance(node.ctx, ast.Load):
        yield from _name(node.value)
    calls = [node.value] if isinstance(node, ast.Expr) and isinstance(node.value, ast.Call) else []
    for call, words in (*((one, _CHANGES) for one in calls), *(((node, _TAKES),) if isinstance(node, ast.Call) else ())):
        if isinstance(call.func, ast.Attribute) and call.func.attr in words:
            yield from _name(call.func.value)


def _handed(call: ast.Call) -> Iterator[tuple[str, int | str]]:
    """What a call hands on, unless it is that of a method of something unknown."""
    if isinstance(call.func, ast.Name) or (isinstance(call.func, ast.Attribute) and isinstance(call.func.value, ast.Name)):
        yield from ((name, at) for at, value in enumerate(call.args) for name in _name(value))
        yield from ((name, one.arg) for one in call.keywords if one.arg for name in _name(one.value))


def _name(node: ast.expr) -> Iterator[str]:
    if isinstance(node, ast.Name):
        yield node.id
