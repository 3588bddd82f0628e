"""What a library remembers in numbers, texts and counters of its modules and classes: ids it has given out, options, modes.

Of modules that nobody installed, which lie beside the notebook, everything counts that they and their classes hold: they are a part of it.
"""

from __future__ import annotations

import itertools
import sys
import types
from typing import Any, Callable, Dict, FrozenSet, Iterator, Tuple

from .loaded import is_local, library_of

# Truth values and None are left out: most say only that something was loaded.
_REMEMBERED = (int, float, str)
_PLAIN_KINDS = (bool, type(None), complex, bytes, range)
_CODE = (types.ModuleType, type)
_PARTS_OF_CLASSES = (types.GetSetDescriptorType, types.MemberDescriptorType, types.WrapperDescriptorType)
_FUNCTIONS = (types.BuiltinFunctionType, staticmethod, classmethod, property)
# How many modules were loaded when holoviews looked last, which each process has its own of.
_OF_THE_PROCESS = (("holoviews.core.util.types", "_module_count"),)
_FEW_NUMBERS = 3
# Says that the names of a place are all there are.
_ALL = ""
# The classes that a module has of its own: functions of some libraries make more, such as `creator.create()` of DEAP.
_CLASSES = "its classes"


def is_beside(library: str) -> bool:
    """Whether a library that is loaded was installed by nobody."""
    names = getattr(sys.modules.get(library), "__dict__", {})
    return is_local(names.get("__file__") or next(iter(names.get("__path__", ())), None))


def library_state(library: str, print_of: Callable[[str, Any], Any]) -> Dict[Tuple[str, str], Any]:
    """By module or class, and name. `print_of` gives something for a value that is another when the value is, or `None`."""
    found: Dict[Tuple[str, str], Any] = {}
    beside = is_beside(library)
    for place, names in _places_of(library):
        if beside:
            found[place, _ALL] = None
        elif isinstance(sys.modules.get(place), types.ModuleType) and "__getattr__" not in names:
            found[place, _CLASSES] = _own_classes(place, names)
        for name, value in list(names.items()):
            if name.startswith("__") or (place, name) in _OF_THE_PROCESS:
                continue
            if type(value) in _REMEMBERED:
                found[place, name] = (value,)
            elif type(value) is itertools.count:
                found[place, name] = repr(value)
            elif _is_counter(value, library):
                found[place, name] = tuple(vars(value).values())
            elif beside and not isinstance(value, (*_CODE, *_PARTS_OF_CLASSES)):
                found[place, name] = _look(name, value, print_of)
    return found


def _own_classes(module: str, names: Dict[str, Any]) -> FrozenSet[str]:
    """The classes that a module has made, but for variants of generic ones, which are made when they are asked for."""
    return frozenset(
        name for name, value in list(names.items()) if isinstance(value, type) and value.__module__ == module and "[" not in name
    )


def _has_plain_attributes(kind: type) -> bool:
    """Whether nothing is asked of an object that is looked into: a proxy has a `__dict__` of its own."""
    found = next((vars(base)["__dict__"] for base in kind.__mro__ if "__dict__" in vars(base)), None)
    ways: Any = (kind.__getattribute__, object.__getattribute__)
    return type(found) is types.GetSetDescriptorType and ways[0] is ways[1]


def _is_counter(value: Any, library: str) -> bool:
    """Whether this is an object of a library that remembers nothing but a few numbers."""
    kind = type(value)
    if library_of(kind) != library or kind.__dictoffset__ == 0 or not _has_plain_attributes(kind):
        return False
    held = vars(value)
    return 0 < len(held) <= _FEW_NUMBERS and all(type(one) in (int, float) for one in held.values())


def _look(name: str, value: Any, print_of: Callable[[str, Any], Any]) -> Tuple[Any, ...]:
    """Something that is another when a value that lies beside the notebook is."""
    if isinstance(value, types.FunctionType):
        parts = (value.__defaults__, value.__kwdefaults__, value.__dict__, value.__closure__)
        return (id(value), print_of(name, parts) if any(parts) else None)
    if isinstance(value, _FUNCTIONS):
        return (id(value),)
    # In a tuple a NaN is equal to itself.
    return (value,) if type(value) in _PLAIN_KINDS else (type(value), print_of(name, value))


def changed_state(before: Dict[Tuple[str, str], Any], now: Dict[Tuple[str, str], Any]) -> str:
    """The first thing that is another one now; empty where there is none. What a library loads later is no change."""
    gone = (key for key in before if key not in now and (key[0], _ALL) in now)
    new = (key for key in now if key not in before and (key[0], _ALL) in before)
    other = (key for key, value in before.items() if key in now and now[key] != value)
    return next((".".join(key) for key in (*other, *new, *gone)), "")


def _places_of(library: str) -> Iterator[Tuple[str, Dict[str, Any]]]:
    for name, module in list(sys.modules.items()):
        if name == library or name.startswith(library + "."):
            names = getattr(module, "__dict__", {})
            yield name, names
            for value in list(names.values()):
                if isinstance(value, type) and value.__module__ == name:
                    yield f"{name}.{value.__qualname__}", dict(vars(value))
