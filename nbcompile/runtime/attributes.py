"""The attributes of an object: those that are only caches, and those that a base written in C forgets when it is pickled."""

from __future__ import annotations

import functools
import inspect
import os
import sys
import types
from typing import Any, Dict, Optional, Tuple

from .columns import says_nothing
from .loaded import library_of
from .units import without_units_asked_for

_ANSWERS = {
    "_cache": ("pandas", "statsmodels", "pint"),
    "_caches": ("pint",),
    "_decomposed_cache": ("astropy",),
    "_parameters": ("astropy",),
    "_base_units_cache": ("pint",),
    "_computed_members": ("pint",),
    "_summary_cache": ("statsmodels",),
    "_summary_statistics_cache": ("statsmodels",),
    "_nobs_int": ("statsmodels",),
    "_cached_in_sample": ("statsmodels",),
    "_retain_cols": ("statsmodels",),
    "_ufunc": ("numpy",),
    "_cid_gen": ("matplotlib",),
    "_has_canonical_format": ("scipy",),
    "_has_sorted_indices": ("scipy",),
}
# What running tests sets of the class of the tests, and sets anew whenever they run.
SET_BY_TEST_RUNNERS = ("_classSetupFailed", "_class_cleanups", "tearDown_exceptions")
# Dictionaries that are made when somebody first looks for one.
_MADE_WHEN_ASKED = {"_attrs": ("xarray",), "_encoding": ("xarray",)}
# Classes that take whatever was saved for something of an earlier version, and change it: their base takes it as it is.
_MISTAKEN = (("holoviews.core.dimension", "Dimension"),)
# What plotly.express leaves on a figure for `get_trendline_results`.
_GIVEN_FROM_OUTSIDE = {"_px_trendlines": ("plotly",)}
# Modules with classes that are made again of what they hold alone.
_SIMPLE_BASES = frozenset(("collections", "fractions", "random"))
_METHODS = (staticmethod, classmethod)
_TOLD = (int, float, str)
# Trees of scikit-learn count in the middle of their state what they did.
_TREES, _COUNTS = ("sklearn.neighbors._kd_tree", "sklearn.neighbors._ball_tree"), slice(7, 11)


def is_cache(kind: type, name: Any) -> bool:
    """Whether an attribute holds only what somebody has asked the object before, so that it is there once somebody has."""
    return isinstance(name, str) and (_is_worked_out(kind, name) or _keeps_answers(kind, name))


def _is_worked_out(kind: type, name: str) -> bool:
    """Whether the type works the attribute out where an instance does not have it yet, and cannot be set to anything else.

    So do `functools.cached_property`, and the decorators like it that libraries have of their own.
    """
    found = next((vars(base)[name] for base in kind.__mro__ if name in vars(base)), None)
    if isinstance(found, (functools.cached_property, property)):
        return getattr(found, "fset", None) is None
    way = type(found)
    return hasattr(way, "__get__") and not (
        hasattr(way, "__set__") or hasattr(way, "__delete__") or callable(found) or isinstance(found, _METHODS)
    )


def _keeps_answers(kind: type, name: str) -> bool:
    """Whether a library is known to keep its answers under this name.

    pandas and statsmodels keep them in one dictionary, statsmodels some beside it, NumPy what it has made of a function that it calls
    for each element, SciPy whether the indices of a sparse matrix are in order, matplotlib how often a registry of callbacks was
    pickled, pint and astropy what they have converted, astropy an array that is filled whenever somebody asks a model for its parameters.
    """
    return _is_of(kind, _ANSWERS.get(name, ()))


def without_caches(kind: type, state: Dict[str, Any]) -> Dict[str, Any]:
    """The attributes that count."""
    found = {name: item for name, item in state.items() if not (is_cache(kind, name) or _is_unasked(kind, name, item))}
    return without_units_asked_for(kind, found)


def without_answers(kind: type, reduced: Any) -> Any:
    """What makes an array of pandas again, without what it has only worked out: its state is a tuple, whose last part may be attributes."""
    state = reduced[2] if isinstance(reduced, tuple) and len(reduced) > 2 else None
    if type(state) is not tuple or not state or type(state[-1]) is not dict or not _is_of(kind, ("pandas",)):
        return reduced
    kept = without_caches(kind, state[-1])
    return (*reduced[:2], (*state[:-1], kept) if kept else state[:-1], *reduced[3:])


def without_counts(kind: type, state: Tuple[Any, ...]) -> Tuple[Any, ...]:
    """The parts of a state that count: not how often an object was asked."""
    return (*state[: _COUNTS.start], *state[_COUNTS.stop :]) if kind.__module__ in _TREES else state


def _is_unasked(kind: type, name: Any, item: Any) -> bool:
    """Whether what is made when somebody first looks for it is not there yet, or has nothing in it."""
    libraries = _MADE_WHEN_ASKED.get(name, ()) if isinstance(name, str) else ()
    return (_is_of(kind, libraries) and not item) or says_nothing(kind, name, item)


def _is_of(kind: type, libraries: Tuple[str, ...]) -> bool:
    return any(library_of(base) in libraries for base in (kind.__mro__ if libraries else ()))


def forgotten_attributes(value: Any, reduced: Tuple[Any, ...], way: Any) -> Optional[Dict[str, Any]]:
    """The attributes that this `way` to reduce a value lost, if any: those of an instance of a subclass whose base reduces itself."""
    if isinstance(value, functools.partial):
        # It says itself which it has, and has none before somebody asks.
        return None
    attributes = getattr(value, "__dict__", None)
    if not attributes or type(attributes) is not dict or len(reduced) > 5:
        return None
    if len(reduced) == 2 and (given := _given_from_outside(type(value), attributes)):
        return given
    if way is object.__reduce__ or (isinstance(way, types.FunctionType) and not _is_of_a_simple_base(type(value), way)):
        return None
    state = reduced[2] if len(reduced) > 2 else None
    parts = state if isinstance(state, tuple) else (state,)
    if any(isinstance(part, dict) for part in parts) or all(is_cache(type(value), name) for name in attributes):
        return None
    return attributes


def _given_from_outside(kind: type, attributes: Dict[str, Any]) -> Dict[str, Any]:
    """The attributes that another module has set, and of which the class itself knows nothing."""
    return {name: attributes[name] for name, libraries in _GIVEN_FROM_OUTSIDE.items() if name in attributes and _is_of(kind, libraries)}


def _is_of_a_simple_base(kind: type, way: types.FunctionType) -> bool:
    """Whether the standard library says how instances are made again, which knows nothing of what the notebook's subclass has."""
    return kind.__module__ == "__main__" and way.__module__ in _SIMPLE_BASES


def left_out(value: Any, kind: type, reduced: Tuple[Any, ...]) -> Dict[str, Any]:
    """The numbers and texts among the attributes of an object that its state does not mention.

    A `__getstate__` or `__reduce__` of a library may rely on `__setstate__` or `__init__` to find them again. What belongs to the
    process, and is another one in each, is not among them.
    """
    attributes = getattr(value, "__dict__", None)
    state = reduced[2] if 3 <= len(reduced) <= 5 else None
    # Without a state an object may be looked up where it is read, such as a logger.
    if type(attributes) is not dict or state is None:
        return {}
    mentioned = [part for part in (state if isinstance(state, tuple) else (state,)) if isinstance(part, dict)]
    if any(attributes.keys() <= part.keys() for part in mentioned):
        return {}
    own = (id(value), os.getpid())
    return {
        name: item
        for name, item in attributes.items()
        if type(item) in _TOLD
        and not any(name in part for part in mentioned)
        and not (item in own or "hash" in name or is_cache(kind, name))
    }


def not_found_again(made: Any, attributes: Dict[str, Any]) -> str:
    """The first of these attributes that is another one in a copy that was made without them; empty where there is none.

    What a copy lacks it may work out when it is asked.
    """
    for name, item in attributes.items():
        found = inspect.getattr_static(made, name, None)
        if type(found) in _TOLD and (type(found), repr(found)) != (type(item), repr(item)):
            return name
    return ""


def way_to_reduce(kind: Any) -> Any:
    """The function that pickle calls to reduce instances of a class."""
    return kind.__reduce__ if kind.__reduce_ex__ is object.__reduce_ex__ else kind.__reduce_ex__


def is_its_attributes(value: Any, kind: type) -> bool:
    """Whether a dictionary is that of its own attributes: `self.__dict__ = self`."""
    return kind is not dict and kind.__dictoffset__ != 0 and object.__getattribute__(value, "__dict__") is value


def set_attributes(value: Any, state: Tuple[Any, Dict[str, Any]]) -> None:
    """Give an object what its base saved, and its attributes."""
    of_base, attributes = state
    if of_base is not None:
        value.__setstate__(of_base)
    value.__dict__.update(attributes)


def sets_attributes(kind: Any, reduced: Any) -> bool:
    """Whether a class takes the attributes of its instances itself, when they are read: a function of its own gets them as a dictionary."""
    states = isinstance(reduced, tuple) and 3 <= len(reduced) <= 5 and type(reduced[2]) is dict
    return states and isinstance(getattr(kind, "__setstate__", None), types.FunctionType)


def take_state(made: Any, state: Dict[Any, Any]) -> None:
    """Let an object take what was saved of it."""
    for module, name in _MISTAKEN:
        kind: Any = getattr(sys.modules.get(module), name, None)
        if isinstance(kind, type) and getattr(type(made), "__setstate__", None) is getattr(kind, "__setstate__", 0):
            base: Any = super(kind, made)
            base.__setstate__(state)
            return
    made.__setstate__(state)


def with_known_names(attributes: Dict[Any, Any]) -> Dict[Any, Any]:
    """The same dictionary, with names that are the very texts that Python has for them: pickle writes each text once, and equal ones again.

    So what a cell pickles into a file is what it would be in one process. Constants of a class are tuples of names.
    """
    for name in list(attributes):
        value = attributes.pop(name)
        if type(value) is tuple and all(type(part) is str for part in value):
            value = tuple(map(sys.intern, value))
        attributes[sys.intern(name) if type(name) is str else name] = value
    return attributes
