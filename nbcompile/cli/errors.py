"""An error as a person reads it in a terminal."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

import click

if TYPE_CHECKING:
    from nbcompile.model.errors import NbcompileError


def tell_error(who: str, error: NbcompileError) -> None:
    """What went wrong, where, and what to do next, on the standard error output."""
    if error.findings:
        from nbcompile.reporting.findings.people import finding_text

        click.echo("\n".join(map(finding_text, error.findings)), err=True)
    click.echo(f"{who}: {error.message}", err=True)
    if error.advice:
        click.echo(f"  {error.advice}", err=True)


def tell_bug(error: Exception) -> None:
    """That it is our fault, and which file to report."""
    from nbcompile.cli.crash import write_crash

    path = write_crash(error, sys.argv[1:])
    click.echo(f"nbcompile: a bug in nbcompile: {type(error).__name__}", err=True)
    click.echo(f"  what is needed to see it again, without values and outputs, is in {path}: please report it with that file", err=True)
