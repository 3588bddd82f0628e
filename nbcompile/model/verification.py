"""Two runs of one notebook side by side: what each gave, and what differs."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import Enum
from itertools import takewhile
from pathlib import Path
from typing import Any, NamedTuple, TypeAlias

from nbcompile.model.run import Value

Output: TypeAlias = Mapping[str, Any]
CellOutputs: TypeAlias = tuple[Output, ...]


class Exactness(str, Enum):
    """How close is equal: bit by bit on one machine, or within a tolerance for results of another one."""

    EXACT = "exact"
    PORTABLE = "portable"


class Aspect(str, Enum):
    """What of a run differs."""

    ENDING = "ending"
    OUTPUT = "output"
    VALUE = "value"
    FILE = "file"


class Picture(NamedTuple):
    """A picture that a cell shows, for a person to look at: its type, its size in bytes, and, unless it is too large, itself in base64."""

    mime: str
    size: int
    content: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Observation:
    """What one run of a notebook gave.

    `cells` are the masked outputs of each code cell; `failed` is the cell that ended the run, -1 where none did; `how` says
    in words what ran it. `guards` are what a run said of cells that did what nobody expected: cell and message.
    `pictures` are what each cell shows of them; they are not compared.
    """

    name: str
    how: str = ""
    cells: tuple[CellOutputs, ...] = ()
    values: Mapping[str, Value] = field(default_factory=dict)
    files: Mapping[str, str] = field(default_factory=dict)
    failed: int = -1
    problem: str = ""
    seconds: float = 0.0
    steps: int = 1
    guards: tuple[tuple[int, str], ...] = ()
    pictures: tuple[tuple[Picture, ...], ...] = ()


class Subject(NamedTuple):
    """One thing that is compared: an output of a cell, a variable, a file, or how the run ended."""

    aspect: Aspect
    cell: int
    name: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Difference:
    """A subject that is not the same on both sides. `side` names the run that is compared with the plain one.

    Texts are `reordered` that have the same characters and numbers in another order. `announced` is the finding that had named the cell
    before it ran; without one the difference is silent.
    """

    subject: Subject
    side: str
    plain: str
    compiled: str
    cause: str = ""
    announced: str = ""
    reordered: bool = False


def around_difference(plain: str, compiled: str, most: int) -> tuple[str, str]:
    """Both texts cut to about `most` characters, from a little before the first one that differs."""
    if max(len(plain), len(compiled)) <= most:
        return plain, compiled
    alike = (one == other for one, other in zip(plain, compiled, strict=False))
    same = sum(takewhile(bool, alike))
    begin = same - most // 4
    return _cut(plain, begin, most), _cut(compiled, begin, most)


def _cut(text: str, begin: int, most: int) -> str:
    if begin <= 0:
        return text if len(text) <= most else f"{text[:most]}…"
    return f"…{text[begin : begin + most]}" + ("…" if len(text) > begin + most else "")


class Verdict(str, Enum):
    """What comparing came to. A notebook is unsteady if plain runs of it differ, and compiled ones in nothing else."""

    EQUAL = "equal"
    UNSTEADY = "unsteady"
    DIFFERENT = "different"


@dataclass(frozen=True, slots=True, kw_only=True)
class Verification:
    """A notebook run plainly and compiled. `plain` comes first among the `runs`; `unsteady` differs between plain runs.

    `alone` counts the cells that are steps of their own at cell granularity, of `ordinary` ones that are no pure definitions;
    `named` are the cells that carry a finding of what the analysis could not see.
    """

    notebook: Path
    verdict: Verdict
    exactness: Exactness
    runs: tuple[Observation, ...]
    differences: tuple[Difference, ...] = ()
    unsteady: tuple[Subject, ...] = ()
    sources: tuple[str, ...] = ()
    named: tuple[int, ...] = ()
    ordinary: int = 0
    alone: int = 0
    rules: tuple[str, ...] = ()

    @property
    def first(self) -> Difference | None:
        """The difference in the earliest cell."""
        return min(self.differences, key=lambda one: (one.subject.cell < 0, one.subject.cell), default=None)

    @property
    def silent(self) -> tuple[Difference, ...]:
        """The differences that no finding announced."""
        return tuple(one for one in self.differences if not one.announced)

    @property
    def failed(self) -> int:
        """The cell that ended the plain run, -1 where none did."""
        return self.runs[0].failed
