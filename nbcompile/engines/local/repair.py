"""What steps did that nobody had foreseen: found in what they left, and repaired by a plan in which it is foreseen."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from nbcompile.engines.job import RunJob
from nbcompile.engines.local.execution import LocalResult
from nbcompile.engines.outputs import breaks_in, read_outputs
from nbcompile.model.diagnostic import Diagnostic, Place, Rule
from nbcompile.model.guard import GuardBreak
from nbcompile.model.plan import Step
from nbcompile.model.run import Found, Notice, RunEvent
from nbcompile.rules import guards as rules
from nbcompile.runtime.files import covers, read_written
from nbcompile.runtime.problem import StepProblem

_RULES = {rule.code: rule for rule in vars(rules).values() if isinstance(rule, Rule)}


def run_until_sound(
    job: RunJob, run: Callable[[RunJob], LocalResult], on_event: Callable[[RunEvent], None]
) -> tuple[RunJob, LocalResult, tuple[Diagnostic, ...]]:
    """Run a job; while guards are broken, run what a repaired job runs otherwise. Returns the last job, and what was found."""
    found: dict[GuardBreak, Diagnostic] = {}
    while True:
        result = run(job)
        breaks = broken_guards(job)
        for one in breaks:
            if one not in found:
                found[one] = _finding(job, one)
                on_event(Found(found[one]))
        repaired = job.repair(breaks) if breaks and job.repair and result.signal is None else None
        if repaired is None:
            return job, result, tuple(found.values())
        on_event(Notice(f"{len(breaks)} of the plan's assumptions did not hold: what depends on them runs again"))
        job = replace(
            job,
            plan=repaired.plan,
            documents=repaired.documents,
            seconds=repaired.seconds,
            reuse=repaired.reuse,
            repair=repaired.repair,
        )


def broken_guards(job: RunJob) -> tuple[GuardBreak, ...]:
    """What the guards of all steps found, in the plan's order."""
    found = dict.fromkeys(one for step in job.plan.steps for one in _of_step(job, step))
    return tuple(found)


def _of_step(job: RunJob, step: Step) -> Iterator[GuardBreak]:
    outputs = read_outputs(job.directory.outputs(step.id))
    yield from breaks_in(outputs)
    for access in outputs.get("accesses", ()):
        if _was_withheld(job, step, access):
            path = access["path"]
            message = f"cell {access['cell']} reads `{path}`, which was not given to it"
            yield GuardBreak(rules.FILE_TOUCHED.code, access["cell"], path, message, f"# nbc: reads={path}")


def _was_withheld(job: RunJob, step: Step, access: Mapping[str, Any]) -> bool:
    """Whether a file that a cell looked for lies beside the notebook, or was written by an earlier cell."""
    path = access["path"]
    if _lies_beside(job.notebook.absolute().parent, step, path):
        return True
    for other in job.plan.steps:
        try:
            written = read_written(str(job.directory.files(other.id)))
        except StepProblem:
            continue
        if other.id != step.id and any(one.cell < access["cell"] and covers(path, one.path) and not one.removed for one in written):
            return True
    return False


def _lies_beside(directory: Path, step: Step, path: str) -> bool:
    if any(covers(given, path) for given in step.files_in):
        return False
    if not path.endswith("/"):
        return (directory / path).exists()
    folder = directory / path
    entries = [entry for entry in folder.iterdir() if not entry.name.startswith((".", "__"))] if folder.is_dir() else []
    # A notebook that looks around finds at least itself; nobody counts on that.
    return any(entry.suffix not in (".ipynb", ".run") and not (entry / ".nbcompile").exists() for entry in entries)


def _finding(job: RunJob, broken: GuardBreak) -> Diagnostic:
    place = Place(broken.cell, job.cell_ids[broken.cell] if 0 <= broken.cell < len(job.cell_ids) else "")
    help_ = f"write `{broken.remedy}` into the cell"
    return Diagnostic(rule=_RULES[broken.code], message=broken.message, place=place, help=help_, path=str(job.notebook))
