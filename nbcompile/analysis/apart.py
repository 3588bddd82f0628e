"""Some cells taken apart -> what each of their statements changes that was there before it.

The facts of a cell say what it changes of other cells. In a cell that runs in shards it matters as well what its rounds
change of the statements above them. So each statement is walked over as if it were a cell.
"""

from __future__ import annotations

import ast
from collections.abc import Mapping, Sequence
from dataclasses import replace

from nbcompile.analysis.annotated import apply_annotations
from nbcompile.analysis.cells import analyze
from nbcompile.model.facts import CellFacts
from nbcompile.model.source import ParsedCell


def facts_apart(cells: Sequence[ParsedCell], statements: Mapping[int, Sequence[ast.stmt]]) -> Mapping[int, tuple[CellFacts, ...]]:
    """The facts of each of these statements, which stand in for those of the cells with these indices."""
    if not statements:
        return {}
    parts: list[ParsedCell] = []
    owners: list[int] = []
    for parsed in cells[: max(statements) + 1]:
        index = parsed.cell.index
        for one in [_alone(parsed, statement) for statement in statements[index]] if index in statements else [parsed]:
            parts.append(replace(one, cell=replace(one.cell, index=len(parts))))
            owners.append(index)
    facts = apply_annotations(analyze(parts).value, parts)
    return {index: tuple(one for one, owner in zip(facts, owners, strict=True) if owner == index) for index in statements}


def _alone(parsed: ParsedCell, statement: ast.stmt) -> ParsedCell:
    lines = range(statement.lineno, (statement.end_lineno or statement.lineno) + 1)
    directives = tuple(one for one in parsed.directives if not one.line or one.line in lines)
    return replace(parsed, tree=ast.Module(body=[statement], type_ignores=[]), directives=directives, diagnostics=())
