"""`nbcompile runs`."""

from __future__ import annotations

import click

from nbcompile import api
from nbcompile.cli.following import conclude, follow
from nbcompile.engines.logs import logs_of
from nbcompile.engines.registry import find_run, known_runs
from nbcompile.model.errors import ExitCode
from nbcompile.reporting.known_runs import runs_json, runs_table, steps_table

_RUN = click.argument("run", metavar="RUN")
_JSON = click.option("--json", "as_json", is_flag=True, help="Print JSON.")


@click.group(name="runs", epilog="RUN is a run's directory, its id or a unique beginning of it, or `last`.")
def command() -> None:
    """List, follow and end runs."""


@command.command(name="list")
@click.option("-n", "--number", type=click.IntRange(min=1), default=20, show_default=True, help="At most so many, the newest first.")
@_JSON
def list_runs(number: int, *, as_json: bool) -> None:
    """List runs, the newest first."""
    found = [run for run, _ in zip(known_runs(), range(number), strict=False)]
    click.echo(runs_json(found) if as_json else runs_table(found), nl=False)


@command.command()
@_RUN
@_JSON
def show(run: str, *, as_json: bool) -> None:
    """Show the steps of a run and what became of them."""
    found = find_run(run)
    if as_json and (found.directory / "run.json").exists():
        click.echo((found.directory / "run.json").read_text("utf-8"), nl=False)
        return
    click.echo(runs_json([found]) if as_json else runs_table([found]) + "\n" + steps_table(found), nl=False)


@command.command()
@_RUN
@click.argument("step", default="")
def logs(run: str, step: str) -> None:
    """Print what the steps of a run said, or one of them."""
    for line in logs_of(find_run(run), step):
        click.echo(line)


@command.command()
@_RUN
def cancel(run: str) -> None:
    """End a run and everything it started, also one that was left to go on without a client."""
    found, left = api.cancel(run)
    for line in left:
        click.echo(line, err=True)
    if left:
        raise SystemExit(ExitCode.PLACE_FAILED)
    click.echo(f"{found.id} is cancelled; its results so far are in {found.directory}", err=True)


@command.command()
@_RUN
@click.option("--json", "as_json", is_flag=True, help="Write events as JSON lines to standard output.")
@click.option("-q", "--quiet", is_flag=True, help="Show findings and failures only.")
@click.option("-v", "--verbose", is_flag=True, help="Show what cells write, and how steps start.")
def resume(run: str, *, as_json: bool, quiet: bool, verbose: bool) -> None:
    """Go on with a run whose client went away, or that failed.

    Steps that have ended well are not run again; those that still run at their places are found again.
    """
    progress = follow(as_json=as_json, quiet=quiet, verbose=verbose)
    try:
        record = api.resume(run, on_event=progress, streams=verbose or as_json)
    finally:
        progress.close()
    conclude(record, as_json=as_json, quiet=quiet)
