"""What commands that run a notebook show meanwhile, and how they end."""

from __future__ import annotations

import sys
from importlib.util import find_spec
from typing import NoReturn

import click

from nbcompile.model.errors import ExitCode
from nbcompile.model.run import Failure, RunRecord, RunState
from nbcompile.reporting.progress import JsonProgress, PlainProgress, Progress
from nbcompile.reporting.run_summary import summary
from nbcompile.rules.environment import TRANSFER_REFUSED

_SIGNAL_BASE = 128
_WORST_FIRST = (ExitCode.CELL_FAILED, ExitCode.FINDINGS, ExitCode.USAGE, ExitCode.PLACE_FAILED)


def conclude(record: RunRecord, *, as_json: bool, quiet: bool) -> NoReturn:
    """Say how the run ended, and end so."""
    if not as_json and not (quiet and record.state is RunState.FINISHED):
        click.echo(summary(record, colour=sys.stderr.isatty()), err=True, nl=False)
    raise SystemExit(exit_code(record))


def exit_code(record: RunRecord) -> int:
    """How the command ends."""
    if record.signal is not None:
        return _SIGNAL_BASE + record.signal
    found = {_exit_code_of(failure) for failure in record.failures}
    return next((code for code in _WORST_FIRST if code in found), ExitCode.OK)


def _exit_code_of(failure: Failure) -> ExitCode:
    if failure.lost:
        return ExitCode.PLACE_FAILED
    if failure.code == TRANSFER_REFUSED.code:
        return ExitCode.USAGE  # as where it is known before the run begins
    return ExitCode.FINDINGS if failure.code else ExitCode.CELL_FAILED


def follow(*, as_json: bool, quiet: bool, verbose: bool) -> Progress:
    """Whoever watches the run."""
    if as_json:
        return JsonProgress(sys.stdout)
    if sys.stderr.isatty() and not quiet and find_spec("rich"):
        from nbcompile.reporting.live_progress import LiveProgress

        return LiveProgress(sys.stderr, verbose=verbose)
    return PlainProgress(sys.stderr, verbose=verbose, quiet=quiet)
