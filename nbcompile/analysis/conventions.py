"""Keywords that mean the same in every library: `out=y`, `inplace=True`, `overwrite_a=True`, `copy=False`, `random_state=1`.

A row of the table that mentions such a keyword says itself what it does.
"""

from __future__ import annotations

import re

from nbcompile.analysis.aliases import ANY, KEPT
from nbcompile.analysis.known import Row
from nbcompile.analysis.values import MISSING, Value, join
from nbcompile.analysis.visit import Call

_KEYWORD = re.compile(r"out|inplace|(?:overwrite|copy)_\w+|copy")
_SEEDS = ("random_state", "seed", "rng")
# Where `copy=False` asks for a view; elsewhere it allows to work in the memory of what is given.
_OF_MEMORY = frozenset(("numpy", "pandas", "scipy", "xarray", "torch", "builtins", "list", "dict"))


def follow(call: Call, value: Value, row: Row = ()) -> Value:
    """Do what the keywords of a call say that its row does not mention; returns the call's value."""
    keywords = call.arguments.keywords
    for name in filter(_KEYWORD.fullmatch, keywords) if keywords else ():
        if not _mentions(row, name):
            value = _follow(call, name, keywords[name], value)
    return value


def is_seeded(call: Call) -> bool:
    """Whether a call is told what to draw from, so that it leaves the global generators alone."""
    keywords = call.arguments.keywords
    return bool(keywords) and any(name in keywords and keywords[name].const is not None for name in _SEEDS)


def _mentions(row: Row, keyword: str) -> bool:
    targets = [target for clause in row for action in clause.actions for target in action.targets]
    targets += [condition.argument for clause in row for condition in clause.conditions]
    return any(target.keyword == keyword for target in targets)


def _follow(call: Call, name: str, given: Value, value: Value) -> Value:
    frame, node = call.frame, call.node
    is_true = given.const is MISSING or bool(given.const)
    if name == "out":
        for place in given.items or (given,):
            frame.change(place, node, f"`{name}=` is where the result is stored")
        return given if given.objects or given.items else value
    if name == "inplace":
        if is_true:
            frame.change(call.first if call.receiver is None else call.receiver, node, f"`{name}=` changes it")
    elif name.startswith("overwrite_"):
        for argument in call.arguments.all() if is_true else ():
            frame.change(argument, node, f"`{name}=` lets it be changed")
    elif given.const is MISSING or not given.const:
        return _uncopied(call, name, value)
    return value


def _uncopied(call: Call, keyword: str, value: Value) -> Value:
    """With `copy=False` the result may be made in, or show, the memory of what the call is given."""
    frame = call.frame
    path = call.label if "." in call.label or call.receiver is None else call.receiver.type
    of_memory = path.partition(".")[0] in _OF_MEMORY
    sources = [source for source in (call.values() if of_memory else call.arguments.all()) if source.objects]
    if call.receiver is None and path.rpartition(".")[2][:1].isupper():
        for source in sources:
            frame.capture(value, ANY if of_memory else KEPT, source, call.node)
        if not of_memory:
            frame.walk.heap.overwriting |= value.objects
        return value
    return _worked_on(call, value, sources, "" if of_memory else f"`{keyword}=` lets it be changed")


def given_to_overwriting(call: Call, value: Value) -> Value:
    """What was made with `copy=False` changes what its methods are given, and keeps it; returns the call's value."""
    heap, receiver = call.frame.walk.heap, call.owner
    if not heap.overwriting or not receiver.objects or heap.overwriting.isdisjoint(heap.below(receiver.objects)):
        return value
    sources = [source for source in call.arguments.all() if source.objects]
    for source in sources:
        call.frame.capture(receiver, KEPT, source, call.node)
    return _worked_on(call, value, sources, "it is given to what was made with `copy=False`")


def _worked_on(call: Call, value: Value, sources: list[Value], change: str) -> Value:
    for source in sources:
        if change:
            call.frame.change(source, call.node, change)
        if value.objects and not value.objects & call.owner.objects:
            value = join(value, Value(value.type, source.objects, view=True))
    return value
