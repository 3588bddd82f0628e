"""Instances of the notebook's classes, taken apart and put together without running any code of the notebook.

In one process nobody pickles an object, so what `__getstate__` or `__reduce__` leaves out is still there in a later cell, and nothing
calls `__new__`, `__setitem__` or `__getattr__` in between. Here an object travels as the classes below its own hooks would have it:
those of libraries, or Python's.
"""

from __future__ import annotations

import collections
import copyreg
import types
from typing import Any, Dict, Optional, Tuple

from .attributes import forgotten_attributes

_HOOKS = (
    "__reduce_ex__", "__reduce__", "__getstate__", "__setstate__", "__getnewargs_ex__", "__getnewargs__", "__new__", "__getattr__",
    "__getattribute__", "__setattr__",
)  # fmt: skip
# What pickle calls to fill a container again.
_FILLS = ("__init__", "__setitem__", "__iter__", "items", "append", "extend")
_KINDS_FILLED = (list, dict, set, frozenset, collections.deque)
_OF_OBJECT = vars(object)
_REDUCE_AS = 5


def is_own(item: Any) -> bool:
    """Whether a function, or a method as a class holds it, was written in the notebook."""
    function = getattr(item, "__func__", item)
    return isinstance(function, types.FunctionType) and function.__globals__.get("__name__") == "__main__"


def has_hooks(kind: type) -> bool:
    """Whether code of the notebook would run when instances of a class are pickled or read again."""
    names = (*_HOOKS, *_FILLS) if issubclass(kind, _KINDS_FILLED) else _HOOKS
    return any(is_own(vars(base).get(name)) for base in kind.__mro__ for name in names)


def inherited(kind: type, name: str) -> Any:
    """What a class has under a name, but for what the notebook has given it; `None` where there is nothing."""
    for base in kind.__mro__:
        found = vars(base).get(name)
        if found is not None and not is_own(found):
            return getattr(found, "__func__", found)
    return None


def take_apart(value: Any, kind: type) -> Tuple[Any, Tuple[Any, ...], Tuple[Any, ...]]:
    """How to make such an object, from what, and what `complete` puts into it: items, pairs, its state, attributes that this lacks.

    Where no function is named, `make_bare` makes it.
    """
    for name, given in (("__reduce_ex__", (_REDUCE_AS,)), ("__reduce__", ())):
        way = inherited(kind, name)
        if way is not _OF_OBJECT[name]:
            reduced = way(value, *given)
            make, args, state, items, pairs = (*reduced, None, None, None)[:5]
            parts = (_listed(items), _listed(pairs), state, forgotten_attributes(value, reduced, way))
            if make in (copyreg.__newobj__, kind):  # type: ignore[attr-defined]
                return None, (kind, make is kind, *(args if make is kind else args[1:])), parts
            return make, args, parts
    get_state = inherited(kind, "__getstate__")
    state = _own_state(value, kind) if get_state in (None, _OF_OBJECT.get("__getstate__")) else get_state(value)
    items = list(list.__iter__(value)) if isinstance(value, list) else None
    pairs = list(dict.items(value)) if isinstance(value, dict) else None
    get_arguments = inherited(kind, "__getnewargs__")
    args = get_arguments(value) if get_arguments is not None else ()
    return None, (kind, False, *args), (items, pairs, state, None)


def make_bare(kind: type, initialised: bool, *args: Any) -> Any:
    """A new object, made by the nearest class that is not the notebook's."""
    made = inherited(kind, "__new__")(kind, *args)
    if initialised:
        inherited(kind, "__init__")(made, *args)
    return made


def complete(made: Any, parts: Tuple[Any, ...]) -> None:
    """Put into a bare object what `take_apart` found."""
    items, pairs, state, attributes = parts
    kind = type(made)
    if items:
        inherited(kind, "extend")(made, items)
    for key, item in pairs or ():
        inherited(kind, "__setitem__")(made, key, item)
    set_state = inherited(kind, "__setstate__")
    if state is not None and set_state is not None:
        set_state(made, state)
    elif state is not None:
        set_own_state(made, state)
    if attributes:
        _own_attributes(made).update(attributes)


def _listed(items: Any) -> Any:
    return None if items is None else list(items)


def _own_attributes(value: Any) -> Dict[str, Any]:
    try:
        found: Dict[str, Any] = object.__getattribute__(value, "__dict__")
    except AttributeError:
        return {}
    return found


def _own_state(value: Any, kind: type) -> Optional[Any]:
    attributes = _own_attributes(value) or None
    present = ((name, getattr(kind, name)) for name in copyreg._slotnames(kind))  # type: ignore[attr-defined]
    slots = {name: slot.__get__(value) for name, slot in present if _is_filled(slot, value)}
    return (attributes, slots) if slots else attributes


def _is_filled(slot: Any, value: Any) -> bool:
    try:
        slot.__get__(value)
    except AttributeError:
        return False
    return True


def set_own_state(made: Any, state: Any) -> None:
    """Give an object its attributes, as pickle does where the class says nothing."""
    attributes, slots = state if isinstance(state, tuple) else (state, None)
    if attributes:
        _own_attributes(made).update(attributes)
    for name, item in (slots or {}).items():
        object.__setattr__(made, name, item)
