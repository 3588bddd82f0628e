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

# What the name of a file begins with that lies in a temporary directory, whose real name is known only when it is made.
TEMPORARY = "/tmp/made-by-cell-"  # noqa: S108 (no such directory is ever made)
# The mode of an effect that makes state what it is in every process.
RESTORE = "restore"
TEMPORARY_OF_PROCESS = f"{TEMPORARY}of-process"
# What the reason of every change says that is only a guess.
GUESS = " may "


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
    """A name the cell binds; `certain` when it is bound on every path, `statement` when running that again brings it.

    `type` is a word of the table of known calls, empty where it is not known.
    """

    name: str
    span: Span
    certain: bool = True
    statement: StatementId | None = None
    type: str = ""


class Deletion(NamedTuple):
    """A name the cell unbinds."""

    name: str
    span: Span
    certain: bool = True


class Change(NamedTuple):
    """The object behind `name` may change in place; `reason` says how, in words.

    `whole` says that nobody knows which of all that it holds has changed.
    """

    name: str
    span: Span
    reason: str
    whole: bool = False

    @property
    def guessed(self) -> bool:
        """Nothing is known of what was called; it may as well change what the object holds, or nothing at all."""
        return GUESS in self.reason


class Sharing(NamedTuple):
    """An object that several names reach, seen at the end of a cell in which that changed or the object did.

    `object` numbers the objects of a notebook. `compared` says that the cell can tell it from a copy, `views` that some of the names see
    its memory through an object of their own, as a NumPy view does: copied apart, they no longer show each other's changes.
    """

    object: int
    names: tuple[str, ...]
    changed: bool = False
    views: bool = False
    compared: bool = False


class Effect(NamedTuple):
    """State that is not a name: `mode` is read, write, append, draw, advance or restore.

    `subject` is a path, a module, a variable, or empty.
    `statement` is the definition statement that has this effect when it is run again, if one has.
    """

    channel: str
    mode: str
    subject: str
    span: Span
    statement: StatementId | None = None


class StatementId(NamedTuple):
    """A definition statement: the `ordinal`-th top-level statement of code cell `cell`, both from 0."""

    cell: int
    ordinal: int

    def __str__(self) -> str:
        return f"{self.cell}.{self.ordinal}"


@dataclass(frozen=True, slots=True, kw_only=True)
class DefinitionStatement:
    """A top-level import, def, class, constant or setting that a step may run again instead of being sent its value.

    `lines` is the first and the last source line, from 1; `binds` what it defines; `uses` the names it reads
    when it runs (defaults, bases, decorators), `own` those of them that its cell may have bound before, and the statement that did so
    last; `imports` are the top-level modules that it imports, which reads the search path. With a `star` it binds what it does not say.
    """

    id: StatementId
    lines: tuple[int, int]
    binds: tuple[str, ...]
    uses: tuple[str, ...]
    own: tuple[tuple[str, StatementId], ...] = ()
    imports: tuple[str, ...] = ()
    star: bool = False


class Unknown(NamedTuple):
    """Something the analysis could not see through; `remedy` is the one-line annotation that would settle it."""

    span: Span
    reason: str
    remedy: str = ""


class Stuck(NamedTuple):
    """What `name` is bound to at the end of the cell holds something that cannot leave its process."""

    name: str
    reason: str
    span: Span


class Live(NamedTuple):
    """The cell starts something that goes on after it and can reach `names`."""

    names: tuple[str, ...]
    reason: str
    span: Span


@dataclass(frozen=True, slots=True, kw_only=True)
class CellFacts:
    """What one code cell does. All tuples are in source order.

    `history` holds the code cells whose result the cell reads as `Out[n]`; `libraries` the top-level modules whose state the cell may read,
    of which nothing is known of `unknown_libraries`; `makers` others of these, which made what the cell uses; `packages` those that it
    asks for parts which any import may have loaded; `allowed` the codes that the author has settled.
    """

    cell: CellId
    index: int
    kind: FactsKind = FactsKind.ORDINARY
    uses: tuple[Use, ...] = ()
    definitions: tuple[Definition, ...] = ()
    deletions: tuple[Deletion, ...] = ()
    changes: tuple[Change, ...] = ()
    sharing: tuple[Sharing, ...] = ()
    effects: tuple[Effect, ...] = ()
    statements: tuple[DefinitionStatement, ...] = ()
    unknowns: tuple[Unknown, ...] = ()
    stuck: tuple[Stuck, ...] = ()
    live: tuple[Live, ...] = ()
    libraries: tuple[str, ...] = ()
    unknown_libraries: tuple[str, ...] = ()
    makers: tuple[str, ...] = ()
    packages: tuple[str, ...] = ()
    history: tuple[int, ...] = ()
    opaque: str = ""
    ends_early: bool = False
    fuse: bool = False
    split: bool = False
    target: str = ""
    scatter: tuple[str, ...] = ()
    allowed: tuple[str, ...] = ()
