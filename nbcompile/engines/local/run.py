"""The local engine: a job -> its run's directory and record."""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Mapping
from contextlib import closing
from dataclasses import replace
from datetime import datetime, timezone
from typing import Any

from nbcompile.engines.cache import ResultCache
from nbcompile.engines.distributions import Distributions
from nbcompile.engines.file_digests import FileDigests
from nbcompile.engines.filesystem import told_as_place_failure
from nbcompile.engines.home import cache_directory
from nbcompile.engines.job import RunJob
from nbcompile.engines.journal import Journal
from nbcompile.engines.local.early import EarlyParent
from nbcompile.engines.local.environment import check_environment, modules_to_look_for
from nbcompile.engines.local.execution import LocalResult, run_steps
from nbcompile.engines.local.interpreter import choose_interpreter
from nbcompile.engines.local.kept_runtime import runtime_file
from nbcompile.engines.local.machine import available_cores
from nbcompile.engines.local.past import Past
from nbcompile.engines.local.repair import run_until_sound
from nbcompile.engines.local.workers import WarmParent, environ_of_steps
from nbcompile.engines.measured import measured_path
from nbcompile.engines.outputs import first_failed_cell, read_outputs, values_in
from nbcompile.engines.registry import journalled
from nbcompile.engines.results import write_results
from nbcompile.engines.store import Store
from nbcompile.engines.variables import kept_variables
from nbcompile.model.plan import StepId
from nbcompile.model.run import Found, Interpreter, KnownStep, Notice, RunEvent, RunRecord, RunStarted, RunState, StepState


def run_job(job: RunJob, on_event: Callable[[RunEvent], None], early: EarlyParent | None = None) -> RunRecord:
    """Run a job on this machine; what a cell or a signal ended is told in the record.

    `early` is a warm parent that was started already.
    """
    job = replace(job, jobs=job.jobs or available_cores())

    def work(journal: Journal) -> RunRecord:
        with told_as_place_failure(job.directory.path):
            return _run(job, journal, on_event, early)

    return journalled(
        job.directory,
        work,
        identifier=job.id,
        notebook=job.notebook,
        engine="local",
        step_count=len(job.plan.steps),
        request=job.request,
    )


def _run(job: RunJob, journal: Journal, on_event: Callable[[RunEvent], None], early: EarlyParent | None) -> RunRecord:
    began, started = time.monotonic(), datetime.now(timezone.utc)
    choice = choose_interpreter(job.python, job.kernel, os.environ)
    _write_inputs(job)
    with closing(_parent(job, choice.path, early)) as parent:
        probe = parent.probe(
            modules_to_look_for(job.environment, job.notebook.parent),
            tuple(dict.fromkeys(one.name for one in job.environment.requirements if one.name)),
        )
        interpreter = Interpreter(choice.path, probe["version"], choice.why)
        on_event(RunStarted(job.directory.path, interpreter, len(job.plan.steps), job.jobs))
        found = check_environment(job, choice, probe)
        for one in found:
            on_event(Found(one))
        if job.divide_threads:
            on_event(Notice("libraries use fewer threads than in a plain run: sums may differ in their last digits"))

        def run(wanted: RunJob) -> LocalResult:
            # What had finished before a repair is not done again either: a line may have been appended, a message sent.
            wanted = replace(wanted, finished={**wanted.finished, **_finished(journal)})
            journal.plan([step.id for step in wanted.plan.steps])
            _write_inputs(wanted)
            past = _past(wanted, probe)
            result = run_steps(wanted, parent, journal, past, on_event, began)
            for problem in past.cache.close() if past.cache else ():
                on_event(Notice(f"not all results could be kept for other runs: {problem}"))
            return result

        job, result, broken = run_until_sound(job, run, on_event)
    records = {record.step: record for record in result.steps}
    failed = first_failed_cell(result.failures, records) if result.failures and not job.keep_going else None
    outputs = write_results(job.directory, job.plan, job.name, job.template, failed)
    return RunRecord(
        id=job.id,
        notebook=job.notebook,
        directory=job.directory.path,
        state=_state(result),
        interpreter=interpreter,
        started=f"{started:%Y-%m-%dT%H:%M:%SZ}",
        seconds=time.monotonic() - began,
        steps=result.steps,
        jobs=job.jobs,
        cells=sum(len(step.cells) for step in job.plan.steps),
        links=tuple(dict.fromkeys((link.source, link.target) for link in job.plan.links)),
        critical_path=measured_path(((link.source, link.target) for link in job.plan.links), result.steps),
        outputs=outputs,
        failures=result.failures,
        signal=result.signal,
        diagnostics=(*found, *broken),
        values=values_in(read_outputs(job.directory.outputs(step.id)) for step in job.plan.steps),
        variables=kept_variables(job.directory, job.notebook.absolute().parent, [step.id for step in job.plan.steps]) if job.keeps else {},
    )


def _finished(journal: Journal) -> dict[StepId, KnownStep]:
    return {known.step: known for known in journal.steps() if known.state == StepState.FINISHED.value}


def _parent(job: RunJob, python: str, early: EarlyParent | None) -> WarmParent:
    log = job.directory.parent_log
    started = early.take(python, log) if early else None
    return started or WarmParent(python, runtime_file(job.runtime, job.directory.runtime), _environ(job), log)


def _environ(job: RunJob) -> dict[str, str]:
    return environ_of_steps(os.environ, max(1, available_cores() // job.jobs) if job.divide_threads else 0)


def _past(job: RunJob, probe: Mapping[str, Any]) -> Past:
    root = cache_directory()
    store = Store(root)
    cache = ResultCache(store, Distributions(probe["path"])) if job.cached else None
    return Past(job, probe, _environ(job), FileDigests(root / "digests"), store, cache, job.finished)


def _write_inputs(job: RunJob) -> None:
    job.directory.runtime.write_text(job.runtime, "utf-8")
    job.directory.source.write_bytes(job.source)
    for step, document in job.documents.items():
        job.directory.document(step).write_bytes(document)


def _state(result: LocalResult) -> RunState:
    if result.signal is not None:
        return RunState.CANCELLED
    return RunState.FAILED if result.failures else RunState.FINISHED
