"""What one cell does to the namespace and the world, seen without running it.

The facts of a cell hold for a clean top-to-bottom run: types, functions and aliases that earlier
cells made are already taken into account.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum
from typing import NamedTuple

from nbcompile.model.diagnostic import Span
from nbcompile.model.notebook import CellId


class FactsKind(str, Enum):
    """What a cell is made of."""

    ORDINARY = "ordinary"
    DEFINITION = "definition"
    OPAQUE = "opaque"
    EMPTY = "empty"


class Use(NamedTuple):
    """A name that may be read before the cell surely bound it.

    `via` is the chain of notebook functions through which it is read; empty when the cell's own text reads it.
    """

    name: str
    span: Span
    via: tuple[str, ...] = ()


class Definition(NamedTuple):
    """A name the cell binds; `certain` when it is bound on every path."""

    name: str
    span: Span
    certain: bool = True


class Deletion(NamedTuple):
    """A name the cell unbinds."""

    name: str
    span: Span
    certain: bool = True


class Change(NamedTuple):
    """The object behind `name` may change in place; `reason` says how, in words."""

    name: str
    span: Span
    reason: str


class Capture(NamedTuple):
    """`holder` may keep a reference to what `held` is bound to."""

    holder: str
    held: str
    span: Span


class Effect(NamedTuple):
    """State that is not a name: `mode` is read, write or draw; `subject` is a path, a module, a variable, or empty."""

    channel: str
    mode: str
    subject: str
    span: Span


class StatementId(NamedTuple):
    """A definition statement: the `ordinal`-th top-level statement of code cell `cell`, both from 0."""

    cell: int
    ordinal: int

    def __str__(self) -> str:
        return f"{self.cell}.{self.ordinal}"


@dataclass(frozen=True, slots=True, kw_only=True)
class DefinitionStatement:
    """A top-level import, def, class or constant that a step may run again instead of being sent its value.

    `lines` is the first and the last source line, from 1; `binds` what it defines; `uses` the names it reads
    when it runs (defaults, bases, decorators).
    """

    id: StatementId
    lines: tuple[int, int]
    binds: tuple[str, ...]
    uses: tuple[str, ...]


class Unknown(NamedTuple):
    """Something the analysis could not see through; `remedy` is the one-line annotation that would settle it."""

    span: Span
    reason: str
    remedy: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class CellFacts:
    """What one code cell does. All tuples are in source order."""

    cell: CellId
    index: int
    kind: FactsKind = FactsKind.ORDINARY
    uses: tuple[Use, ...] = ()
    definitions: tuple[Definition, ...] = ()
    deletions: tuple[Deletion, ...] = ()
    changes: tuple[Change, ...] = ()
    captures: tuple[Capture, ...] = ()
    aliases: tuple[tuple[str, ...], ...] = ()
    effects: tuple[Effect, ...] = ()
    statements: tuple[DefinitionStatement, ...] = ()
    unknowns: tuple[Unknown, ...] = ()
    opaque: str = ""
    ends_early: bool = False
