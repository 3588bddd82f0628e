"""`nbcompile run`."""

from __future__ import annotations

import os
from collections.abc import Callable
from contextlib import closing, nullcontext
from pathlib import Path
from typing import TYPE_CHECKING

import click

from nbcompile.cli.options import Size, deployments_option, granularity_option, parameter_options
from nbcompile.emitters.join import join_runtime
from nbcompile.engines.local.early import EarlyParent, start_early
from nbcompile.model.plan import Granularity
from nbcompile.model.settings import Settings

if TYPE_CHECKING:
    from nbcompile.model.run import RunEvent, RunRecord


@click.command(
    name="run",
    epilog="""\b
Examples:
  nbcompile run analysis.ipynb                  results in ./analysis.run/
  nbcompile run analysis.ipynb -o results --jobs 4
  nbcompile run analysis.ipynb -p seed 7 -p site berlin
  nbcompile run analysis.ipynb --on hpc         all cells at that deployment
  nbcompile run analysis.ipynb --engine cwltool
  nbcompile run build/analysis --engine toil-cwl-runner     a bundle
  nbcompile run analysis.ipynb --python ~/envs/science/bin/python""",
)
@click.argument("notebook", type=click.Path(path_type=Path), metavar="NOTEBOOK|BUNDLE")
@click.option("-o", "--output", type=click.Path(path_type=Path), help="Where the results go.  [default: NOTEBOOK.run/, numbered anew]")
@click.option("-j", "--jobs", type=click.IntRange(min=1), default=None, help="Steps at a time.  [default: the cores available]")
@click.option("--python", default="", help="Runs the cells: a path, an environment, a version.  [default: the notebook's kernel]")
@click.option("--on", metavar="DEPLOYMENT", default="", help="Run all cells there, wherever they are placed; `local` is this machine.")
@click.option(
    "--engine", default="", help="`local`, `streamflow`, or the name of a CWL runner.  [default: streamflow if steps are placed elsewhere]"
)
@click.option("--detach", is_flag=True, help="Come back when the run has begun; it goes on by itself.")
@click.option("--keep-going", is_flag=True, help="After a failed cell, run all that does not need it.")
@click.option(
    "--threads",
    type=click.Choice(["keep", "divide"]),
    default="keep",
    show_default=True,
    help="Threads of libraries: as in a plain run, or shared by the steps, which may change last digits.",
)
@click.option("--no-cache", is_flag=True, help="Run every step anew, and keep no results for other runs.")
@click.option("--strict", is_flag=True, help="Treat what would be repaired or only warned of as an error.")
@deployments_option
@click.option("--dry-run", is_flag=True, help="Say what a run would ask for and move, and run nothing.")
@click.option("--max-transfer", type=Size(), default="10GiB", show_default=True, help="Move at most so much between places.")
@granularity_option
@click.option("--json", "as_json", is_flag=True, help="Write events as JSON lines to standard output.")
@click.option("-q", "--quiet", is_flag=True, help="Show findings and failures only.")
@click.option("-v", "--verbose", is_flag=True, help="Show what cells write, and how steps start.")
@parameter_options
def command(
    notebook: Path,
    output: Path | None,
    jobs: int | None,
    python: str,
    engine: str,
    granularity: str,
    *,
    on: str,
    values: dict[str, object],
    detach: bool,
    keep_going: bool,
    threads: str,
    no_cache: bool,
    strict: bool,
    dry_run: bool,
    max_transfer: int,
    as_json: bool,
    quiet: bool,
    verbose: bool,
) -> None:
    """Run a notebook, its independent cells side by side.

    The results are those of a clean run from top to bottom: NOTEBOOK.executed.ipynb, the files its cells wrote, run.json, and
    report.html with a timeline. Exit code 3 tells that a cell failed.
    """
    settings = Settings(
        granularity=Granularity(granularity),
        python=python,
        jobs=jobs or 0,
        keep_going=keep_going,
        strict=strict,
        cached=not no_cache,
        divide_threads=threads == "divide",
        on=on,
        max_transfer=max_transfer,
    )
    if dry_run:
        _forecast(notebook, settings, values, as_json=as_json)
        return

    def start(tell: Callable[[RunEvent], None], early: EarlyParent | None = None) -> RunRecord:
        from nbcompile import api

        with closing(early) if early else nullcontext():
            return api.run(
                notebook,
                settings,
                parameters=values,
                output=output,
                engine=engine,
                on_event=tell,
                streams=verbose or as_json,
                early=early,
                variables=False,
            )

    if detach:
        from nbcompile.cli.detach import run_detached

        run_detached(start)
    # A second process makes a kernel while this one loads what it needs.
    early = start_early(notebook, python, os.environ, join_runtime()) if engine in ("", "local") and threads == "keep" else None
    from nbcompile.cli.following import conclude, follow

    progress = follow(as_json=as_json, quiet=quiet, verbose=verbose)
    try:
        record = start(progress, early)
    finally:
        progress.close()
    conclude(record, as_json=as_json, quiet=quiet)


def _forecast(notebook: Path, settings: Settings, values: dict[str, object], *, as_json: bool) -> None:
    from nbcompile import api
    from nbcompile.reporting.forecast import forecast_json, forecast_text

    program = api.analyze(notebook, values)
    found = api.forecast(program, api.plan(program, settings), settings)
    click.echo(forecast_json(found) if as_json else forecast_text(found), nl=False)
    api.check_transfer(found, settings)
