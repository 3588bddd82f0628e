"""Attributes of libraries that nobody has described, but whose source was surveyed.

Many objects work something out when it is first asked for, and keep it: reading `w.pct_nonzero` changes `w`. Of which library an
object is, is seldom known: it counts whether a library that the notebook has imported by then has an attribute of that name.
"""

from __future__ import annotations

import ast

from nbcompile.analysis.bindings import Frame
from nbcompile.analysis.values import Bound, Value


def read(frame: Frame, value: Value, name: str, node: ast.AST) -> None:
    """An attribute is read: the object changes if it may be of a class that works it out now, and keeps it."""
    if name in frame.walk.kept_attributes and is_foreign(frame, value) and not frame.walk.is_pure(node):
        frame.change(value, node, f"`.{name}` may be worked out when it is first read, and kept")


def is_foreign(frame: Frame, value: Value) -> bool:
    """Whether a value may be an object of a library of which the table says nothing."""
    walk, kind = frame.walk, value.type
    if not value.objects or type(value.callee) not in (type(None), Bound) or value.items is not None or kind in walk.classes:
        return False
    return not kind or not (walk.known.knows(kind) or walk.known.covers(kind.partition(".")[0]))
