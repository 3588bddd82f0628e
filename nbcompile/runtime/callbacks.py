"""What matplotlib calls when something of it changes: a colour bar hears of its image, axes that share an axis of each other.

It knows bound methods weakly, and leaves them behind when it is pickled. They go along where their objects do.
A transform knows which others are made of it by their addresses, and keeps these when it is pickled. In another process a new one can
have an address that an old one had: then the old one no longer hears of changes, and what it places is drawn where it was.
"""

from __future__ import annotations

import itertools
import sys
import types
from typing import Any, Dict, Iterator, List, NamedTuple, Set, Tuple

_MADE_OF_IT = "_parents"


class Connected(NamedTuple):
    """A function that is called upon a signal, and the number under which it can be disconnected."""

    number: int
    signal: str
    function: Any


def registry_type() -> Any:
    """The type of what knows whom to call; nothing where matplotlib is not loaded."""
    return getattr(sys.modules.get("matplotlib.cbook"), "CallbackRegistry", None)


def reduce_registry(registry: Any, protocol: int) -> Any:
    """What pickle makes of a registry, which takes a number from it for that."""
    following = registry._cid_gen.__reduce__()[1][0]
    reduced = registry.__reduce_ex__(protocol)
    registry._cid_gen = itertools.count(following)
    reduced[2]["_cid_gen"] = following
    return reduced


def connected(registry: Any, written: Set[int]) -> List[Tuple[Any, ...]]:
    """What pickle would leave behind: functions of the notebook, methods of its objects, and of others that were written anyway."""
    return [tuple(one) for one in _all(registry) if one.number not in registry._pickled_cids and _goes_along(one.function, written)]


def _all(registry: Any) -> Iterator[Connected]:
    for signal, functions in registry.callbacks.items():
        for number, reference in functions.items():
            yield Connected(number, signal, reference())


def _goes_along(function: Any, written: Set[int]) -> bool:
    if isinstance(function, types.MethodType):
        return id(function.__self__) in written or type(function.__self__).__module__ == "__main__"
    return isinstance(function, types.FunctionType) and function.__module__ == "__main__"


def connect(registry: Any, functions: List[Tuple[Any, ...]]) -> None:
    """Have these functions called again, in the order in which all of them were connected."""
    following = registry._cid_gen
    for one in map(Connected._make, functions):
        registry._cid_gen = itertools.count(one.number)
        registry.connect(one.signal, one.function)
    registry._cid_gen = following
    for signal, known in registry.callbacks.items():
        registry.callbacks[signal] = dict(sorted(known.items()))


def is_transform(kind: type) -> bool:
    """Whether instances of a type know by their addresses who is made of them."""
    transform = getattr(sys.modules.get("matplotlib.transforms"), "TransformNode", None)
    return transform is not None and issubclass(kind, transform)


def without_addresses(state: Dict[Any, Any]) -> Dict[Any, Any]:
    """The state of a transform with numbers for addresses."""
    made_of_it = (one for one in state[_MADE_OF_IT].values() if one is not None)
    return {**state, _MADE_OF_IT: dict(enumerate(made_of_it))}


def with_addresses(state: Dict[Any, Any]) -> Dict[Any, Any]:
    """The same with the addresses that are right in this process."""
    return {**state, _MADE_OF_IT: {id(one): one for one in state[_MADE_OF_IT].values()}}
