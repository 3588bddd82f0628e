"""What commands that run a notebook show meanwhile, and how they end."""

from __future__ import annotations

import sys
from importlib.util import find_spec
from typing import NoReturn

import click

from nbcompile.model.errors import ExitCode
from nbcompile.model.run import RunRecord, RunState
from nbcompile.reporting.progress import JsonProgress, PlainProgress, Progress
from nbcompile.reporting.run_summary import summary

_SIGNAL_BASE = 128


def conclude(record: RunRecord, *, as_json: bool, quiet: bool) -> NoReturn:
    """Say how the run ended, and end so."""
    if not as_json and not (quiet and record.state is RunState.FINISHED):
        click.echo(summary(record, colour=sys.stderr.isatty()), err=True, nl=False)
    raise SystemExit(exit_code(record))


def exit_code(record: RunRecord) -> int:
    """How the command ends."""
    if record.signal is not None:
        return _SIGNAL_BASE + record.signal
    if any(not failure.lost and failure.name != "GuardBroken" for failure in record.failures):
        return ExitCode.CELL_FAILED
    if any(not failure.lost for failure in record.failures):
        return ExitCode.FINDINGS
    return ExitCode.PLACE_FAILED if record.failures else ExitCode.OK


def follow(*, as_json: bool, quiet: bool, verbose: bool) -> Progress:
    """Whoever watches the run."""
    if as_json:
        return JsonProgress(sys.stdout)
    if sys.stderr.isatty() and not quiet and find_spec("rich"):
        from nbcompile.reporting.live_progress import LiveProgress

        return LiveProgress(sys.stderr, verbose=verbose)
    return PlainProgress(sys.stderr, verbose=verbose, quiet=quiet)
