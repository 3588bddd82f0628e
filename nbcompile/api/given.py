"""Files that a person names with `-p` and that are not there."""

from __future__ import annotations

import posixpath
import re
from typing import TYPE_CHECKING

from nbcompile.model.diagnostic import Diagnostic, Place
from nbcompile.rules.parameters import GIVEN_FILE_MISSING

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from nbcompile.api.programs import Program

# A cell that looks first, or is ready to do without it.
_DOES_WITHOUT = re.compile(r"\b(?:exists|isfile|is_file|isdir|is_dir|lexists|access|stat|glob|iglob|rglob|suppress)\(|\btry:")


def missing_given_files(program: Program, directory: Path) -> Iterator[Diagnostic]:
    """One finding for each path that was given, that a cell reads for sure and none writes, and that is not beside the notebook."""
    effects = [(cell.index, effect) for cell in program.facts for effect in cell.effects if effect.channel == "files"]
    written = {effect.subject.rstrip("/") for _, effect in effects if effect.mode != "read"}
    for name, value in program.parameters.given:
        path = posixpath.normpath(value) if isinstance(value, str) and value else ""
        if not path or path.startswith(("/", "~", "..")) or path in written or "." in written or (directory / path).exists():
            continue
        readers = [cell for cell, effect in effects if effect.subject.rstrip("/") == path]
        if readers and not any(_DOES_WITHOUT.search(program.notebook.code_cells[cell].source) for cell in readers):
            code = program.notebook.code_cells[readers[0]]
            yield Diagnostic(
                rule=GIVEN_FILE_MISSING,
                message=f"`{name}` names `{value}`, which is not beside the notebook",
                place=Place(code.index, code.id),
                help="give a path as seen from the notebook's directory, or bring the file there",
            )
