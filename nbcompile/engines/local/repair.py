"""What steps did that nobody had foreseen: found in what they left, and repaired by a plan in which it is foreseen."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

from nbcompile.engines.broken_guards import broken_guards, finding
from nbcompile.engines.job import RunJob
from nbcompile.engines.local.execution import LocalResult
from nbcompile.model.diagnostic import Diagnostic
from nbcompile.model.guard import GuardBreak
from nbcompile.model.run import Found, RunEvent, RunRepaired


def run_until_sound(
    job: RunJob, run: Callable[[RunJob], LocalResult], on_event: Callable[[RunEvent], None]
) -> tuple[RunJob, LocalResult, tuple[Diagnostic, ...]]:
    """Run a job; while guards are broken, run what a repaired job runs otherwise. Returns the last job, and what was found."""
    found: dict[GuardBreak, Diagnostic] = {}
    while True:
        result = run(job)
        breaks = broken_guards(job.directory, job.notebook, job.plan.steps)
        for one in breaks:
            if one not in found:
                found[one] = finding(one, job.cell_ids, job.notebook)
                on_event(Found(found[one]))
        repaired = job.repair(breaks) if breaks and job.repair and result.signal is None else None
        if repaired is None:
            return job, result, tuple(found.values())
        on_event(RunRepaired(len(breaks), len(repaired.plan.steps)))
        job = replace(
            job,
            plan=repaired.plan,
            documents=repaired.documents,
            seconds=repaired.seconds,
            reuse=repaired.reuse,
            repair=repaired.repair,
        )
