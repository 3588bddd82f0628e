"""What was found, with the lines of the file, without what the authors of cells allow."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from nbcompile.frontend.positions import locate_key, locate_sources
from nbcompile.model.diagnostic import Severity

if TYPE_CHECKING:
    from collections.abc import Iterator

    from nbcompile.api.programs import Program
    from nbcompile.model.diagnostic import Diagnostic


def _source_lines(text: str, path: str) -> tuple[tuple[int, ...], ...]:
    """For each cell the lines of the file on which its source stands."""
    if not path.endswith(".py"):
        return locate_sources(text)
    from nbcompile.frontend.scripts import locate_script_sources

    return locate_script_sources(text)


def is_error(found: Diagnostic) -> bool:
    """Whether a finding keeps a notebook from being compiled."""
    return found.rule.severity is Severity.ERROR


def unsettled(program: Program) -> Program:
    """The program without the findings that the authors of cells allow; an error is none that can be allowed."""
    allowed = {cell.index: cell.allowed for cell in program.facts if cell.allowed}
    if not allowed:
        return program
    kept = tuple(
        one
        for one in program.diagnostics
        if one.rule.severity is Severity.ERROR or not {one.rule.code, one.rule.name} & set(allowed.get(one.place.cell_index, ()))
    )
    return replace(program, diagnostics=kept)


def located(program: Program, path: str, data: bytes) -> Iterator[Diagnostic]:
    """The findings with the notebook's name, the line of the file, and the text of the line."""
    code = program.notebook.code_cells
    text = data.decode("utf-8-sig", "replace")
    positions = _source_lines(text, path) if program.diagnostics and program.notebook.cells else ()
    for one in program.diagnostics:
        place = one.place
        line = place.span.line if place.span else 1
        if place.key and not path.endswith(".py"):
            yield replace(one, path=path, file_line=locate_key(text, place.key))
            continue
        if place.cell_index < 0:
            yield replace(one, path=path, file_line=line)
            continue
        cell = code[place.cell_index]
        lines = positions[cell.in_file] if 0 <= cell.in_file < len(positions) else ()
        source = cell.source.splitlines()
        yield replace(
            one,
            path=path,
            file_line=lines[min(line, len(lines)) - 1] if lines else None,
            excerpt=source[line - 1] if place.span and line <= len(source) else "",
        )
