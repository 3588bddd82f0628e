"""What a pass noticed: rules, places in a notebook, diagnostics, and how passes hand them on.

A problem in a notebook is a `Diagnostic`; it never raises and never prints. A problem in the
world (a missing file, a host that is away) is an exception of `nbcompile.model.errors`.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from enum import Enum
from typing import Generic, NamedTuple, TypeVar

T = TypeVar("T")


class Severity(str, Enum):
    """How much a finding matters; `rank` orders them, errors first."""

    ERROR = "error"
    WARNING = "warning"
    NOTE = "note"

    @property
    def rank(self) -> int:
        """0 for an error, 1 for a warning, 2 for a note."""
        return ("error", "warning", "note").index(self.value)


@dataclass(frozen=True, slots=True)
class Rule:
    """One diagnostic code. `explanation` is Markdown: it is the web page and `nbcompile explain CODE`."""

    code: str
    name: str
    severity: Severity
    summary: str
    explanation: str


class Span(NamedTuple):
    """A range in a cell's source: lines and columns count characters from 1, the end is exclusive."""

    line: int
    column: int
    end_line: int
    end_column: int


class Place(NamedTuple):
    """Where in a notebook: a code cell's index (or -1 for the whole file), its id, and a range of its source.

    For what stands in the notebook's metadata, `key` is the way to it from the top of the JSON: keys and list indices.
    """

    cell_index: int = -1
    cell_id: str = ""
    span: Span | None = None
    key: tuple[str | int, ...] = ()


class Related(NamedTuple):
    """A second place that explains the first, with what is to be seen there."""

    place: Place
    label: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Diagnostic:
    """One finding about a notebook.

    `message` is one terse lower-case sentence without a full stop; `label` says what is to be seen
    at `place`; `help` says what to do. `path` (the notebook as the person named it), `file_line` (the line of the
    file, from 1) and `excerpt` (the cell's line) are filled in once, when the notebook has been read from a file.
    """

    rule: Rule
    message: str
    place: Place = Place()
    label: str = ""
    help: str = ""
    related: tuple[Related, ...] = ()
    path: str = ""
    file_line: int | None = None
    excerpt: str = ""


@dataclass(frozen=True, slots=True)
class Outcome(Generic[T]):
    """What a pass returns: its value, and what it noticed on the way."""

    value: T
    diagnostics: tuple[Diagnostic, ...] = ()


@dataclass(slots=True)
class DiagnosticLog:
    """Collects the diagnostics of successive passes, in the order of the passes."""

    _found: list[Diagnostic] = field(default_factory=list)

    def take(self, outcome: Outcome[T]) -> T:
        """Keep what the pass noticed and hand on its value."""
        self.extend(outcome.diagnostics)
        return outcome.value

    def extend(self, diagnostics: Iterable[Diagnostic]) -> None:
        """Add diagnostics that came without a value."""
        self._found.extend(diagnostics)

    @property
    def diagnostics(self) -> tuple[Diagnostic, ...]:
        """Everything noticed so far."""
        return tuple(self._found)

    @property
    def ok(self) -> bool:
        """Whether no error was noticed."""
        return not any(found.rule.severity is Severity.ERROR for found in self._found)
