"""A code cell parsed: Python's own syntax tree, with IPython's syntax as `Magic` nodes, and the directives in its comments.

Lines and columns of every node are those of the cell's own text.
"""

from __future__ import annotations

import ast
from dataclasses import dataclass
from enum import Enum
from typing import NamedTuple

from nbcompile.model.diagnostic import Diagnostic
from nbcompile.model.notebook import Cell


class MagicKind(str, Enum):
    """How IPython's syntax calls the shell."""

    LINE = "line"
    CELL = "cell"
    SYSTEM = "system"
    CAPTURE = "capture"


class Magic(ast.expr):
    """`%name argument`, `%%name argument` with its text, `!argument` (system) or `x = !argument` (capture).

    `body` is the Python that the magic runs, already parsed, and `setup` what `%%timeit` runs once before it.
    `own_scope` says that the body runs in a function of its own, so that names it binds are gone afterwards.
    """

    _fields = ("setup", "body")

    kind: MagicKind
    name: str
    argument: str
    text: str
    setup: list[ast.stmt]
    body: list[ast.stmt]
    own_scope: bool
    parses: bool


class Directive(NamedTuple):
    """One `# nbc:` word or `nbc-` tag. `line` is the line it settles, from 1; 0 for the whole cell."""

    name: str
    values: tuple[str, ...] = ()
    line: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class ParsedCell:
    """One code cell. `tree` is missing when the cell does not parse; `diagnostics` then says why."""

    cell: Cell
    tree: ast.Module | None = None
    has_magics: bool = False
    directives: tuple[Directive, ...] = ()
    diagnostics: tuple[Diagnostic, ...] = ()
