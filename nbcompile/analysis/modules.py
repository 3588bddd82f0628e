"""Modules that lie beside the notebook: their functions and classes are followed as the notebook's own are.

A module is run when something of it is first called, in a frame of its own, in which its functions find its names and not the notebook's.
What running it does belongs to the import. Only calls look into a module: what the notebook has of it are names of a library, because
every step imports it.
"""

from __future__ import annotations

import ast
import builtins
import warnings
from collections.abc import Mapping
from typing import cast

from nbcompile.analysis.bindings import GONE, EffectKey, Frame, FunctionFrame, TooMuchHeld, Trace, local_names
from nbcompile.analysis.values import SCALAR, Choice, Class, Code, Function, Partial, Value, Wrapped
from nbcompile.analysis.visit import Arguments, call_value, execute

_FOLLOWED = (Function, Class, Partial, Wrapped, Choice)
_NOWHERE = -1


class ModuleFrame(FunctionFrame):
    """The body of a module. `first` and `last` are the numbers of the objects that it made, of which the first stands for its names."""

    __slots__ = ("first", "last")

    def __init__(self, frame: Frame, name: str, tree: ast.Module) -> None:
        code = Code(tree, None, tree.body)
        bound = {name for node in ast.walk(tree) if isinstance(node, ast.Global) for name in node.names}
        code.locals = local_names(None, tree.body)[0] | bound
        code.entered = True
        super().__init__(frame.walk, Function(name, code, {}, None, _NOWHERE, _NOWHERE), frame, Trace(), {})
        self.package = name if any(one.startswith(f"{name}.") for one in frame.walk.sources) else name.rpartition(".")[0]
        self.first = self.last = self.state = frame.walk.heap.new("module")

    def read(self, name: str, node: ast.AST) -> Value:  # noqa: ARG002, D102 - as every frame
        if name in self.function.code.locals:
            return self.local.values.get(name, SCALAR)
        return self._enclosing(name)

    def _enclosing(self, name: str) -> Value:
        return self.walk.library(f"builtins.{name}") if hasattr(builtins, name) else SCALAR

    def before(self, name: str) -> Value | None:  # noqa: ARG002, D102 - a module sees nothing of the notebook
        return None

    def peek(self, name: str) -> Value | None:  # noqa: D102
        return self.local.values.get(name)


def public_names(frame: Frame, module: str) -> Mapping[str, bool] | None:
    """What `from module import *` binds, and whether it does so surely; nothing when that cannot be told."""
    found = _module(frame, module)
    if found is None:
        return None
    if found.top.values or found.state in found.trace.changed:
        # Names were bound by other means than statements.
        return None
    body = cast("list[ast.stmt]", found.function.code.body)
    nodes = [node for statement in body for node in ast.walk(statement)]
    if any(isinstance(node, ast.alias) and node.name == "*" for node in nodes):
        return None
    mentions = sum(map(_is_of_all, nodes))
    if mentions:
        listed = [names for names in map(_listed, body) if names is not None]
        # What the list is given elsewhere would have to be followed; the import fails where one of its names is not there.
        return dict.fromkeys(listed[0], True) if listed and mentions == 1 else None
    values, sure = found.local.values, found.local.sure
    return {name: name in sure for name in sorted(values) if not name.startswith("_") and values[name] is not GONE}


def _is_of_all(node: ast.AST) -> bool:
    """Whether a node says `__all__`, as a name or in any other way."""
    if isinstance(node, ast.Global):
        return "__all__" in node.names
    return any(getattr(node, field, None) == "__all__" for field in ("id", "attr", "name", "asname", "value"))


def _listed(node: ast.stmt) -> tuple[str, ...] | None:
    """The names in `__all__ = [...]`, when they are all texts."""
    if not isinstance(node, ast.Assign) or len(node.targets) > 1 or not _is_of_all(node.targets[0]):
        return None
    if not isinstance(node.targets[0], ast.Name) or not isinstance(node.value, ast.List | ast.Tuple):
        return None
    texts = [part.value if isinstance(part, ast.Constant) else None for part in node.value.elts]
    names = tuple(text for text in texts if isinstance(text, str))
    return names if len(names) == len(texts) else None


def member(frame: Frame, path: str) -> Value | None:
    """The function or class of a module beside the notebook that has this path."""
    owner, _, name = path.rpartition(".")
    module = _module(frame, owner) if owner in frame.walk.sources else None
    value = module.local.values.get(name) if module is not None else None
    if value is not None and type(value.callee) is str and value.callee != path:
        return member(frame, value.callee) or value
    return value if value is not None and isinstance(value.callee, _FOLLOWED) else None


def imported(frame: Frame, path: str) -> str:
    """What stands at a path, which may be a library that a module beside the notebook has imported: `tools.random` is `random`."""
    owner, _, name = path.rpartition(".")
    module = _module(frame, owner) if owner in frame.walk.sources else None
    value = module.local.values.get(name) if module is not None else None
    return value.callee if value is not None and type(value.callee) is str else path


def followed(frame: Frame, value: Value) -> Value:
    """A value, or what it is of a module beside the notebook."""
    found = member(frame, value.callee) if frame.walk.sources and type(value.callee) is str else None
    return found if found is not None else value


def call(frame: Frame, node: ast.AST, path: str, arguments: Arguments) -> Value | None:
    """Call what has this path; nothing when that cannot be followed."""
    target = member(frame, path)
    if target is None:
        return None
    followed = frame.walk.heap.followed
    try:
        value = call_value(frame, node, target, arguments)
    except (TooMuchHeld, RecursionError):
        # What was found until then stays; the rest is guessed.
        frame.walk.heap.followed = followed
        return None
    _note_state(frame, node, path)
    return value


def _note_state(frame: Frame, node: ast.AST, path: str) -> None:
    """A call may have changed what a module keeps for later calls."""
    walk, trace = frame.walk, frame.trace
    for name, module in walk.modules.items():
        if module is not None and any(module.first <= number < module.last for number in trace.changed):
            walk.effect(frame, f"library:{name.partition('.')[0]}", "draw", path, node)
            kept = [held for holder, _, held in trace.captured if module.first <= holder < module.last]
            if kept:
                walk.start_live(frame, node, [Value("", frozenset(kept))], f"`{name}` keeps what `{path}` is given")


def note_states(frame: Frame) -> None:
    """What a cell did to modules otherwise than by a call of one of their functions: through methods of what it has of them."""
    walk, trace = frame.walk, frame.trace
    drawn = {effect.channel for effect in trace.effects if effect.mode == "draw"}
    held = {number for _, value in trace.live for number in value.objects}
    for name, module in walk.modules.items():
        numbers = range(module.first, module.last) if module is not None else ()
        channel = f"library:{name.partition('.')[0]}"
        changes = [mark for number, mark in trace.changed.items() if number in numbers]
        if changes and channel not in drawn:
            trace.effects[EffectKey(channel, "draw", name)] = min(changes)
        kept = {number: mark for (holder, _, number), mark in trace.captured.items() if holder in numbers and number not in held}
        if kept:
            trace.live.append((min(kept.values())._replace(reason=f"`{name}` keeps what it is given"), Value("", frozenset(kept))))


def module_of_class(frame: Frame, type: str) -> str:  # noqa: A002
    """The top-level name of the module beside the notebook that has the class of this type, or nothing."""
    of = frame.walk.classes.get(type)
    if of is not None:
        for name, module in frame.walk.modules.items():
            if module is not None and module.first <= of.object < module.last:
                return name.partition(".")[0]
    return ""


def _module(frame: Frame, name: str) -> ModuleFrame | None:
    """The module of this name, after it has run; nothing when it cannot be followed, or when the notebook itself writes it."""
    walk = frame.walk
    if name not in walk.sources or name.partition(".")[0] in walk.own_modules or walk.known.covers(name.partition(".")[0]):
        return None
    if name not in walk.modules:
        walk.modules[name] = None
        walk.modules[name] = _run(frame, name, walk.sources[name])
    return walk.modules[name]


def _run(frame: Frame, name: str, text: str) -> ModuleFrame | None:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            tree = ast.parse(text)
        except (SyntaxError, ValueError, RecursionError, MemoryError):
            return None
    walk = frame.walk
    walk.keep(tree)
    module = ModuleFrame(frame, name, tree)
    kept = walk.cell, walk.ends_early, walk.errors, walk.discarded, walk.heap.followed
    walk.cell, walk.errors, walk.heap.followed = _NOWHERE, [], 0
    # The end of a call in the module is not the end of those that wait outside it, should it first be needed in a recursion.
    calls = walk.running, walk.recursive, walk.awaited, walk.provisional, walk.supposed
    walk.running, walk.recursive, walk.awaited, walk.provisional, walk.supposed = {}, set(), set(), {}, {}
    try:
        execute(module, tree.body)
    except (TooMuchHeld, RecursionError):
        return None
    finally:
        walk.cell, walk.ends_early, walk.errors, walk.discarded, walk.heap.followed = kept
        walk.running, walk.recursive, walk.awaited, walk.provisional, walk.supposed = calls
    module.last = walk.heap.size
    for value in module.local.values.values():
        if type(value.callee) is Function and value.callee.frame is module:
            value.callee.name = f"{name}.{value.callee.name}"
    return module
