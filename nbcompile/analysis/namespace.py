"""`globals()`, and `locals()`, `vars()` and `dir()` at the top: the notebook's names.

With a literal key an item is the name. Anything else may be any name: the cell is opaque. In a module beside the notebook they are
the module's names, of which the notebook sees only that they may have changed.
"""

from __future__ import annotations

import ast
import re
from string import Formatter

from nbcompile.analysis import types
from nbcompile.analysis.bindings import BlockFrame, Frame, FunctionFrame, module_of
from nbcompile.analysis.values import NONE, Value, plain, single
from nbcompile.analysis.visit import Arguments

NAMESPACE = "namespace"
_READERS = ("get", "__getitem__")
# What stands between a name in a replacement field and what is read of it, and the names in a text for `%`.
_WITHIN = re.compile(r"[.\[]")
_PERCENT = re.compile(r"%\(([^()]*)\)")


def namespace_of(frame: Frame) -> FunctionFrame | None:
    """The function whose names `locals()` and `dir()` show here; `None` at the top, where they are the notebook's."""
    inner = frame
    while isinstance(inner, BlockFrame):
        inner = inner.parent
    return inner if isinstance(inner, FunctionFrame) else None


def module_around(frame: Frame) -> FunctionFrame | None:
    """The module beside the notebook whose code this is, if it is any."""
    inner = namespace_of(frame)
    return inner if inner is None or inner.state >= 0 else module_of(inner.function)


def names_of_module(frame: Frame, module: FunctionFrame, node: ast.AST) -> Value:
    """The dictionary of a module's names. Who changes it changes the module."""
    made = Value("dict", single(frame.make(node, "dict", role="names")))
    for name, value in module.local.values.items():
        frame.capture(made, name, value, node)
    return Value("dict", made.objects | {module.state})


def unseen(frame: Frame, node: ast.AST, reason: str) -> Value:
    """A text that nobody can read is run here: it may do anything to all that has a name where it runs."""
    module = module_around(frame)
    if module is None:
        return anything(frame, node, reason)
    inner = namespace_of(frame) or module
    named = [value.objects for scope in (inner, module) for value in scope.local.values.values() if value.callee is None]
    reached = single(module.state).union(*named)
    frame.change(Value("", reached), node, reason, deep=True)
    return Value("", reached | frame.fresh(node, "").objects, view=True)


def looked_up(frame: Frame, key: Value, names: ast.expr, node: ast.AST) -> bool:
    """`"x" in dir()` reads the name; returns whether this was such a question."""
    is_listing = isinstance(names, ast.Call) and ast.unparse(names) == "dir()" and frame.peek("dir") is None
    if not is_listing or type(key.const) is not str or namespace_of(frame) is not None:
        return False
    frame.read_global(key.const, node)
    return True


def read(frame: Frame, key: Value, node: ast.AST) -> Value:
    """`globals()["x"]`."""
    if type(key.const) is str:
        return frame.read_global(key.const, node)
    return anything(frame, node, "`globals()` with a key that is not literal may be any name")


def store(frame: Frame, key: Value, value: Value, node: ast.AST) -> None:
    """`globals()["x"] = value`."""
    if type(key.const) is str:
        frame.bind_global(key.const, value)
    else:
        anything(frame, node, "`globals()` with a key that is not literal may bind any name")


def call(frame: Frame, node: ast.AST, name: str, arguments: Arguments) -> Value:
    """`globals().get("x")` reads the name, `globals().update(x=1)` binds it."""
    first = arguments.positional[0] if arguments.positional else None
    if name in _READERS and first is not None and type(first.const) is str:
        return frame.read_global(first.const, node)
    if name == "update" and first is None and arguments.rest is None and arguments.keywords:
        for keyword, value in arguments.keywords.items():
            frame.bind_global(keyword, value)
        return NONE
    return anything(frame, node, f"`globals().{name}()` may read and bind any name")


def fill(frame: Frame, text: Value | None, node: ast.AST) -> Value:
    """`"{x}".format(**globals())` and `"%(x)s" % globals()` read the names that stand in the text."""
    literal = text.const if text is not None and type(text.const) is str else None
    names = literal and (_in_percent if isinstance(node, ast.BinOp) else _in_braces)(literal)
    if names is None:
        return anything(frame, node, "what is given the names of `globals()` may read any")
    for name in names:
        types.shown(frame, frame.read_global(name, node), node)
    return plain("str")


def _in_percent(text: str) -> list[str]:
    return list(dict.fromkeys(_PERCENT.findall(text)))


def _in_braces(text: str) -> list[str] | None:
    """The names that a text for `format` mentions, also within what says how others are shown; nothing if it is no such text."""
    names: list[str] = []
    try:
        for _, name, how, _ in Formatter().parse(text):
            names += [_WITHIN.split(name, maxsplit=1)[0]] if name else []
            names += _in_braces(how) or [] if how else []
    except ValueError:
        return None
    return [name for name in dict.fromkeys(names) if name.isidentifier()]


def anything(frame: Frame, node: ast.AST, reason: str) -> Value:
    """The cell may do anything with any name."""
    frame.walk.opaque(frame, node, reason)
    return frame.fresh(node, "")
