"""What steps did that nobody had foreseen, found in what they left."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import cache, partial
from pathlib import Path
from typing import Any

from nbcompile.engines.directory import RunDirectory
from nbcompile.engines.outputs import breaks_in, read_outputs
from nbcompile.model.diagnostic import Diagnostic, Place, Rule
from nbcompile.model.guard import GuardBreak
from nbcompile.model.plan import Step, StepId
from nbcompile.rules import guards as rules
from nbcompile.runtime.files import Written, covers, read_written
from nbcompile.runtime.problem import StepProblem

_RULES = {rule.code: rule for rule in vars(rules).values() if isinstance(rule, Rule)}


def broken_guards(directory: RunDirectory, notebook: Path, steps: Sequence[Step]) -> tuple[GuardBreak, ...]:
    """What the guards of all steps found, in the plan's order."""
    written = cache(partial(_written, directory))
    found = dict.fromkeys(one for step in steps for one in _of_step(directory, notebook, step, steps, written))
    return tuple(found)


def finding(broken: GuardBreak, cell_ids: Sequence[str], notebook: Path) -> Diagnostic:
    """A broken guard as a finding at its cell."""
    place = Place(broken.cell, cell_ids[broken.cell] if 0 <= broken.cell < len(cell_ids) else "")
    return Diagnostic(
        rule=_RULES[broken.code], message=broken.message, place=place, help=f"write `{broken.remedy}` into the cell", path=str(notebook)
    )


def _of_step(
    directory: RunDirectory, notebook: Path, step: Step, steps: Sequence[Step], written: Callable[[StepId], Sequence[Written]]
) -> Iterator[GuardBreak]:
    outputs = read_outputs(directory.outputs(step.id))
    yield from breaks_in(outputs)
    for access in outputs.get("accesses", ()):
        if _was_withheld(notebook, step, steps, access, written):
            path = access["path"]
            message = f"cell {access['cell']} reads `{path}`, which was not given to it"
            yield GuardBreak(rules.FILE_TOUCHED.code, access["cell"], path, message, f"# nbc: reads={path}")


def _was_withheld(
    notebook: Path, step: Step, steps: Sequence[Step], access: Mapping[str, Any], written: Callable[[StepId], Sequence[Written]]
) -> bool:
    """Whether a file that a cell looked for lies beside the notebook, or was written by an earlier cell."""
    path = access["path"]
    return _lies_beside(notebook.absolute().parent, step, path) or any(
        one.cell < access["cell"] and covers(path, one.path) and not one.removed
        for other in steps
        if other.id != step.id
        for one in written(other.id)
    )


def _written(directory: RunDirectory, step: StepId) -> Sequence[Written]:
    """What a step wrote; nothing where it left no account of that."""
    try:
        return tuple(read_written(str(directory.files(step))))
    except StepProblem:
        return ()


def _lies_beside(directory: Path, step: Step, path: str) -> bool:
    if any(covers(given, path) for given in step.files_in):
        return False
    if not path.endswith("/"):
        return _is_there(directory / path)
    entries = [entry for entry in _entries(directory / path) if not entry.name.startswith((".", "__"))]
    # A notebook that looks around finds at least itself; nobody counts on that.
    return any(entry.suffix not in (".ipynb", ".run") and not _is_there(entry / ".nbcompile") for entry in entries)


# A step may have asked for anything: names that no file can have, directories that nobody may read.


def _is_there(path: Path) -> bool:
    try:
        return path.exists()
    except (OSError, ValueError):
        return False


def _entries(folder: Path) -> list[Path]:
    try:
        return [*folder.iterdir()]
    except (OSError, ValueError):
        return []
