"""Exceptions that are kept: made again without their constructor, whose arguments need not be their `args`, and with all that they have."""

from __future__ import annotations

import builtins
import contextlib
import types
from typing import Any, Dict, Iterator, NamedTuple, Optional, Tuple

from .instances import inherited

# Leads to an object that the notebook need not have otherwise, and that nobody may be able to send.
_NOT_SENT_WITH_ERRORS = frozenset(("obj",))
_GROUPS: Tuple[type, ...] = tuple(filter(None, (getattr(builtins, "BaseExceptionGroup", None),)))


class ErrorState(NamedTuple):
    """What an exception has besides what it is made of: its causes, its attributes, and what C or `__slots__` keep outside of these."""

    cause: Any
    context: Any
    suppress: bool
    attributes: Optional[Dict[str, Any]]
    members: Dict[str, Any]


def built_in_of(kind: type) -> Any:
    """The built-in class that an exception of this class descends from."""
    return next(base for base in kind.__mro__ if base.__module__ == "builtins")


def reduces_itself(kind: type) -> bool:
    """Whether a library's class says how its exceptions are made, or made again."""
    built_in = built_in_of(kind)
    return any(
        inherited(kind, name) is not inherited(built_in, name) for name in ("__reduce__", "__reduce_ex__", "__setstate__", "__new__")
    )


def error_state(value: BaseException) -> ErrorState:
    """All of an exception but its class and its arguments."""
    members = {name: item for name, item in _members_of(value) if item is not None}
    if isinstance(value, _GROUPS):
        # It was made of what its list had then, and is given nothing else afterwards.
        members = {"args": value.args}
    return ErrorState(value.__cause__, value.__context__, value.__suppress_context__, value.__dict__ or None, members)


def arguments_of(value: BaseException) -> Tuple[Any, ...]:
    """What the built-in class of an exception makes it of."""
    return (value.args[0], list(value.exceptions)) if isinstance(value, _GROUPS) else value.args  # type: ignore[attr-defined]


def made_again(kind: type, args: Tuple[Any, ...]) -> BaseException:
    """An exception, without running the notebook's code."""
    built_in = built_in_of(kind)
    made: BaseException = built_in.__new__(kind, *args)
    built_in.__init__(made, *args)
    return made


def set_error_state(made: BaseException, state: Any) -> None:
    """Give an exception all that it had."""
    told = ErrorState(*state)
    made.__cause__, made.__context__, made.__suppress_context__ = told.cause, told.context, told.suppress
    if told.attributes:
        made.__dict__.update(told.attributes)
    for name, item in told.members.items():
        # Some can only be read: they follow from the arguments.
        with contextlib.suppress(AttributeError, TypeError):
            # The notebook's class may set attributes in a way of its own.
            BaseException.__setattr__(made, name, item)


def _members_of(value: BaseException) -> Iterator[Tuple[str, Any]]:
    """What lies outside of the attributes. What is `None` is so in a new one, and shows if it is set: `filename2`."""
    for base in type(value).__mro__:
        for name, item in vars(base).items():
            if type(item) is types.MemberDescriptorType and not name.startswith("__") and name not in _NOT_SENT_WITH_ERRORS:
                yield name, getattr(value, name, None)
