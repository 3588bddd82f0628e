"""Functions that keep what they returned. Their cache is state, unless nobody can tell a result that was kept from one computed anew.

A step that runs the definition again has an empty cache. That shows where the body does more than compute its result, where
the result can be changed or told from an equal one, where what it is computed from has changed since, and where somebody
asks the function about its cache.
"""

from __future__ import annotations

from types import FunctionType
from typing import TYPE_CHECKING, cast

from nbcompile.analysis.aliases import KEPT
from nbcompile.analysis.bindings import Frame, origin
from nbcompile.analysis.values import Function, Value, Wrapped, join, single

if TYPE_CHECKING:
    import ast

    from nbcompile.analysis.functions import Summary
    from nbcompile.analysis.visit import Call

DECORATORS = frozenset(("functools.lru_cache", "functools.cache"))
_CACHE = "functools._lru_cache_wrapper"
_OF_EVERY_FUNCTION = frozenset((*dir(FunctionType), "py_func", "targetoptions", "locals", "disable_compile", "__numba__"))
WHY_STUCK = "nobody can read what its cache keeps"


def keep_results(frame: Frame, made: Value, node: ast.AST) -> Value:
    """What the decorator makes of a function, or of anything else that can be called."""
    if type(made.callee) is Function:
        made.callee.cached = True
        return made
    return _around(frame, made, node)


def _around(frame: Frame, called: Value, node: ast.AST) -> Value:
    """A cache around something that is no function of the notebook."""
    result = Value(_CACHE, single(frame.make(node, _CACHE, role="cache")), Wrapped((called,)))
    frame.capture(result, "__wrapped__", called, node)
    return result


def lru_cache(call: Call) -> Value:
    """`lru_cache(f)` is another function with a cache; `lru_cache(maxsize)` is the decorator."""
    frame, given = call.frame, call.first
    if given.callee is None:
        return frame.walk.library("functools.lru_cache")
    inner = given.callee
    if type(inner) is not Function:
        return _around(frame, given, call.node)
    number = frame.make(call.node, "function", role="cache")
    made = Function(inner.name, inner.code, inner.defaults, inner.frame, frame.walk.cell, number)
    made.captured, made.owner, made.cached = inner.captured, inner.owner, True
    frame.walk.heap.callees[number] = made
    result = Value("function", single(number), made)
    frame.capture(result, "__wrapped__", given, call.node)
    return result


def called(frame: Frame, node: ast.AST, target: Value, summary: Summary, actual: dict[str, Value], returned: Value) -> Value:
    """A function with a cache was called: its cache has changed, if that matters. Gives what may be returned."""
    function, walk = cast("Function", target.callee), frame.walk
    here = origin(function.cell, function.code.node)
    if here in walk.stateful:
        frame.change(target, node, f"a call of `{function.name}` fills its cache")
        frame.capture(target, KEPT, returned, node)
        kept = walk.heap.named(target.objects, KEPT)
        return join(returned, walk.heap.value(kept)) if kept else returned
    if _can_be_told(summary, actual, returned):
        walk.found_stateful.add(here)
    else:
        for name in summary.trace.uses:
            walk.remembered.setdefault(name, set()).add(here)
    return returned


def compiled(frame: Frame, node: ast.AST, target: Value, summary: Summary) -> None:
    """A function was called that is compiled once, with what is bound then: from now on it is another one, if something of that changes."""
    function, walk = cast("Function", target.callee), frame.walk
    here = origin(function.cell, function.code.node)
    if here in walk.stateful:
        frame.change(target, node, f"a call of `{function.name}` compiles it")
    for name in summary.trace.uses:
        walk.remembered.setdefault(name, set()).add(here)


def look_at_compiled(frame: Frame, function: Function, attribute: str) -> None:
    """Somebody looks at a function that numba compiles: all but these attributes tell for which types it has been called so far."""
    if attribute not in _OF_EVERY_FUNCTION:
        frame.walk.found_stateful.add(origin(function.cell, function.code.node))


def _can_be_told(summary: Summary, actual: dict[str, Value], returned: Value) -> bool:
    """Whether a call that computes anew may be seen to do so."""
    trace = summary.trace
    if trace.speaks or trace.opaque is not None or trace.live or trace.unknowns or trace.cells or summary.bound:
        return True
    if any(key.channel != "import" for key in trace.effects):
        return True
    touched = [*trace.changed, *(holder for holder, _, _ in trace.captured)]
    return any(number not in summary.made for number in touched) or any(value.objects for value in (returned, *actual.values()))
