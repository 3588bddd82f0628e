"""Typed options: one frozen dataclass gives the check, the message, the JSON Schema and the policy key of each field."""

from __future__ import annotations

import difflib
import re
import typing
from collections.abc import Mapping, Sequence
from dataclasses import MISSING, Field, dataclass, field, fields
from typing import Any, TypeVar

from nbcompile.model.errors import UsageError

T = TypeVar("T")
_WORDS = {str: "a text", int: "a whole number", bool: "true or false"}
_JSON_TYPES = {str: "string", int: "integer", bool: "boolean"}


@dataclass(frozen=True, slots=True)
class _Rule:
    """What a field's value must be, and the key of policy that it belongs to."""

    help: str
    pattern: str
    allow: str
    minimum: int | None
    choices: tuple[str, ...]


def option(
    help: str,  # noqa: A002 - it is the help text
    *,
    default: Any = MISSING,
    pattern: str = "",
    allow: str = "",
    minimum: int | None = None,
    choices: tuple[str, ...] = (),
) -> Any:
    """A field of options or settings. A text needs a `pattern` for the whole of it, or `choices`.

    `allow` names where a tenant's policy is to look: `accounts` is a list of values that `allow` must hold; `max.nodes` is a number
    that is not to be exceeded; `options` means that the field's own name must be listed. The JSON Schema shows it as `x-allow`.
    Nobody checks it yet: deployments are a person's own, who may set every option of them.
    """
    rule = _Rule(help, pattern, allow, minimum, choices)
    if default is MISSING:
        return field(metadata={"rule": rule})
    return field(default=default, metadata={"rule": rule})


def read_options(kind: type[T], given: Mapping[str, object], where: str, *, beside: Sequence[str] = ()) -> T:
    """Options from a configuration file's mapping, with camelCase keys. Raises `UsageError` that names `where` and the nearest key.

    `beside` are keys of the same mapping that somebody else has read.
    """
    if not isinstance(given, Mapping):
        raise UsageError(f"{where} is not a mapping", f"write it as `key: value`, with keys from {', '.join(_keys(kind))}")
    known = _keys(kind)
    for key in given:
        if key not in known:
            near = difflib.get_close_matches(str(key), [*known, *beside], 1)
            raise UsageError(
                f"{where} has no key `{key}`",
                f"did you mean `{near[0]}`?" if near else f"the keys are {', '.join(sorted([*known, *beside]))}",
            )
    types = typing.get_type_hints(kind)
    values = {}
    for key, one in known.items():
        if key in given:
            values[one.name] = _checked(given[key], types[one.name], _rule(one), f"`{key}` of {where}")
        elif one.default is MISSING:
            raise UsageError(f"{where} needs `{key}`", _rule(one).help)
    return kind(**values)


def json_schema(kind: type) -> dict[str, object]:
    """The JSON Schema of what `read_options` takes."""
    types = typing.get_type_hints(kind)
    properties = {key: _property(types[one.name], _rule(one)) for key, one in _keys(kind).items()}
    required = [key for key, one in _keys(kind).items() if one.default is MISSING]
    schema: dict[str, object] = {"type": "object", "additionalProperties": False, "properties": properties}
    return {**schema, "required": required} if required else schema


def _checked(value: object, kind: Any, rule: _Rule, where: str) -> Any:
    if typing.get_origin(kind) is tuple:
        if not isinstance(value, (list, tuple)):
            raise UsageError(f"{where} is not a list", rule.help)
        inner = typing.get_args(kind)[0]
        return tuple(_checked(one, inner, rule, f"an entry of {where}") for one in value)
    plain = _plain(kind)
    if type(value) is not plain:
        raise UsageError(f"{where} is not {_WORDS[plain]}", rule.help)
    if isinstance(value, str):
        if rule.choices and value not in rule.choices:
            raise UsageError(f"{where} is {value!r}", f"it can be {', '.join(rule.choices)}")
        if rule.pattern and not re.fullmatch(rule.pattern, value):
            raise UsageError(f"{where} is {value!r}, which is not of the form {rule.pattern}", rule.help)
    if isinstance(value, int) and rule.minimum is not None and value < rule.minimum:
        raise UsageError(f"{where} is {value}, and must be at least {rule.minimum}", rule.help)
    return value


def _property(kind: Any, rule: _Rule) -> dict[str, object]:
    if typing.get_origin(kind) is tuple:
        return {"type": "array", "items": _property(typing.get_args(kind)[0], rule)}
    found: dict[str, object] = {"type": _JSON_TYPES[_plain(kind)], "description": rule.help}
    if rule.pattern and _plain(kind) is str:
        found["pattern"] = f"^(?:{rule.pattern})$(?!\\n)"
    if rule.choices:
        found["enum"] = list(rule.choices)
    if rule.minimum is not None:
        found["minimum"] = rule.minimum
    if rule.allow:
        found["x-allow"] = rule.allow
    return found


def _plain(kind: Any) -> type:
    """`int` for `int | None`."""
    choices = [one for one in typing.get_args(kind) if one is not type(None)]
    plain: type = choices[0] if choices else kind
    return plain


def _keys(kind: type) -> dict[str, Field[Any]]:
    return {_camel(one.name): one for one in fields(kind)}


def _rule(one: Field[Any]) -> _Rule:
    rule: _Rule = one.metadata["rule"]
    return rule


def _camel(name: str) -> str:
    first, *rest = name.split("_")
    return first + "".join(word.capitalize() for word in rest)
