"""What a notebook can be given: typed values with defaults, from the cell tagged `parameters`."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from enum import Enum
from typing import NamedTuple

from nbcompile.model.diagnostic import Span


class Kind(str, Enum):
    """What a value is; `ANY` where the notebook does not say."""

    INTEGER = "int"
    FLOAT = "float"
    STRING = "string"
    BOOLEAN = "boolean"
    PATH = "path"
    ANY = "any"


class ParameterType(NamedTuple):
    """A kind, or a list of values of that kind; `optional` when it may be nothing."""

    kind: Kind
    array: bool = False
    optional: bool = False

    def __str__(self) -> str:
        return f"{self.kind.value}{'[]' if self.array else ''}{'?' if self.optional else ''}"

    def takes(self, value: object) -> bool:
        """Whether a value, as YAML or JSON has it, is of this type."""
        if value is None:
            return self.optional or (self.kind is Kind.ANY and not self.array)
        if self.array:
            return isinstance(value, list | tuple) and all(_is(self.kind, item) for item in value)
        return _is(self.kind, value)


def _is(kind: Kind, value: object) -> bool:
    if kind is Kind.ANY:
        return True
    if kind is Kind.BOOLEAN or isinstance(value, bool):
        return kind is Kind.BOOLEAN and isinstance(value, bool)
    if kind is Kind.INTEGER:
        return isinstance(value, int)
    return isinstance(value, int | float) if kind is Kind.FLOAT else isinstance(value, str)


class Word(NamedTuple):
    """A value as it was typed on a command line."""

    text: str

    @property
    def value(self) -> object:
        """`True`, `False`, `None` and numbers are what they look like; everything else is text."""
        if self.text in ("True", "False", "None"):
            return {"True": True, "False": False, "None": None}[self.text]
        for number in (int, float):
            with suppress(ValueError):
                return number(self.text)
        return self.text


@dataclass(frozen=True, slots=True, kw_only=True)
class Parameter:
    """One value that a notebook takes.

    `default` is as JSON has it, a path as text. Where the notebook computes the default, `computed` is true and
    `default` is nothing: without a value of its own the parameter is what the cell makes it. `path_type` is how the
    cell spells the class of a path, such as `Path`.
    """

    name: str
    type: ParameterType
    default: object = None
    computed: bool = False
    path_type: str = ""
    doc: str = ""
    span: Span | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Parameters:
    """All parameters of a notebook in the order of their cell, and those that values were given for.

    `cell` is the code cell tagged `parameters`, and `injected` the one that binds the given values; -1 where there is none.
    """

    known: tuple[Parameter, ...] = ()
    given: tuple[tuple[str, object], ...] = ()
    cell: int = -1
    injected: int = -1

    @property
    def taken_by(self) -> int:
        """The code cell after which a value from outside would be bound; -1 where there is none."""
        return self.injected if self.injected >= 0 else self.cell


def document_of_parameters(given: Mapping[str, object]) -> dict[str, object]:
    """Values that were given to a notebook, as JSON that tells words from text."""
    words = {name: value.text for name, value in given.items() if isinstance(value, Word)}
    return {"words": words, "values": {name: value for name, value in given.items() if name not in words}}


def parameters_of_document(document: Mapping[str, Mapping[str, str]]) -> dict[str, object]:
    """The values again."""
    return {**document["values"], **{name: Word(text) for name, text in document["words"].items()}}
