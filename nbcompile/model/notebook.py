"""A notebook as read: cells in order, with stable ids. Outputs are not part of it."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import Enum
from typing import Any, NewType

CellId = NewType("CellId", str)


class CellKind(str, Enum):
    """What a cell holds."""

    CODE = "code"
    MARKDOWN = "markdown"
    RAW = "raw"


@dataclass(frozen=True, slots=True, kw_only=True)
class Cell:
    """One cell. `index` counts code cells from 0 in notebook order and is -1 for others; `position` counts all cells.

    `in_file` counts the cells of the file, and is -1 for a cell that does not stand in it.
    """

    id: CellId
    index: int
    position: int
    kind: CellKind
    source: str
    tags: tuple[str, ...] = ()
    metadata: dict[str, Any] = field(default_factory=dict, compare=False, repr=False)
    in_file: int = field(default=-1, compare=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class Notebook:
    """A notebook of format 4.

    `name` is the file's stem; `document` is the notebook's JSON (upgraded to nbformat 4.5, with the ids
    used here, outputs removed): the template of the executed notebook.
    """

    name: str
    cells: tuple[Cell, ...]
    kernel: str = ""
    python_version: str = ""
    metadata: dict[str, Any] = field(default_factory=dict, compare=False, repr=False)
    document: dict[str, Any] = field(default_factory=dict, compare=False, repr=False)

    @property
    def code_cells(self) -> tuple[Cell, ...]:
        """The code cells; the one with index `i` stands at place `i`."""
        return tuple(cell for cell in self.cells if cell.kind is CellKind.CODE)
