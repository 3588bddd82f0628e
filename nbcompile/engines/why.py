"""Why a step of a run was run: what the journal says of its key."""

from __future__ import annotations

from collections.abc import Iterator

from nbcompile.model.errors import UsageError
from nbcompile.model.run import KnownRun, KnownStep


def why_run(run: KnownRun, named: str) -> Iterator[str]:
    """The reasons, in words. Raises `UsageError` when the run has no such step."""
    step = find_step(run, named)
    record, facts = step.record, step.job or {}
    if record is not None and record.why:
        yield f"{step.step} did not run: {record.why}"
        return
    if step.state != "finished":
        yield f"{step.step} is {step.state}: only results of steps that finished are kept"
        return
    if not run.request.get("cached", True):
        yield f"{step.step} ran because of --no-cache"
        return
    if facts.get("not_kept"):
        yield f"{step.step} runs every time: {facts['not_kept']}"
        return
    changes = facts.get("changes", ())
    yield f"{step.step} ran because " + ("of what changed:" if changes else "no earlier run that is still known has finished it")
    yield from (f"  {change}" for change in changes)


def find_step(run: KnownRun, named: str) -> KnownStep:
    """The step with this id, or a unique beginning of it."""
    found = [step for step in run.steps if step.step == named] or [step for step in run.steps if step.step.startswith(named)]
    if len(found) == 1:
        return found[0]
    known = ", ".join(step.step for step in run.steps)
    what = f"has {len(found)} steps that begin with `{named}`" if found else f"has no step `{named}` that has started"
    raise UsageError(f"{run.id} {what}", f"it has {known or 'none'}")
