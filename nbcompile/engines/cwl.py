"""Runs a bundle with any CWL runner, as a program of its own, and tells what can be told of it.

The runner's log says when steps start and end, where it writes as cwltool does; how cells went is read from the executed
notebook, or from the log when there is none.
"""

from __future__ import annotations

import json
import os
import re
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import closing
from dataclasses import dataclass, field, replace
from datetime import datetime, timezone
from pathlib import Path
from typing import Any

from nbcompile.engines.directory import RunDirectory
from nbcompile.engines.journal import Journal
from nbcompile.engines.local.interpreter import choose_interpreter
from nbcompile.engines.local.kept_runtime import runtime_file
from nbcompile.engines.local.workers import Message, WarmParent
from nbcompile.engines.registry import journalled
from nbcompile.engines.results import bring, describe
from nbcompile.engines.signals import Cancellation, SignalWatch
from nbcompile.model.errors import UsageError
from nbcompile.model.plan import StepId
from nbcompile.model.run import (
    Failure,
    Interpreter,
    RunEvent,
    RunRecord,
    RunStarted,
    RunState,
    StepEnded,
    StepRecord,
    StepStarted,
    StepState,
)

_STEP = re.compile(r"\[step ([A-Za-z0-9._-]+)\] (start|completed (\w+))")
# What the step runtime says of a step that cannot run.
_PROBLEM = re.compile(r"(?m)^NB5\d\d: .*$")
_CELL_RAISED = re.compile(r"\[job ([A-Za-z0-9._-]+)\] exited with status: 3\b")
_COLOUR = re.compile(r"\x1b\[[0-9;]*m")
_LOOK_SECONDS = 0.2
_GRACE_SECONDS = 10.0
_LAST_LINES = 25
# What makes a runner use more than one core, and say what it does.
_OPTIONS = {"cwltool": ("--parallel",)}
_KNOWN_RUNNERS = ("cwltool", "toil-cwl-runner", "arvados-cwl-runner", "cwl-runner")
_HELP_SECONDS = 60


@dataclass(frozen=True, slots=True, kw_only=True)
class BundleJob:
    """A bundle to be run by the program `engine`. `cells` says which cells each step has."""

    id: str
    directory: RunDirectory
    bundle: Path
    notebook: Path
    engine: str
    kernel: str = ""
    python: str = ""
    cells: Mapping[StepId, tuple[int, ...]] = field(default_factory=dict)
    cancellation: Cancellation | None = None
    links: tuple[tuple[StepId, StepId], ...] = ()


def cells_of_bundle(bundle: Path) -> dict[StepId, tuple[int, ...]]:
    """The steps of a bundle on disk and their cells. Raises `UsageError` when it is none."""
    if not (bundle / "workflow.cwl").is_file():
        raise UsageError(f"{bundle} is no bundle", "make one with `nbcompile build`")
    found = (_step_of(path) for path in (bundle / "steps").glob("*.json"))
    return dict(sorted(found, key=lambda item: item[1]))


def _step_of(path: Path) -> tuple[StepId, tuple[int, ...]]:
    try:
        document = json.loads(path.read_bytes())
        return StepId(document["step"]), tuple(cell["index"] for cell in document["cells"])
    except (ValueError, KeyError, TypeError):
        raise UsageError(f"{path} is no step document", "build the bundle again") from None


def find_runner(engine: str) -> str:
    """The program that is called so, first beside our own interpreter. Raises `UsageError` when there is none."""
    beside = shutil.which(engine, path=str(Path(sys.executable).parent))
    found = beside or shutil.which(engine)
    if found is None:
        advice = "install it, for example with `pip install 'nbcompile[cwltool]'`" if engine == "cwltool" else "name a CWL runner on PATH"
        raise UsageError(f"no program is called `{engine}`", advice)
    return found


def check_runner(engine: str) -> None:
    """See that the program takes what CWL runners take, before there is anything of a run. Raises `UsageError`."""
    runner = find_runner(engine)
    if engine in _KNOWN_RUNNERS:
        return
    try:
        helped = subprocess.run(  # noqa: S603 - the person names the program
            [runner, "--help"], check=False, capture_output=True, stdin=subprocess.DEVNULL, timeout=_HELP_SECONDS
        )
    except (OSError, subprocess.TimeoutExpired):
        said = b""
    else:
        said = helped.stdout + helped.stderr
    if b"--outdir" not in said:
        advice = "name a program that takes `--outdir DIRECTORY WORKFLOW INPUTS`, such as cwltool or toil-cwl-runner"
        raise UsageError(f"`{engine}` is no CWL runner: its `--help` does not name `--outdir`", advice)


def run_bundle(job: BundleJob, on_event: Callable[[RunEvent], None]) -> RunRecord:
    """Run a bundle; what became of it is told in the record."""
    began, started = time.monotonic(), datetime.now(timezone.utc)
    runner = find_runner(job.engine)
    at_a_time = (os.cpu_count() or 1) if _options(runner) else 1
    choice = choose_interpreter(job.python, job.kernel, os.environ)

    def work(journal: Journal) -> RunRecord:  # noqa: ARG001 - a runner's steps are not noted
        try:
            with closing(WarmParent(choice.path, _runtime(job), os.environ, job.directory.parent_log)) as parent:
                python = Interpreter(choice.path, parent.probe((), ())["version"], choice.why)
                on_event(RunStarted(job.directory.path, python, len(job.cells), at_a_time))
                run = _RunnerRun(job, parent, on_event, began)
                code, caught = run.run(runner, _environ(job, choice.path))
        finally:
            shutil.rmtree(_temporary(job), ignore_errors=True)
        failures = tuple(_failures(job, code, run.records)) if caught is None else ()
        return RunRecord(
            id=job.id,
            notebook=job.notebook,
            directory=job.directory.path,
            state=RunState.CANCELLED if caught is not None else RunState.FAILED if failures else RunState.FINISHED,
            interpreter=python,
            started=f"{started:%Y-%m-%dT%H:%M:%SZ}",
            seconds=time.monotonic() - began,
            steps=tuple(run.records.values()),
            engine=job.engine,
            jobs=at_a_time,
            cells=sum(map(len, job.cells.values())),
            links=job.links,
            outputs=describe(job.directory.path, _results(job)),
            failures=failures,
            signal=caught,
        )

    return journalled(
        job.directory, work, identifier=job.id, notebook=job.notebook, engine=job.engine, step_count=len(job.cells), request={}
    )


def _options(runner: str) -> tuple[str, ...]:
    return _OPTIONS.get(Path(runner).name, ())


class _RunnerRun:
    """A running CWL runner, and what its log has told so far."""

    def __init__(self, job: BundleJob, parent: WarmParent, on_event: Callable[[RunEvent], None], began: float) -> None:
        self.job, self.parent, self.on_event, self.began = job, parent, on_event, began
        self.records = {step: StepRecord(step=step, cells=cells, place=job.engine) for step, cells in job.cells.items()}
        self._read = 0

    def run(self, runner: str, environ: Mapping[str, str]) -> tuple[int, int | None]:
        """Run to the end; returns the exit code, and the signal that ended it early."""
        argv = (runner, *_options(runner), "--outdir", str(_outdir(self.job)), *_words(self.job))
        gone: Message | None = None
        stop_at: float | None = None
        with SignalWatch(self.job.cancellation) as signals:
            self.parent.wake_on(signals.descriptor)
            number = self.parent.command(argv, directory=self.job.directory.state, environ=environ, log=_log(self.job))
            while gone is None:
                for message in self.parent.wait(_LOOK_SECONDS):
                    gone = message if message["said"] == "gone" else gone
                self._follow()
                if signals.caught and stop_at is None:
                    self.parent.signal(number, signal.SIGINT)
                    stop_at = time.monotonic() + _GRACE_SECONDS
                if stop_at is not None and (time.monotonic() > stop_at or len(signals.caught) > 1):
                    self.parent.signal(number, signal.SIGKILL)
                signals.quiet()
        status = gone["status"]
        code = os.WEXITSTATUS(status) if os.WIFEXITED(status) else 128 + os.WTERMSIG(status)
        if code == 0:
            self._finish_all()
        return code, signals.caught[0] if signals.caught else None

    def _follow(self) -> None:
        try:
            with _log(self.job).open("rb") as file:
                file.seek(self._read)
                data = file.read()
        except OSError:
            return
        whole = data[: data.rfind(b"\n") + 1]
        self._read += len(whole)
        for found in _STEP.finditer(_COLOUR.sub("", whole.decode("utf-8", "replace"))):
            step = StepId(found[1])
            if step in self.records:
                self._started(step) if found[2] == "start" else self._ended(step, well=found[3] == "success")

    def _started(self, step: StepId) -> None:
        now = time.monotonic() - self.began
        self.records[step] = replace(self.records[step], started_seconds=now, start="spawned")
        self.on_event(StepStarted(step, self.records[step].cells, now, "spawned"))

    def _ended(self, step: StepId, *, well: bool) -> None:
        now = time.monotonic() - self.began
        started = self.records[step].started_seconds
        seconds = None if started is None else now - started
        state = StepState.FINISHED if well else StepState.FAILED
        self.records[step] = replace(self.records[step], state=state, seconds=seconds)
        self.on_event(StepEnded(self.records[step], now))

    def _finish_all(self) -> None:
        """A runner that ended well has run every step, whether or not it said so."""
        for step, record in self.records.items():
            if record.state is StepState.NOT_STARTED:
                self.records[step] = replace(record, state=StepState.FINISHED)


def _failures(job: BundleJob, code: int, records: Mapping[StepId, StepRecord]) -> Iterator[Failure]:
    first = next(iter(job.cells), StepId(""))
    owner = {cell: step for step, cells in job.cells.items() for cell in cells}
    for cell, output in _errors(job):
        yield Failure(owner.get(cell, first), cell, output["ename"], output["evalue"], tuple(output["traceback"]))
    if code:
        text = _COLOUR.sub("", _log(job).read_text("utf-8", "replace")) if _log(job).exists() else ""
        raised = _CELL_RAISED.search(text)
        failed = next((step for step, record in records.items() if record.state is StepState.FAILED), first)
        step = StepId(raised[1]) if raised and raised[1] in job.cells else failed
        told = _PROBLEM.findall(text)
        message = f"{told[-1]}; " if told and not raised else ""
        message += f"{job.engine} ended with exit code {code}; its last lines:"
        yield Failure(step, -1, "RunnerFailed", message, tuple(text.splitlines()[-_LAST_LINES:]), lost=raised is None)


def _errors(job: BundleJob) -> Iterator[tuple[int, dict[str, Any]]]:
    """The exceptions in the executed notebook that its cells may not raise, with the cells' numbers."""
    for path in _outdir(job).glob("*.executed.ipynb"):
        code = [cell for cell in json.loads(path.read_bytes())["cells"] if cell["cell_type"] == "code"]
        for number, cell in enumerate(code):
            for output in cell["outputs"]:
                if output["output_type"] == "error" and "raises-exception" not in cell["metadata"].get("tags", ()):
                    yield number, output


def _results(job: BundleJob) -> tuple[str, ...]:
    """Bring what the runner delivered to the run's directory."""
    outdir = _outdir(job)
    if not outdir.is_dir():
        return ()
    paths = [path.name for path in sorted(outdir.glob("*.executed.ipynb"))]
    for name in paths:
        (outdir / name).replace(job.directory.path / name)
    return (*paths, *bring(outdir / "output_files", job.directory.path))


def _environ(job: BundleJob, python: str) -> dict[str, str]:
    """This environment, with the chosen interpreter as `python3`, and temporary files where they are removed."""
    _temporary(job).mkdir(exist_ok=True)
    path = os.pathsep.join((str(Path(python).parent), os.environ.get("PATH", os.defpath)))
    return {"PYTHONHASHSEED": "0", **os.environ, "PATH": path, "TMPDIR": str(_temporary(job))}


def _words(job: BundleJob) -> tuple[str, ...]:
    inputs = job.bundle / "inputs.yml"
    return (str(job.bundle / "workflow.cwl"), *((str(inputs),) if inputs.exists() else ()))


def _runtime(job: BundleJob) -> Path:
    """The bundle's runtime, where nothing is put into the bundle by running it."""
    return runtime_file((job.bundle / "nbcompile_runtime.py").read_text("utf-8"), job.directory.runtime)


def _temporary(job: BundleJob) -> Path:
    return job.directory.state / "tmp"


def _outdir(job: BundleJob) -> Path:
    return job.directory.state / "outdir"


def _log(job: BundleJob) -> Path:
    return job.directory.state / "logs" / "runner.log"
