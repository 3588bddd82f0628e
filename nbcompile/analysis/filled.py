"""Which iterables are plainly not empty: a loop over one binds its names for sure.

An object counts as filled from where it is made until it is changed for the first time.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable

from nbcompile.analysis import rows
from nbcompile.analysis.bindings import Frame
from nbcompile.analysis.values import MISSING, Value
from nbcompile.analysis.visit import Call

# The array of axes that `plt.subplots` gives.
_NEVER_EMPTY = "matplotlib.Axes"


def is_filled(frame: Frame, value: Value) -> bool:
    """Whether the value has at least one element."""
    if value.items is not None:
        return len(value.items) > 0
    if value.type in ("range", "str") and value.const is not MISSING:
        return bool(value.const)
    if value.type == _NEVER_EMPTY:
        return True
    return bool(value.objects) and value.objects <= frame.walk.filled


def fill(frame: Frame, value: Value) -> None:
    """The objects of the value, which were just made, are not empty."""
    frame.walk.filled |= value.objects


def all_filled(frame: Frame, values: Iterable[Value]) -> bool:
    """Whether there are values, and each has an element."""
    found = list(values)
    return bool(found) and all(is_filled(frame, value) for value in found)


def _like_all(call: Call) -> bool:
    return call.arguments.rest is None and all_filled(call.frame, call.arguments.positional)


def _like_first(call: Call) -> bool:
    return bool(call.arguments.positional) and is_filled(call.frame, call.first)


def _counted(call: Call) -> bool:
    """`np.linspace(a, b, num)`: 50 steps where none are given."""
    given = call.arguments
    number = given.keywords.get("num") or (given.positional[2] if len(given.positional) > 2 else None)
    return given.rest is None and (number is None or (number.const is not MISSING and bool(number.const)))


def _as_row(asks: Callable[[Call], bool]) -> Callable[[Call], Value]:
    """What the table says of the call; what it makes is filled if `asks` says so of what it is given."""

    def special(call: Call) -> Value:
        holds = asks(call)
        row = call.frame.walk.known.function(call.label)
        value = rows.apply(call, row or ())
        if holds:
            fill(call.frame, value)
        return value

    return special


SPECIAL: dict[str, Callable[[Call], Value]] = {
    **dict.fromkeys(("tqdm.tqdm", "numpy.array", "numpy.sort", "numpy.unique"), _as_row(_like_first)),
    "itertools.product": _as_row(_like_all),
    **dict.fromkeys(("numpy.linspace", "numpy.logspace", "numpy.geomspace"), _as_row(_counted)),
}
