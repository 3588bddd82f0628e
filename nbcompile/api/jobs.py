"""What the local engine is asked to run, and again when its guards found something."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from nbcompile.api.plans import plan
from nbcompile.api.programs import analyze, linked_again, read_file
from nbcompile.api.projects import in_project, python_asked
from nbcompile.frontend.parse import parse_cells
from nbcompile.model.errors import Interrupted, UsageError
from nbcompile.model.parameters import document_of_parameters
from nbcompile.model.plan import Granularity
from nbcompile.model.run import Account

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from pathlib import Path

    from nbcompile.api.programs import Program
    from nbcompile.engines.directory import RunDirectory
    from nbcompile.engines.job import RunJob
    from nbcompile.model.guard import GuardBreak
    from nbcompile.model.plan import Plan, StepId
    from nbcompile.model.run import RunRecord
    from nbcompile.model.settings import Settings


SILENT = Account()


def completed(record: RunRecord) -> RunRecord:
    """A record of a run that nobody ended. Raises `Interrupted` for others: half of a run is not compared with a whole one."""
    if record.signal is not None:
        raise Interrupted(record.signal)
    return record


def own_job(path: Path, settings: Settings, output: Path, account: Account) -> RunJob:
    """A run in a directory of ours, which tells more than others do."""
    from nbcompile.engines.directory import claim_directory

    program = analyze(path)
    settings = in_project(settings, program)
    return local_job(
        read_file(path), path, program, plan(program, settings), settings, {}, lambda name: claim_directory(output, name), account=account
    )


def local_job(
    source: bytes,
    path: Path,
    program: Program,
    made: Plan,
    settings: Settings,
    parameters: Mapping[str, object],
    directory: Callable[[str], RunDirectory],
    *,
    account: Account = SILENT,
) -> RunJob:
    """What the local engine is asked to run; `directory` makes the run's directory when all is well."""
    from nbcompile.analysis.environment import read_environment
    from nbcompile.emitters.join import join_runtime
    from nbcompile.emitters.steps import notebook_template
    from nbcompile.engines.directory import new_run_id
    from nbcompile.engines.job import RunJob
    from nbcompile.planning.cost import estimate_steps
    from nbcompile.planning.reuse import reuse_of_steps
    from nbcompile.planning.warm import warm_imports

    seconds = estimate_steps(made, program.notebook)
    if program.profile:
        from nbcompile.profiling.decisions import step_seconds

        seconds = step_seconds(made, program.profile)
    elsewhere = next((step for step in made.steps if step.target != "local"), None)
    if elsewhere:
        advice = "run all cells here with `--on local`, or leave out `--engine`"
        raise UsageError(f"the step `{elsewhere.id}` is placed on `{elsewhere.target}`, which the local engine does not reach", advice)
    job = RunJob(
        id=new_run_id(program.notebook.name),
        directory=directory(program.notebook.name),
        notebook=path,
        source=source,
        name=program.notebook.name,
        plan=made,
        documents=_step_documents(made, program, account),
        template=notebook_template(program.notebook),
        runtime=join_runtime(),
        kernel=program.notebook.kernel,
        python_version=program.notebook.python_version,
        environment=read_environment(parse_cells(program.notebook)),
        seconds=seconds,
        keeps=account.keeps,
        reuse=reuse_of_steps(made, program.facts, program.notebook),
        cached=settings.cached,
        divide_threads=settings.divide_threads,
        imports=warm_imports(program.facts, program.notebook, program.beside),
        python=python_asked(settings),
        request={
            "granularity": settings.granularity.value,
            "python": settings.python,
            "jobs": settings.jobs,
            "keep_going": settings.keep_going,
            "on": settings.on,
            "cached": settings.cached,
            "divide_threads": settings.divide_threads,
            "parameters": document_of_parameters(parameters),
        },
        jobs=settings.jobs,
        keep_going=settings.keep_going,
        cell_ids=tuple(cell.id for cell in program.notebook.code_cells),
    )
    return job if settings.strict else replace(job, repair=_repairing(program, settings, job, account))


def _step_documents(made: Plan, program: Program, account: Account) -> dict[StepId, bytes]:
    from nbcompile.emitters.steps import step_files

    account = account._replace(repairs=True)
    files = step_files(made, program.facts, program.graph, program.notebook, program.workflow, account=account)
    return {file.step: file.content for file in files}


def _repairing(program: Program, settings: Settings, job: RunJob, account: Account) -> Callable[[tuple[GuardBreak, ...]], RunJob | None]:
    """What makes of a job one that foresees what its guards found."""
    from nbcompile.planning.cost import estimate_steps
    from nbcompile.planning.reuse import reuse_of_steps

    def repair(breaks: tuple[GuardBreak, ...]) -> RunJob | None:
        found = foreseeing(program, settings, breaks)
        if found is None:
            return None
        taught, wanted, made = found
        return replace(
            job,
            plan=made,
            documents=_step_documents(made, taught, account),
            seconds=estimate_steps(made, taught.notebook),
            reuse=reuse_of_steps(made, taught.facts, taught.notebook),
            repair=_repairing(taught, wanted, job, account),
        )

    return repair


def foreseeing(program: Program, settings: Settings, breaks: Sequence[GuardBreak]) -> tuple[Program, Settings, Plan] | None:
    """A program, settings and a plan that foresee what guards found. When that is nothing new, all cells run together."""
    from nbcompile.analysis.lessons import learn

    facts = learn(program.facts, breaks)
    new = facts != program.facts
    if not new and settings.granularity is Granularity.NOTEBOOK:
        return None
    wanted = settings if new else replace(settings, granularity=Granularity.NOTEBOOK)
    taught = linked_again(program, facts)
    return taught, wanted, plan(taught, wanted)
