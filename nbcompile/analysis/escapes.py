"""What outlives a call: of all that a function lets hold each other, only what somebody can reach when it has returned.

A function that puts a text together of hundreds of generators and tuples would otherwise let every caller make these once more.
(After Choi et al., Escape Analysis for Java, OOPSLA 1999.)
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Iterator
from typing import TypeAlias

from nbcompile.analysis.aliases import KEPT, KEYS, Heap
from nbcompile.analysis.bindings import Mark, Trace, enclosing
from nbcompile.analysis.values import Bound, Callee, Choice, Class, Function, Partial, Value, Wrapped, names_read

Edges: TypeAlias = dict[tuple[int, str, int], Mark]


def lasting(heap: Heap, trace: Trace, made: Collection[int], given: Iterable[Value]) -> Edges:
    """What holds what after a call that made the objects `made` and gave the values `given` to others."""
    if not trace.captured:
        return trace.captured
    reached = _reached(heap, trace, made, given)

    def lasts(number: int) -> bool:
        return number in reached or _ground(heap, number) not in made

    kept: Edges = {}
    left: Edges = {}
    for edge, mark in trace.captured.items():
        (kept if lasts(edge[0]) else left)[edge] = mark
    if left:
        kept.update(_gathered(heap, left, lasts))
    return kept


def _ground(heap: Heap, number: int) -> int:
    """What an object was found in, if it is a part of something that nobody saw whole."""
    while number in heap.origin:
        number = heap.origin[number][0]
    return number


def _reached(heap: Heap, trace: Trace, made: Collection[int], given: Iterable[Value]) -> set[int]:
    """The objects that the given values lead to, and those of the caller that were changed; parts lead to what they are of."""
    waiting = [number for value in (*given, *(value for _, value in trace.live)) for number in _objects(value)]
    waiting += [number for number in trace.changed if number not in made]
    found: set[int] = set()
    while waiting:
        number = waiting.pop()
        if number in found:
            continue
        found.add(number)
        for held in heap.fields.get(number, {}).values():
            waiting += held - found
        if number in heap.origin:
            waiting.append(heap.origin[number][0])
        callee = heap.callees.get(number)
        if callee is not None:
            waiting += _taken_along(callee)
    return found


def _objects(value: Value) -> Iterator[int]:
    yield from value.objects
    if value.items is not None:
        for item in value.items:
            yield from _objects(item)
    if value.callee is not None and type(value.callee) not in (str, Function, Class):
        yield from _taken_along(value.callee)


def _taken_along(callee: Callee) -> Iterator[int]:
    """What a callable takes with it: a closure the names that it reads, a bound method its object."""
    values: Iterable[Value] = ()
    if isinstance(callee, Function):
        names = names_read(callee.code) if callee.frame is not None else callee.captured
        values = (value for value in (enclosing(callee, name) for name in names) if value is not None)
    elif isinstance(callee, Class):
        values = callee.members.values()
    elif isinstance(callee, Partial):
        values = (callee.target, *callee.arguments, *callee.keywords.values())
    elif isinstance(callee, Wrapped):
        values = callee.inner
    elif isinstance(callee, Bound):
        values = (callee.receiver,)
    elif isinstance(callee, Choice):
        for option in callee.options:
            yield from _taken_along(option)
    for value in values:
        yield from _objects(value)


def _gathered(heap: Heap, left: Edges, lasts: Callable[[int], bool]) -> Edges:
    """Of what nobody reaches any more, what led to several lasting objects: who looked at it may have told that they share.

    It holds them itself in what is kept, and of several that hold the same one is enough.
    """
    holds: dict[int, set[int]] = {}
    marks: dict[int, tuple[str, Mark]] = {}
    for (holder, key, held), mark in left.items():
        # What a library keeps is a guess; what an instance shows of its class is not.
        if key not in (KEPT, KEYS) or type(heap.callees.get(held)) is Class:
            holds.setdefault(holder, set()).add(held)
            marks.setdefault(holder, (key, mark))
    ends = _ends(holds, lasts)
    one_of_each = {frozenset(ends[holder]): holder for holder in holds if len(ends[holder]) > 1}
    return {(holder, marks[holder][0], end): marks[holder][1] for found, holder in one_of_each.items() for end in sorted(found)}


def _ends(holds: dict[int, set[int]], lasts: Callable[[int], bool]) -> dict[int, set[int]]:
    """The lasting objects that each object leads to."""
    ends = {one: {one} for held in holds.values() for one in held if one not in holds and lasts(one)}
    ends.update((holder, set()) for holder in holds)
    growing = True
    while growing:
        growing = False
        for holder, held in holds.items():
            found = set().union(*(ends.get(one, ()) for one in held))
            growing = growing or len(found) > len(ends[holder])
            ends[holder] = found
    return ends
