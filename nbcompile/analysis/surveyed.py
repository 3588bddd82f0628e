"""Libraries that nobody has described, but whose source was surveyed: what their objects keep, and what their functions change.

Many objects work things out when they are first asked for them, and keep them: reading `w.pct_nonzero` changes `w` where the survey
of a library has an attribute of that name. Of which library an object is, is seldom known: any that the notebook has imported by then
counts. An object that was seen to have such an attribute is *lazy*: what it is given to, and methods that only seem to look, may have
it work out something else. The same is not worked out twice, unless the object was changed in between.
"""

from __future__ import annotations

import ast

from nbcompile.analysis.bindings import CellFrame, Frame
from nbcompile.analysis.known.surveys import changed_arguments
from nbcompile.analysis.values import Bound, Value, single
from nbcompile.analysis.visit import Call


def read(frame: Frame, value: Value, name: str, node: ast.AST) -> None:
    """An attribute is read: the object changes if it may be of a class that works it out now, and keeps it."""
    if name in frame.walk.kept_attributes and is_foreign(frame, value) and not frame.walk.is_pure(node):
        frame.walk.lazy |= value.objects
        work_out(frame, value, name, node, f"`.{name}` may be worked out when it is first read, and kept")


def used(frame: Frame, value: Value, name: str, node: ast.AST) -> None:
    """A lazy object is used by something that only seems to look: by a method of its own, or by what is given it."""
    if frame.walk.lazy and value.objects <= frame.walk.lazy and is_foreign(frame, value) and not frame.walk.is_pure(node):
        work_out(frame, value, f"{name}()", node, f"`{name}` may have it work out something, and keep it")


def given(call: Call) -> None:
    """A function or class is called that changes what it is given."""
    arguments = changed_arguments(call.label)
    for value in (one for target in arguments for one in call.meant(target)) if not call.frame.walk.is_pure(call.node) else ():
        call.frame.change(value, call.node, f"`{call.label.rpartition('.')[2]}` changes it")


def work_out(frame: Frame, value: Value, name: str, node: ast.AST, reason: str) -> None:
    """The object changes by being asked for something, if it was not asked for the same before."""
    worked_out = frame.walk.worked_out
    before = {number: worked_out.get(number, frozenset()) for number in value.objects}
    if all(name in names for names in before.values()):
        return
    frame.change(value, node, reason)
    surely = {name} if type(frame) is CellFrame and frame.is_straight else set()
    worked_out.update((number, names | surely) for number, names in before.items())


def is_foreign(frame: Frame, value: Value) -> bool:
    """Whether a value may be an object of a library of which the table says nothing."""
    walk, kind = frame.walk, value.type
    if not value.objects or type(value.callee) not in (type(None), Bound) or value.items is not None or kind in walk.classes:
        return False
    return not kind or not (walk.known.knows(kind) or walk.known.covers(kind.partition(".")[0]))


def held(frame: Frame, value: Value) -> Value:
    """The objects of classes of undescribed libraries that the value holds itself, as a fit does its model."""
    heap = frame.walk.heap
    found = {number for one in value.objects for parts in heap.fields.get(one, {}).values() for number in parts}
    named = [number for number in found if heap.types[number].rpartition(".")[2][:1].isupper()]
    return Value("", frozenset(number for number in named if is_foreign(frame, Value(heap.types[number], single(number)))))
