"""What pint measures with: a registry of units is one object wherever it comes to, and quantities stay with the one that they are of.

Pint itself gives what is unpickled to the registry of the process, whichever it was of, and refuses to add what two registries have made.
"""

from __future__ import annotations

import sys
import uuid
import weakref
from typing import Any, Dict, Optional, Tuple

# Registries by what tells them from all others, in whichever process they are, and the cell after which each was as it is here.
_UNIT_REGISTRIES: "weakref.WeakValueDictionary[str, Any]" = weakref.WeakValueDictionary()
_FILLED_AFTER: Dict[str, int] = {}
_REGISTRY_KINDS = ("UnitRegistry", "LazyRegistry", "ApplicationRegistry")
# What a registry has been told, and not worked out.
_SETTINGS = (str, int, float, bool, type(None))
_SET_BY_PERSONS = ("formatter", "preprocessors", "_defaults")
_NAMED_THINGS = ("_contexts", "_groups", "_systems", "_prefixes", "_dimensions")
# The registry that pint brings, and what stands for that of the application.
_OF_PINT = ("_DEFAULT_REGISTRY", "application_registry")


def registry_types() -> Tuple[type, ...]:
    """The classes of registries, where pint is loaded."""
    pint = sys.modules.get("pint.registry")
    return tuple(getattr(pint, name) for name in _REGISTRY_KINDS if hasattr(pint, name))


def place_of_registry(registry: Any) -> Optional[Tuple[str, str]]:
    """Where every process has this registry, if pint brings it."""
    return next((("pint", name) for name in _OF_PINT if getattr(sys.modules.get("pint"), name, None) is registry), None)


def number_of_registry(registry: Any) -> str:
    """What tells a registry from all others."""
    number = next((number for number, known in list(_UNIT_REGISTRIES.items()) if known is registry), None)
    if number is None:
        number = uuid.uuid4().hex
        _UNIT_REGISTRIES[number] = registry
    return number


def registry_numbered(number: str, kind: type) -> Any:
    """The registry that is here already, or one that is yet to be filled."""
    found = _UNIT_REGISTRIES.get(number)
    if found is None:
        found = _UNIT_REGISTRIES[number] = object.__new__(kind)
        _FILLED_AFTER.pop(number, None)
    return found


def told_of_registry(registry: Any) -> Dict[str, Any]:
    """The state of a registry; of what stands for one, the registry."""
    return vars(registry) if type(registry).__dictoffset__ else {"_registry": registry.get()}


def fill_registry(registry: Any, state: Dict[str, Any], cell: int) -> None:
    """Let it be as it was after a cell, unless more is known of it here: units are added to a registry, and never taken away."""
    if "_units" not in state:
        # It stands for another one, or was not asked anything yet.
        return
    number = number_of_registry(registry)
    if (len(_defined(vars(registry))), _FILLED_AFTER.get(number, -1)) < (len(_defined(state)), cell):
        vars(registry).update(state)
        _FILLED_AFTER[number] = cell


def _defined(state: Dict[str, Any]) -> Dict[str, Any]:
    """The units of a registry that somebody has defined. It adds others when they are first asked for: `hectopascal`, of `pascal`."""
    prefixes = state.get("_prefixes", ())
    return {name: unit for name, unit in state.get("_units", {}).items() if not _is_prefixed(name, unit, prefixes)}


def _is_prefixed(name: str, unit: Any, prefixes: Any) -> bool:
    of = next(iter(getattr(unit, "reference", None) or ()), "")
    return of not in ("", name) and name.endswith(of) and name[: -len(of)] in prefixes


def without_units_asked_for(kind: type, state: Dict[str, Any]) -> Dict[str, Any]:
    """What of a registry's state is there whoever has asked it: settings, and names of all it knows; any other state as it is."""
    if kind not in registry_types() or "_units" not in state:
        return state
    settings = {name: item for name, item in state.items() if type(item) in _SETTINGS or name in _SET_BY_PERSONS}
    known = {name: sorted(item) for name, item in state.items() if name in _NAMED_THINGS}
    return {**settings, **known, "_units": list(_defined(state))}


def contexts_within(mapping: Any) -> Optional[Dict[Any, Any]]:
    """What a dictionary of weak references has, if that are contexts: each is held by the registry, or has the dictionary itself."""
    found = dict(mapping)
    kind = getattr(sys.modules.get("pint"), "Context", None)
    return found if kind is not None and all(isinstance(one, kind) for one in found.values()) else None


def registry_of(kind: type) -> Any:
    """The registry that has made a class for itself, as it has one for its quantities."""
    registry = vars(kind).get("_REGISTRY")
    return registry if registry is not None and isinstance(registry, registry_types()) else None


def made_with_units(kind: type, reduced: Any) -> Any:
    """How to make a quantity or unit again, from what pickle would have made one of another registry of."""
    if registry_of(kind) is None or not isinstance(reduced, tuple) or len(reduced) > 2:
        return reduced
    make, (of, *parts) = reduced
    return (kind, tuple(parts)) if make is not kind and isinstance(of, type) and of in kind.__mro__ else reduced
