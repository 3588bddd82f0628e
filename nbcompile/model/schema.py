"""Frozen dataclasses as the one description of a file's format: parsed from plain data, and shown as JSON Schema.

A field's `metadata` may hold `doc`, `pattern` (matched as a whole), `minimum`, `key` (the name in the file), and `rest` (the
field takes all keys that no other field has, for somebody else to check).
Supported types: str, int, float, bool, Literal, Enum, dataclasses, `X | None`, `tuple[X, ...]`, `Mapping[str, X]`, and object.
"""

from __future__ import annotations

import difflib
import re
import types
from collections.abc import Mapping, Sequence
from dataclasses import MISSING, Field, dataclass, field, fields, is_dataclass
from enum import Enum
from typing import Any, Literal, TypeVar, Union, get_args, get_origin, get_type_hints

T = TypeVar("T")


@dataclass(frozen=True)
class SchemaError(Exception):
    """A value that does not fit: where it is (keys and list indices from the top), what is wrong, and what would be right."""

    path: tuple[str | int, ...]
    message: str
    advice: str = ""

    def __str__(self) -> str:
        return f"{where(self.path)}: {self.message}" if self.path else self.message


def setting(doc: str, default: Any = "", **rules: Any) -> Any:  # noqa: ANN401 - dataclasses type `field` the same way
    """A field with what is said of it. Give `MISSING` as the default of one that must be there."""
    metadata = {"doc": doc, **rules}
    return field(default_factory=dict, metadata=metadata) if default == {} else field(default=default, metadata=metadata)


def where(path: tuple[str | int, ...]) -> str:
    """A path as people write it: `placement.rules[0].target`."""
    return "".join(f"[{part}]" if isinstance(part, int) else f".{part}" for part in path).lstrip(".")


def parse(kind: type[T], value: object, path: tuple[str | int, ...] = ()) -> T:
    """The dataclass `kind` made from plain data (dicts, lists, strings, numbers). Raises `SchemaError`."""
    if not isinstance(value, Mapping):
        raise SchemaError(path, f"must be a mapping, not {_name(value)}")
    hints = get_type_hints(kind)
    rest = next((one.name for one in fields(kind) if one.metadata.get("rest")), "")  # type: ignore[arg-type]
    known = {_key(one): one for one in fields(kind) if one.name != rest}  # type: ignore[arg-type]
    for key in value:
        if key not in known and not rest:
            near = difflib.get_close_matches(str(key), known, 1, 0.5)
            advice = f"did you mean `{near[0]}`?" if near else f"known keys: {', '.join(known)}"
            raise SchemaError((*path, str(key)), "is not a known key", advice)
    given: dict[str, Any] = {rest: {str(key): value[key] for key in value if key not in known}} if rest else {}
    for key, one in known.items():
        if key in value:
            given[one.name] = _value(hints[one.name], value[key], (*path, key), one.metadata)
        elif one.default is MISSING and one.default_factory is MISSING:
            raise SchemaError(path, f"`{key}` is missing", str(one.metadata.get("doc", "")))
    return kind(**given)


def _value(kind: Any, value: object, path: tuple[str | int, ...], rules: Mapping[str, Any]) -> Any:  # noqa: ANN401 - any type a field may have
    origin, arguments = get_origin(kind), get_args(kind)
    if origin in (Union, types.UnionType):
        if value is None:
            return None
        (kind,) = (one for one in arguments if one is not type(None))
        return _value(kind, value, path, rules)
    if origin is Literal:
        return _one_of(arguments, value, path)
    if origin is tuple:
        if not isinstance(value, list | tuple):
            raise SchemaError(path, f"must be a list, not {_name(value)}")
        return tuple(_value(arguments[0], item, (*path, number), rules) for number, item in enumerate(value))
    if origin is Mapping:
        if not isinstance(value, Mapping):
            raise SchemaError(path, f"must be a mapping, not {_name(value)}")
        return {str(key): _value(arguments[1], item, (*path, str(key)), rules) for key, item in value.items()}
    if is_dataclass(kind):
        return parse(kind, value, path)  # type: ignore[arg-type]
    return _scalar(kind, value, path, rules)


def _one_of(choices: Sequence[object], value: object, path: tuple[str | int, ...]) -> object:
    if value not in choices:
        raise SchemaError(path, f"must be one of {', '.join(map(str, choices))}, not {value!r}")
    return value


def _scalar(kind: type, value: object, path: tuple[str | int, ...], rules: Mapping[str, Any]) -> object:
    if kind is object:
        return value
    if issubclass(kind, Enum):
        return kind(_one_of([one.value for one in kind], value, path))
    fits = isinstance(value, kind) or (kind is float and isinstance(value, int))
    if not fits or (isinstance(value, bool) and kind is not bool):
        raise SchemaError(path, f"must be {_TYPE_WORDS[kind]}, not {_name(value)}")
    pattern = rules.get("pattern")
    if pattern and isinstance(value, str) and not re.fullmatch(pattern, value):
        raise SchemaError(path, f"{value!r} is not allowed here", str(rules.get("doc", "")))
    minimum = rules.get("minimum")
    if minimum is not None and isinstance(value, int | float) and value < minimum:
        raise SchemaError(path, f"must be at least {minimum}, not {value}")
    return value


_TYPE_WORDS = {str: "text", int: "a whole number", float: "a number", bool: "true or false"}
_JSON_TYPES = {str: "string", int: "integer", float: "number", bool: "boolean"}


def _name(value: object) -> str:
    if value is None:
        return "nothing"
    if isinstance(value, Mapping):
        return "a mapping"
    return "a list" if isinstance(value, list | tuple) else _TYPE_WORDS.get(type(value), type(value).__name__)


def _key(one: Field[Any]) -> str:
    return str(one.metadata.get("key", one.name))


def json_schema(kind: type, identifier: str = "") -> dict[str, Any]:
    """The JSON Schema (2020-12) of a dataclass; unknown keys are not allowed."""
    head = {"$schema": "https://json-schema.org/draft/2020-12/schema", "$id": identifier} if identifier else {}
    hints = get_type_hints(kind)
    properties = {_key(one): _property(hints[one.name], one.metadata) for one in fields(kind) if not one.metadata.get("rest")}
    required = [_key(one) for one in fields(kind) if one.default is MISSING and one.default_factory is MISSING]
    title = {"description": (kind.__doc__ or "").split("\n")[0]}
    return {
        **head,
        **title,
        "type": "object",
        "additionalProperties": any(one.metadata.get("rest", False) for one in fields(kind)),
        "properties": properties,
        **({"required": required} if required else {}),
    }


def _property(kind: Any, rules: Mapping[str, Any]) -> dict[str, Any]:  # noqa: ANN401 - any type a field may have
    origin, arguments = get_origin(kind), get_args(kind)
    doc = {"description": rules["doc"]} if "doc" in rules else {}
    inner = {key: rule for key, rule in rules.items() if key != "doc"}
    if origin in (Union, types.UnionType):
        (kind,) = (one for one in arguments if one is not type(None))
        return {**_property(kind, inner), **doc}
    if kind is object:
        return doc
    if origin is Literal:
        return {"enum": list(arguments), **doc}
    if origin is tuple:
        return {"type": "array", "items": _property(arguments[0], inner), **doc}
    if origin is Mapping:
        return {"type": "object", "additionalProperties": _property(arguments[1], inner), **doc}
    if is_dataclass(kind):
        return {**json_schema(kind), **doc}  # type: ignore[arg-type]
    if issubclass(kind, Enum):
        return {"enum": [one.value for one in kind], **doc}
    bounds = {key: inner[key] for key in ("minimum",) if key in inner}
    pattern = {"pattern": f"^(?:{inner['pattern']})$"} if "pattern" in inner else {}
    return {"type": _JSON_TYPES[kind], **pattern, **bounds, **doc}
