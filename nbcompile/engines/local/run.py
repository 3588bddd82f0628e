"""The local engine: a job -> its run's directory and record."""

from __future__ import annotations

import os
import secrets
import time
from collections.abc import Callable, Mapping
from dataclasses import replace
from datetime import datetime, timezone

from nbcompile.engines.directory import RunDirectory, claim_directory
from nbcompile.engines.job import RunJob
from nbcompile.engines.local.execution import LocalResult, run_steps
from nbcompile.engines.local.interpreter import choose_interpreter
from nbcompile.engines.local.machine import available_cores
from nbcompile.engines.local.workers import WarmParent
from nbcompile.engines.outputs import first_failed_cell
from nbcompile.engines.results import write_results
from nbcompile.model.run import Interpreter, Notice, RunEvent, RunRecord, RunStarted, RunState


def run_job(job: RunJob, on_event: Callable[[RunEvent], None]) -> RunRecord:
    """Run a job on this machine; what a cell or a signal ended is told in the record."""
    began, started = time.monotonic(), datetime.now(timezone.utc)
    choice = choose_interpreter(job.python, job.kernel, os.environ)
    directory = claim_directory(job.output, job.name)
    _write_inputs(job, directory)
    parent = WarmParent(choice.path, directory.runtime, _environ(os.environ), directory.parent_log)
    try:
        probe = parent.probe((), ())
    except BaseException:
        parent.close()
        raise
    interpreter = Interpreter(choice.path, probe["version"], choice.why)
    job = replace(job, jobs=job.jobs or available_cores())
    on_event(RunStarted(directory.path, interpreter, len(job.plan.steps), job.jobs))
    if choice.passed_over:
        on_event(Notice(choice.passed_over))
    result = run_steps(job, directory, parent, on_event, began)
    records = {record.step: record for record in result.steps}
    failed = first_failed_cell(result.failures, records) if result.failures and not job.keep_going else None
    outputs = write_results(directory, job.plan, job.name, job.template, failed)
    return RunRecord(
        id=f"{job.name}-{started:%Y%m%d-%H%M%S}-{secrets.token_hex(2)}",
        notebook=job.notebook,
        directory=directory.path,
        state=_state(result),
        interpreter=interpreter,
        started=f"{started:%Y-%m-%dT%H:%M:%SZ}",
        seconds=time.monotonic() - began,
        steps=result.steps,
        jobs=job.jobs,
        cells=sum(len(step.cells) for step in job.plan.steps),
        links=tuple(dict.fromkeys((link.source, link.target) for link in job.plan.links)),
        critical_path=job.plan.critical_path,
        outputs=outputs,
        failures=result.failures,
        signal=result.signal,
    )


def _write_inputs(job: RunJob, directory: RunDirectory) -> None:
    directory.runtime.write_text(job.runtime, "utf-8")
    for step, document in job.documents.items():
        directory.document(step).write_bytes(document)


def _environ(environ: Mapping[str, str]) -> dict[str, str]:
    """The environment of the steps: this one, with a fixed hash seed, so that all steps see sets in one order."""
    return {"PYTHONHASHSEED": "0", **environ}


def _state(result: LocalResult) -> RunState:
    if result.signal is not None:
        return RunState.CANCELLED
    return RunState.FAILED if result.failures else RunState.FINISHED
