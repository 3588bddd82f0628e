"""An error as a person reads it in a terminal."""

from __future__ import annotations

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
