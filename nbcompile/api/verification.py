"""A notebook run plainly and compiled, and compared."""

from __future__ import annotations

import itertools
import os
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from nbcompile.api.jobs import completed, own_job
from nbcompile.api.plans import plan
from nbcompile.api.profiles import profile
from nbcompile.api.programs import analyze, read_file
from nbcompile.api.projects import in_project, python_asked
from nbcompile.model.errors import CellFailed
from nbcompile.model.graph import RESULTS
from nbcompile.model.plan import Granularity
from nbcompile.model.run import Account, Notice
from nbcompile.model.settings import Settings
from nbcompile.model.verification import Exactness

if TYPE_CHECKING:
    from collections.abc import Callable

    from nbcompile.api.programs import Program
    from nbcompile.model.plan import Plan
    from nbcompile.model.profile import MissedFlow
    from nbcompile.model.run import RunEvent
    from nbcompile.model.verification import Observation, Verification


def verify(
    path: str | Path,
    settings: Settings | None = None,
    *,
    exactness: Exactness = Exactness.EXACT,
    record: bool = False,
    accept: bool = False,
    on_event: Callable[[RunEvent], None] | None = None,
) -> Verification:
    """Run a notebook plainly and compiled, at cell granularity and as planned, and compare everything.

    What is recorded beside the notebook is compared, too. `record` keeps what the plain run gave if nothing is kept yet, and
    `accept` in any case; nothing else is left behind.

    Raises `NotebookError` when the notebook has errors, `UsageError` and `PlaceFailed` when it cannot be run here.
    """
    from tempfile import TemporaryDirectory

    from nbcompile.emitters.write import write_whole
    from nbcompile.verify.baseline import baseline_json, baseline_name, read_baseline
    from nbcompile.verify.judge import judge, named_cells, with_causes

    path, settings, tell = Path(path), settings or Settings(), on_event or (lambda _: None)
    program = analyze(path)
    plans = {granularity: plan(program, replace(settings, granularity=granularity)) for granularity in (Granularity.CELL, Granularity.AUTO)}
    wanted = [Granularity.CELL] + [Granularity.AUTO] * (plans[Granularity.CELL].steps != plans[Granularity.AUTO].steps)
    sources = tuple(cell.source for cell in program.notebook.code_cells)
    kept = path.with_name(baseline_name(path.stem))
    recorded = [read_baseline(read_file(kept), kept.name, sources, exactness)] if kept.is_file() and not accept else []
    tell(Notice(_price(program, len(wanted))))
    with TemporaryDirectory(prefix="nbcompile-verify-") as folder:
        observer = Observer(path, settings, exactness, Path(folder).resolve(), tell, plans[Granularity.CELL])
        runs = [observer.plain(program, "plain"), *(observer.compiled(granularity) for granularity in wanted), *recorded]
        numbers = itertools.count(1)
        judged = judge(runs, lambda: observer.plain(program, f"plain-again-{next(numbers)}"), exactness, program.graph)
        if judged.differences:
            judged = with_causes(judged, observer.missed(program))
    if accept or (record and not recorded):
        write_whole(kept, baseline_json(runs[0], sources, exactness).encode())
    return judged.verification(path, named_cells(program.diagnostics, program.facts), plans[Granularity.CELL], sources)


def _price(program: Program, runs: int) -> str:
    """What comparing will take, before it begins."""
    if program.profile is None:
        return f"{runs + 1} runs; how long they take is not known, and `nbcompile profile` would tell"
    return f"{runs + 1} runs of about {program.profile.seconds:.0f} s each, as the profile says; twice that where something differs"


def _above(made: Plan) -> tuple[str, ...]:
    """What steps read or write above the notebook's directory."""
    return tuple(sorted({name for step in made.steps for name in (*step.files_in, *step.folders) if name.startswith("../")}))


class Observer:
    """Runs one notebook, plainly and compiled, below one directory."""

    def __init__(
        self,
        path: Path,
        settings: Settings,
        exactness: Exactness,
        folder: Path,
        tell: Callable[[RunEvent], None],
        made: Plan | None = None,
    ) -> None:
        """As `made` says, a plain run finds what lies above the notebook's directory, and that is called as it is."""
        self.path, self.settings, self.exactness, self.folder, self.tell = path, settings, exactness, folder, tell
        self.above, self.directory = (_above(made), made.directory) if made else ((), "")

    def plain(self, program: Program, name: str) -> Observation:
        """A run in a kernel; where there is none, in one step."""
        from nbcompile.emitters.join import join_runtime
        from nbcompile.engines.local.interpreter import choose_interpreter
        from nbcompile.verify.observe import PlainJob, find_client, observe_kernel

        choice = choose_interpreter(python_asked(in_project(self.settings, program)), program.notebook.kernel, os.environ)
        client = find_client(choice.path)
        if not client:
            self.tell(Notice(f"{choice.path} has no ipykernel, or nobody nbclient: the plain run is one step"))
            return self.compiled(Granularity.NOTEBOOK, name)
        self.tell(Notice(f"{name}: a kernel of {choice.path} ({choice.why})"))
        work = self.folder / name
        work.mkdir()
        job = PlainJob(
            document=program.notebook.document,
            beside=self.path.parent,
            work=work,
            client=client,
            python=choice.path,
            runtime=join_runtime(),
            names=tuple(dict.fromkeys(name for cell in program.graph.cells for name in cell.defines if name not in RESULTS)),
            above=self.above,
            directory=self.directory,
            notebook=str(self.path),
        )
        return observe_kernel(job, name, self.exactness)

    def missed(self, program: Program) -> tuple[MissedFlow, ...]:
        """What flows between cells in a run and is in no edge; nothing where no run comes to the end."""
        from nbcompile.profiling.decisions import missed_flows

        try:
            seen = program.profile or profile(self.path, self.settings, on_event=self.tell)
        except CellFailed:
            return ()
        return missed_flows(seen, program.graph)

    def compiled(self, granularity: Granularity, name: str = "") -> Observation:
        """A run of the compiled notebook with the local engine."""
        from nbcompile.engines.local.run import run_job
        from nbcompile.verify.observe import observe_run

        name = name or granularity.value
        settings = replace(self.settings, granularity=granularity, on="local", cached=False)
        account = Account(values=True, plain=granularity is Granularity.NOTEBOOK)
        job = own_job(self.path, settings, self.folder / name, account)
        return observe_run(completed(run_job(job, self.tell)), name, self.exactness, self.directory)
