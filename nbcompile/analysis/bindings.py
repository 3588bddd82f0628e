"""The names one cell binds and reads, from its syntax tree alone."""

from __future__ import annotations

import ast
import builtins

from nbcompile.model.diagnostic import Diagnostic, Outcome, Place, Span
from nbcompile.model.facts import CellFacts, Definition, FactsKind, Use
from nbcompile.model.notebook import Cell, Notebook
from nbcompile.rules import reading

_BUILTINS = frozenset(dir(builtins))
_IPYTHON_MARKS = ("%", "!", "?")


def analyze(notebook: Notebook) -> Outcome[tuple[CellFacts, ...]]:
    """The facts of every code cell, and the cells that do not parse."""
    diagnostics: list[Diagnostic] = []
    facts = tuple(_facts(cell, diagnostics) for cell in notebook.code_cells)
    return Outcome(facts, tuple(diagnostics))


def _facts(cell: Cell, diagnostics: list[Diagnostic]) -> CellFacts:
    if not cell.source.strip():
        return CellFacts(cell=cell.id, index=cell.index, kind=FactsKind.EMPTY)
    try:
        tree = ast.parse(cell.source)
    except (SyntaxError, ValueError, RecursionError, MemoryError) as error:
        if any(line.lstrip().startswith(_IPYTHON_MARKS) or line.rstrip().endswith("?") for line in cell.source.splitlines()):
            return CellFacts(cell=cell.id, index=cell.index, kind=FactsKind.OPAQUE, opaque="it uses IPython syntax")
        diagnostics.append(_syntax_error(cell, error))
        return CellFacts(cell=cell.id, index=cell.index, kind=FactsKind.OPAQUE, opaque="it does not parse")
    names = [node for node in ast.walk(tree) if isinstance(node, ast.Name)]
    uses = {node.id: Use(node.id, _span(node)) for node in names if isinstance(node.ctx, ast.Load) and node.id not in _BUILTINS}
    made = {node.id: Definition(node.id, _span(node), certain=False) for node in names if isinstance(node.ctx, ast.Store)}
    return CellFacts(cell=cell.id, index=cell.index, uses=tuple(uses.values()), definitions=tuple(made.values()))


def _span(node: ast.Name) -> Span:
    return Span(node.lineno, node.col_offset + 1, node.end_lineno or node.lineno, (node.end_col_offset or node.col_offset) + 1)


def _syntax_error(cell: Cell, error: Exception) -> Diagnostic:
    if not isinstance(error, SyntaxError):
        return Diagnostic(rule=reading.TOO_DEEP, message="the cell is nested too deep to be parsed", place=Place(cell.index, cell.id))
    line, column = error.lineno or 1, error.offset or 1
    return Diagnostic(
        rule=reading.SYNTAX_ERROR,
        message=(error.msg or "invalid syntax").lower(),
        place=Place(cell.index, cell.id, Span(line, column, line, column + 1)),
        help="correct the cell, or tag it `raises-exception` if the failure is meant",
    )
