"""What a notebook hangs into the modules of libraries and their classes, by whatever name it reaches them.

Libraries themselves bind names later, too: what they load when it is first asked for, and what they count in names of their own.
"""

from __future__ import annotations

import re
import sys
import types
from typing import Any, Container, Dict, FrozenSet, Iterable, Iterator, NamedTuple, Tuple

from .loaded import library_of, name_of_module

# Set by Python and pickle when they first need them.
_NOT_SET = frozenset(("__slotnames__", "__abstractmethods__", "__annotations__", "__annotations_cache__", "__doc__", "__warningregistry__"))
# They have pyplot show figures in the notebook.
_OF_THE_SHELL = ("IPython", "ipykernel", "matplotlib_inline")
# Follow from the environment whenever a date is read; who sets the zone there hands it on.
_ZONE = ("altzone", "daylight", "timezone", "tzname")
_GONE = object()
# Ends what stands for what is in a container. Larger ones are tables that are there from the beginning.
_WITHIN, _CONTAINERS, _LARGEST = "[]", (dict, list, set), 1000
_WITH_A_HOME = (types.FunctionType, types.BuiltinFunctionType, types.MethodType)
_DOTTED = re.compile(r"[^\W\d]\w*(?:\.[^\W\d]\w*)*")

Parts = Dict[Tuple[str, Any], Dict[str, Any]]


class Looks(NamedTuple):
    """What a notebook has names for: the words of its cells, and the types and modules that its variables have.

    Not the values: who else has one can be seen, as `resize` of an array does.
    """

    words: FrozenSet[str]
    kinds: FrozenSet[type]
    modules: Tuple[str, ...]


def looks_of(texts: Iterable[str], values: Iterable[Any]) -> Looks:
    """The dotted names in texts, and the parts of these."""
    dotted = [name for text in texts for name in _DOTTED.findall(text)]
    words = frozenset((*dotted, *(part for name in dotted for part in name.split("."))))
    values = list(values)
    modules = tuple(name_of_module(value) for value in values if type(value) is types.ModuleType)
    return Looks(words, frozenset(map(type, values)), modules)


def parts_of(library: str, looks: Looks) -> Parts:
    """What the modules of a library that a notebook has names for hold, and their classes, by the path of each and the object itself.

    To look at more would cost a fork the memory that it shares with its parent.
    """
    names = [name for name in dict.fromkeys((library, *looks.words, *looks.modules)) if name == library or name.startswith(f"{library}.")]
    return {
        (path, owner): _names_of(owner)
        for name in names
        if type(sys.modules.get(name)) is types.ModuleType
        for path, owner in _owners(name, looks.words, looks.kinds)
    }


def _owners(name: str, words: Container[str], kinds: Container[type]) -> Iterator[Tuple[str, Any]]:
    module = sys.modules[name]
    yield name, module
    library = name.partition(".")[0]
    for key, value in list(vars(module).items()):
        if isinstance(value, type) and (key in words or value in kinds) and _library_of(value) == library:
            yield f"{name}.{key}", value


def take_added(before: Parts) -> None:
    """Take for known what was added to modules since: by a library, at its import, and nobody asks the module's own library for it."""
    for (_, owner), known in before.items():
        if isinstance(owner, types.ModuleType):
            now = _names_of(owner)
            known.update((name, value) for name, value in now.items() if name not in known or name.endswith(_WITHIN))


def patched(before: Parts) -> str:
    """The path of the first part that somebody other than its library has set or deleted since; empty where there is none."""
    for (path, owner), known in before.items():
        now = _names_of(owner)
        for name in known.keys() | now.keys():
            old, new = known.get(name, _GONE), now.get(name, _GONE)
            if old is not new and _is_set_by_others(owner, name, old, new):
                return f"{path}.{name.replace(_WITHIN, '')}"
    return ""


def _names_of(owner: Any) -> Dict[str, Any]:
    """What a module or class holds, and a module's own containers, in which others may look: what is in them."""
    names = dict(vars(owner))
    if isinstance(owner, types.ModuleType):
        within = [
            (name, value) for name, value in names.items() if type(value) in _CONTAINERS and _is_for_all(name) and len(value) <= _LARGEST
        ]
        names.update((name + _WITHIN, (*value, *(value.values() if type(value) is dict else ()))) for name, value in within)
    return names


def _is_for_all(name: str) -> bool:
    return not name.startswith("_") and "cache" not in name.lower()


def _is_set_by_others(owner: Any, name: str, old: Any, new: Any) -> bool:
    if isinstance(owner, type):
        return name not in _NOT_SET
    if name.startswith("__"):
        return False
    if name.endswith(_WITHIN):
        # Libraries note what they like in tables of each other. A container that is another one now counts by its name.
        if old is _GONE or new is _GONE:
            return False
        there = {*map(id, old)}
        return any(id(one) not in there and _is_of_the_notebook(one) for one in new)
    own = _library_of(new) in (owner.__name__.partition(".")[0], *_OF_THE_SHELL)
    if own or (name.startswith("_") and _library_of(new) != "__main__"):
        return False
    if owner.__name__ == "time" and name in _ZONE:
        return False
    return type(new) is not type(old) or type(new) not in (int, float, str, bool) or bool(new != old)


def _is_of_the_notebook(value: Any) -> bool:
    return "__main__" in (_library_of(value), type(value).__module__)


def _library_of(value: Any) -> str:
    """The library of a function, a method, a class or a module; empty for what has none."""
    if isinstance(value, types.ModuleType):
        return name_of_module(value).partition(".")[0]
    return library_of(value) if isinstance(value, (type, *_WITH_A_HOME)) else ""
