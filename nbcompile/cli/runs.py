"""`nbcompile runs`."""

from __future__ import annotations

import asyncio
import re

import click

from nbcompile import api
from nbcompile.cli.following import conclude, follow
from nbcompile.cli.options import Size, deployments_option
from nbcompile.engines.gc import free
from nbcompile.engines.logs import logs_of
from nbcompile.engines.registry import find_run, known_runs
from nbcompile.engines.store import YOUNG_SECONDS
from nbcompile.engines.why import why_run
from nbcompile.model.errors import ExitCode, UsageError
from nbcompile.reporting.known_runs import runs_json, runs_table, steps_table

_RUN = click.argument("run", metavar="RUN")
_JSON = click.option("--json", "as_json", is_flag=True, help="Print JSON.")


@click.group(
    name="runs",
    epilog="""\b
RUN is a run's directory, its id or a unique beginning of it, or `last`.
\b
Examples:
  nbcompile runs list
  nbcompile runs show last
  nbcompile runs resume analysis.run""",
)
def command() -> None:
    """List, follow, end and resume runs."""


@command.command(
    name="list",
    epilog="""\b
Examples:
  nbcompile runs list -n 5
  nbcompile runs list --json | jq '.runs[0].id'""",
)
@click.option("-n", "--number", type=click.IntRange(min=1), default=20, show_default=True, help="At most so many, the newest first.")
@_JSON
def list_runs(number: int, *, as_json: bool) -> None:
    """List runs, the newest first."""
    found = [run for run, _ in zip(known_runs(), range(number), strict=False)]
    if not (found or as_json):
        click.echo("there are no runs yet; `nbcompile run NOTEBOOK` makes one", err=True)
    click.echo(runs_json(found) if as_json else runs_table(found), nl=False)


@command.command(
    epilog="""\b
Examples:
  nbcompile runs show last
  nbcompile runs show analysis.run --json"""
)
@_RUN
@_JSON
def show(run: str, *, as_json: bool) -> None:
    """Show the steps of a run and what became of them."""
    found = find_run(run)
    if as_json and (found.directory / "run.json").exists():
        click.echo((found.directory / "run.json").read_text("utf-8"), nl=False)
        return
    why = f"{found.state}: {found.reason}\n" if found.reason else ""
    click.echo(runs_json([found]) if as_json else f"{runs_table([found])}{why}\n{steps_table(found)}", nl=False)


@command.command(
    epilog="""\b
Examples:
  nbcompile runs logs last
  nbcompile runs logs last train-3fa9c2d1     one step, see `nbcompile runs show last`"""
)
@_RUN
@click.argument("step", default="")
def logs(run: str, step: str) -> None:
    """Print what the steps of a run said, or one of them."""
    for line in logs_of(find_run(run), step):
        click.echo(line)


@command.command(
    epilog="""\b
Example:
  nbcompile runs cancel last"""
)
@_RUN
def cancel(run: str) -> None:
    """End a run and everything it started, also one that was left to go on without a client."""
    found, left = api.cancel(run)
    for line in left:
        click.echo(line, err=True)
    if left:
        raise SystemExit(ExitCode.PLACE_FAILED)
    click.echo(f"{found.id} is cancelled; its results so far are in {found.directory}", err=True)


@command.command(
    epilog="""\b
Examples:
  nbcompile runs resume last
  nbcompile runs resume analysis.run -v
  nbcompile runs resume last --max-transfer 50GiB"""
)
@_RUN
@click.option("--max-transfer", type=Size(), default=None, help="Move at most so much between places, in all.  [default: as before]")
@click.option("--json", "as_json", is_flag=True, help="Write events as JSON lines to standard output.")
@click.option("-q", "--quiet", is_flag=True, help="Show findings and failures only.")
@click.option("-v", "--verbose", is_flag=True, help="Show what cells write, and how steps start.")
def resume(run: str, *, max_transfer: int | None, as_json: bool, quiet: bool, verbose: bool) -> None:
    """Go on with a run whose client went away, or that failed.

    Steps that have ended well are not run again; those that still run at their places are found again.
    """
    progress = follow(as_json=as_json, quiet=quiet, verbose=verbose)
    try:
        record = api.resume(run, on_event=progress, streams=verbose or as_json, max_transfer=max_transfer)
    finally:
        progress.close()
    conclude(record, as_json=as_json, quiet=quiet)


@command.command(
    name="open",
    epilog="""\b
Example:
  nbcompile runs open last train-3fa9c2d1""",
)
@_RUN
@click.argument("step")
def open_in_terminal(run: str, step: str) -> None:
    """Start IPython where a step ran: its inputs and channels are loaded, and its source is what is typed first."""
    from nbcompile.engines.local.opening import open_step

    raise SystemExit(open_step(find_run(run), step))


@command.command(
    epilog="""\b
Example:
  nbcompile runs why last train-3fa9c2d1"""
)
@_RUN
@click.argument("step")
def why(run: str, step: str) -> None:
    """Say why a step ran and was not found in the cache: which part of its key changed."""
    for line in why_run(find_run(run), step):
        click.echo(line)


@command.command(
    epilog="""\b
Examples:
  nbcompile runs gc
  nbcompile runs gc --max-size 2GiB --max-age 7d
  nbcompile runs gc --on hpc --max-age 7d"""
)
@click.option("--max-size", type=Size(), default="10GiB", show_default=True, help="Keep at most so much in the cache, what was used last.")
@click.option("--max-age", default="30d", show_default=True, help="Keep nothing that was not used for so long: 90m, 12h, 30d.")
@click.option(
    "--on", "names", metavar="DEPLOYMENT", multiple=True, help="By age also there, where results of runs are kept; may be repeated."
)
@deployments_option
def gc(max_size: int, max_age: str, names: tuple[str, ...]) -> None:
    """Free disk space: cached results by age and size, and what runs that ended long ago keep to be resumed or opened."""
    seconds = _seconds(max_age)
    freed = free(known_runs(), most_bytes=max_size, most_seconds=seconds)
    size = f"{(freed.cache_bytes + freed.run_bytes) / 2**20:.1f} MiB"
    click.echo(f"freed {size}; {freed.left_bytes / 2**20:.1f} MiB of results are kept in the cache", err=True)
    if freed.left_bytes > max_size:
        click.echo(f"  what was written less than {YOUNG_SECONDS / 60:.0f} minutes ago stays, since a run may still need it", err=True)
    for name in names:
        there = asyncio.run(api.free_deployment(name, seconds))
        click.echo(f"freed {there / 2**20:.1f} MiB at {name}", err=True)


def _seconds(text: str) -> float:
    found = re.fullmatch(r"(\d+(?:\.\d+)?)([smhd])", text)
    if not found:
        raise UsageError(f"`{text}` is no age", "write it as 90m, 12h or 30d")
    return float(found[1]) * {"s": 1, "m": 60, "h": 3600, "d": 86400}[found[2]]
