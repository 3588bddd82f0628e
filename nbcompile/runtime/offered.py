"""Values that installed libraries offer under a name, as `astropy.units.km`: whoever has one has that of the library, and no copy of it."""

from __future__ import annotations

import functools
import sys
import types
from typing import Any, Dict, Iterator, Optional, Tuple

from .loaded import is_local, library_of

Place = Tuple[str, str]


def place_offered(value: Any, kind: type) -> Optional[Place]:
    """The module and name by which the library of a value offers it, if its contents stay what they are."""
    if not _is_value(kind):
        return None
    # Modules that are imported later offer more.
    place = _offered(library_of(kind), len(sys.modules)).get(id(value))
    return place if place is not None and vars(sys.modules[place[0]]).get(place[1]) is value else None


def with_own_lists(kind: type, state: Dict[Any, Any]) -> Dict[Any, Any]:
    """The state of a unit of astropy, which never changes, without the lists that it has from units of which it was calculated."""
    if kind.__module__ != "astropy.units.core":
        return state
    return {name: list(item) if type(item) is list else item for name, item in state.items()}


def _is_value(kind: type) -> bool:
    """Whether a class works out hashes from contents, by which it promises that they stay; constants of astropy have none, as arrays."""
    promises = type(kind.__hash__) is types.FunctionType and type(kind.__eq__) is types.FunctionType
    return promises or str(kind.__module__).startswith("astropy.constants.")


@functools.lru_cache(maxsize=32)
def _offered(home: str, loaded: int) -> Dict[int, Place]:
    path = getattr(sys.modules.get(home), "__file__", None)
    return {} if path is None or is_local(path) else dict(_named(home))


def _named(home: str) -> Iterator[Tuple[int, Place]]:
    """The public values of a library, each last in the module with the shortest name, where most people find it."""
    modules = sorted((name for name in list(sys.modules) if name.partition(".")[0] == home), key=len, reverse=True)
    for module in modules:
        for name, value in list(vars(sys.modules[module]).items()):
            if not name.startswith("_") and not isinstance(value, type) and _is_value(type(value)):
                yield id(value), (module, name)
