"""Which objects and which memory two versions share."""

from __future__ import annotations

import re
import sys
import types
import weakref
from bisect import bisect_right
from typing import Any, Callable, Dict, List, NamedTuple, Optional, Sequence, Tuple

from .extents import COPIED_ON_WRITE, READ_ONLY, Extents
from .loaded import is_local

# Objects that never change, so that nobody can tell a copy of them from themselves.
_UNCHANGING = (
    str, bytes, int, float, complex, bool, type(None), tuple, frozenset, range, slice, type,
    types.ModuleType, types.FunctionType, types.BuiltinFunctionType, types.MethodType, re.Pattern,
)  # fmt: skip
_UNCHANGING_OF_LIBRARIES = (
    ("datetime", "date"),
    ("datetime", "time"),
    ("datetime", "timedelta"),
    ("datetime", "tzinfo"),
    ("decimal", "Decimal"),
    ("fractions", "Fraction"),
    ("pathlib", "PurePath"),
    ("uuid", "UUID"),
    ("typing", "_Final"),
    ("typing", "TypeVar"),
    ("types", "GenericAlias"),
    ("types", "UnionType"),
    ("enum", "Enum"),
    ("numpy", "dtype"),
    ("numpy", "generic"),
    ("numpy", "ufunc"),
    ("pandas", "Index"),
    ("pandas", "Interval"),
    ("pandas.api.extensions", "ExtensionDtype"),
    ("pandas._libs.tslibs.offsets", "BaseOffset"),
    ("pyarrow", "DataType"),
    ("pyarrow", "Schema"),
    ("pyarrow", "Buffer"),
    ("pyarrow", "Array"),
    ("pyarrow", "ChunkedArray"),
    ("sympy", "Basic"),
    ("torch", "dtype"),
    ("torch", "device"),
    ("torch", "Size"),
)
# These only keep what they were asked.
_KEEPING_ANSWERS = (("astropy.units", "UnitBase"),)
_COMPILED_FUNCTIONS = ("cython_function_or_method", "fused_cython_function")
# References to an object that are ours, while `loosen` looks at it: the table's, the variable's, the counting function's.
_OUR_REFERENCES = 3


class _Stretch(NamedTuple):
    """Memory that a version reaches."""

    start: int
    end: int
    guard: str
    alive: Any

    def is_alive(self) -> bool:
        """Whether this is still the memory that was reached."""
        return alive(self.alive) is not None


class _Reached(NamedTuple):
    """A changeable object that a version reaches, or a weak reference to it."""

    value: Any
    guard: str


class Reach:
    """The changeable objects, by identity, and the memory that a version reaches."""

    def __init__(self, memo: Dict[int, Tuple[int, Any]], guards: Dict[int, str], extents: Extents, is_sent: Callable[[Any], bool]) -> None:
        """`is_sent` says of a function or class whether it is made again of its parts wherever it is read."""
        unchanging = (*unchanging_types(), *_loaded_types(_KEEPING_ANSWERS))
        kinds: Dict[type, bool] = {}
        self._objects: Dict[int, _Reached] = {}
        self._classes: Dict[int, _Reached] = {}
        for number, (_, value) in memo.items():
            kind = type(value)
            if kind not in kinds:
                kinds[kind] = not issubclass(kind, unchanging)
            if kinds[kind] or (kind is types.FunctionType and is_sent(value)):
                self._objects[number] = _Reached(value, guards.get(number, ""))
            elif isinstance(value, type) and is_sent(value):
                self._classes[number] = _Reached(value, "")
        self._kinds = tuple(kinds)
        stretches = [_Stretch(one.address, one.address + one.length, one.guard, one.owner) for one in (*extents.extents, *extents.short)]
        self._stretches = sorted(stretches, key=lambda one: one[:2])

    @property
    def is_empty(self) -> bool:
        """Whether nothing changeable is reached."""
        return not (self._objects or self._classes or self._stretches)

    def shares_with(self, other: "Reach", classes: bool = False) -> Optional[str]:
        """In words, something that both reach and one of them could change for the other; of `classes` only who has one could."""
        if classes and not self._classes.keys().isdisjoint(other._classes):
            return "a class"
        few, many = sorted((self._objects, other._objects), key=len)
        for number, reached in few.items():
            if number in many and not (reached.guard and many[number].guard):
                value = alive(reached.value)
                if value is None or value is not alive(many[number].value) or _is_of_a_module(value):
                    continue
                if not _is_of_a_library(value, self._kinds):
                    return f"an object of type `{type(value).__qualname__}`"
        return "the memory of an array" if _overlap(self._stretches, other._stretches) else None

    def shows_to_a_copy(self, other: "Reach") -> bool:
        """Whether an array sees what pandas will take for the memory of one table alone, once other tables are gone."""
        for one, array in ((self, other), (other, self)):
            tables = [stretch for stretch in one._stretches if stretch.guard == COPIED_ON_WRITE]
            arrays = [stretch for stretch in array._stretches if stretch.guard in ("", READ_ONLY)]
            if _overlap(tables, arrays):
                return True
        return False

    def loosen(self, holds: bool = True) -> None:
        """Let go of the objects as far as that is possible, and of those that nobody else holds.

        A later object could have the identity of one that is gone; so what cannot be referred to weakly is kept, if anything is held.
        """
        kept: Dict[int, _Reached] = {}
        while self._objects:
            number, reached = self._objects.popitem()
            value, guard = reached
            del reached
            if isinstance(value, weakref.ReferenceType) or sys.getrefcount(value) > _OUR_REFERENCES - 1:
                held = weak_reference(value)
                if holds or held is not value:
                    kept[number] = _Reached(held, guard)
        self._objects = kept
        self._stretches = [one._replace(alive=weak_reference(one.alive)) for one in self._stretches if alive(one.alive) is not None]


def groups_that_share(reaches: Sequence[Optional[Reach]], own: Sequence[Sequence[Any]]) -> List[List[int]]:
    """The numbers of the versions that share something, or have one and the same of their `own`, directly or through others; in order."""
    group_of = list(range(len(reaches)))
    for right, reach in enumerate(reaches):
        for left in range(right):
            other = reaches[left]
            if reach is None or other is None or group_of[left] == group_of[right]:
                continue
            if reach.shares_with(other) or not {*map(id, own[left])}.isdisjoint(map(id, own[right])):
                old, new = group_of[right], group_of[left]
                group_of = [new if one == old else one for one in group_of]
    return [[number for number, group in enumerate(group_of) if group == wanted] for wanted in dict.fromkeys(group_of)]


def _overlap(left: Sequence[_Stretch], right: Sequence[_Stretch]) -> bool:
    """Whether stretches of both overlap such that a write through one is seen through the other."""
    if not left or not right:
        return False
    longest = max(one.end - one.start for one in right)
    starts = [one.start for one in right]
    for one in left:
        for other in right[bisect_right(starts, one.start - longest) : bisect_right(starts, one.end - 1)]:
            if other.end > one.start and _can_tell(one.guard, other.guard) and one.is_alive() and other.is_alive():
                return True
    return False


def _can_tell(left: str, right: str) -> bool:
    if not left or not right:
        return True
    # What pandas copies before it writes it changes in place for itself: a read-only array over the same memory sees that.
    return {left, right} == {COPIED_ON_WRITE, READ_ONLY}


def _is_of_a_module(value: Any) -> bool:
    """Whether this is a function that a compiler made of a module's: it travels by its name. Nothing is asked of the object itself."""
    return type(value).__name__ in _COMPILED_FUNCTIONS


def _is_of_a_library(value: Any, kinds: Sequence[type]) -> bool:
    """Whether an installed class among these has the object: pandas tells it of every table as if it were the table's own."""
    installed = (base for kind in kinds for base in kind.__mro__ if _is_installed(base.__module__))
    return any(value is held for base in installed for held in vars(base).values())


def _is_installed(module: str) -> bool:
    return module != "__main__" and module in sys.modules and not is_local(getattr(sys.modules[module], "__file__", None))


def weak_reference(value: Any) -> Any:
    """A weak reference to an object, or the object where there are none to its type."""
    try:
        return weakref.ref(value)
    except TypeError:
        return value


def alive(value: Any) -> Any:
    """The object that a weak reference leads to, or `None` when it is gone."""
    return value() if isinstance(value, weakref.ReferenceType) else value


def unchanging_types() -> Tuple[type, ...]:
    """The classes whose instances never change, where their libraries are loaded."""
    return (*_UNCHANGING, *_loaded_types(_UNCHANGING_OF_LIBRARIES))


def _loaded_types(names: Sequence[Tuple[str, str]]) -> Tuple[type, ...]:
    found = (getattr(sys.modules.get(module), name, None) for module, name in names)
    return tuple(kind for kind in found if isinstance(kind, type))
