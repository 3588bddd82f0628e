"""Values that installed libraries offer under a name, as `astropy.units.km`: whoever has one has that of the library, and no copy of it."""

from __future__ import annotations

import functools
import sys
import types
from typing import Any, Dict, Iterator, List, Optional, Tuple

from .loaded import is_local, library_of

Place = Tuple[str, str]
# The generators that functions of their modules draw from, which are methods of them: their states are channels. And what stands
# for the processes that run beside this one.
_SHARED = {"Random": ("random", "_inst"), "RandomState": ("numpy.random.mtrand", "_rand"), "MPI": ("ase.parallel", "world")}
# What an object takes that has attributes and nothing else: more, and there is something that Python does not see.
_PLAIN_BYTES = type("Plain", (), {}).__basicsize__


def place_offered(value: Any, kind: type) -> Optional[Place]:
    """The module and name by which the library of a value offers it, if its contents stay what they are."""
    if kind.__module__ == "__main__":
        return None
    if kind.__name__ in _SHARED:
        return place_of_shared(value, kind)
    if not (_is_value(kind) or _keeps_nothing(value)):
        return None
    # Modules that are imported later offer more, and some make what they offer when somebody asks for it.
    home, loaded = library_of(kind), len(sys.modules)
    place = _offered(home, loaded, sum(len(names) for names in _filled_when_asked(home, loaded))).get(id(value))
    return place if place is not None and vars(sys.modules[place[0]]).get(place[1]) is value else None


def place_of_shared(value: Any, kind: type) -> Optional[Place]:
    """The module and name of a generator or the like that everybody shares, whose state is no part of what holds it."""
    module, name = _SHARED.get(kind.__name__, ("", ""))
    return (module, name) if module and getattr(sys.modules.get(module), name, None) is value else None


def with_own_lists(kind: type, state: Dict[Any, Any]) -> Dict[Any, Any]:
    """The state of a unit of astropy, which never changes, without the lists that it has from units of which it was calculated."""
    if kind.__module__ != "astropy.units.core":
        return state
    return {name: list(item) if type(item) is list else item for name, item in state.items()}


def _is_value(kind: type) -> bool:
    """Whether a class works out hashes from contents, by which it promises that they stay.

    Constants of astropy have none, as arrays, and neither have its cosmologies, whose attributes are frozen.
    """
    promises = type(kind.__hash__) is types.FunctionType and type(kind.__eq__) is types.FunctionType
    return promises or str(kind.__module__).startswith(("astropy.constants.", "astropy.cosmology."))


def _keeps_nothing(value: Any) -> bool:
    """Whether an object of a library has nothing, such as `altair.Undefined`: it is there for what it is, or can do."""
    kind = type(value)
    looks_up: Any = kind.__getattribute__
    if kind.__dictoffset__ == 0 or kind.__basicsize__ > _PLAIN_BYTES or looks_up is not object.__getattribute__:
        return False
    return not vars(value)


@functools.lru_cache(maxsize=32)
def _filled_when_asked(home: str, loaded: int) -> List[Dict[str, Any]]:
    """The names of those modules of a library that answer for names that they do not have yet."""
    modules = (module for name, module in list(sys.modules.items()) if name.partition(".")[0] == home)
    return [names for names in (getattr(module, "__dict__", {}) for module in modules) if "__getattr__" in names]


@functools.lru_cache(maxsize=32)
def _offered(home: str, loaded: int, filled: int) -> Dict[int, Place]:
    path = getattr(sys.modules.get(home), "__file__", None)
    return {} if path is None or is_local(path) else dict(_named(home))


def _named(home: str) -> Iterator[Tuple[int, Place]]:
    """The public values of a library, each last in the module with the shortest name, where most people find it."""
    modules = sorted((name for name in list(sys.modules) if name.partition(".")[0] == home), key=len, reverse=True)
    for module in modules:
        for name, value in list(vars(sys.modules[module]).items()):
            if not name.startswith("_") and not isinstance(value, type) and (_is_value(type(value)) or _keeps_nothing(value)):
                yield id(value), (module, name)
