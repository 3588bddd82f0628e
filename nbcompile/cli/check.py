"""`nbcompile check`."""

from __future__ import annotations

from pathlib import Path

import click

from nbcompile import api
from nbcompile.cli.notebooks import find_notebooks
from nbcompile.model.diagnostic import Severity
from nbcompile.model.errors import ExitCode
from nbcompile.reporting.findings import FORMATS


@click.command(
    name="check",
    epilog="""\b
Examples:
  nbcompile check analysis.ipynb
  nbcompile check --format concise --fail-on warning notebooks/
  nbcompile check --format github notebooks/       annotations in a CI run""",
)
@click.argument("notebooks", nargs=-1, required=True, type=click.Path(path_type=Path), metavar="NOTEBOOK|DIR...")
@click.option("--format", "output_format", type=click.Choice(list(FORMATS)), default="full", show_default=True)
@click.option(
    "--fail-on", type=click.Choice([s.value for s in Severity]), default="error", show_default=True, help="Exit with 1 from here on."
)
def command(notebooks: tuple[Path, ...], output_format: str, fail_on: str) -> None:
    """Report what is wrong with notebooks, without running them.

    A lock beside a notebook (NOTEBOOK.nbcompile.json) is compared, too: a stale one is an error.
    """
    programs = [api.check(notebook) for notebook in find_notebooks(notebooks)]
    found = [one for program in programs for one in program.diagnostics]
    click.echo(FORMATS[output_format](found), nl=False)
    if any(program.denied for program in programs):
        raise SystemExit(ExitCode.DENIED)
    if any(one.rule.severity.rank <= Severity(fail_on).rank for one in found):
        raise SystemExit(ExitCode.FINDINGS)
