"""`nbcompile profile`."""

from __future__ import annotations

import sys
from pathlib import Path

import click

from nbcompile import api
from nbcompile.model.settings import Settings
from nbcompile.reporting.profile import profile_text
from nbcompile.reporting.progress import PlainProgress


@click.command(name="profile", epilog="Example: nbcompile profile analysis.ipynb && nbcompile run analysis.ipynb")
@click.argument("notebook", type=click.Path(path_type=Path))
@click.option("--python", default="", help="Runs the cells: a path, an environment, a version.  [default: the notebook's kernel]")
@click.option("--once", is_flag=True, help="Do not run it again to see what analysis does not foresee.")
@click.option("-v", "--verbose", is_flag=True, help="Show what runs.")
def command(notebook: Path, python: str, *, once: bool, verbose: bool) -> None:
    """Run a notebook, and note what each cell takes and does.

    Writes NOTEBOOK.profile.json beside the notebook: times, memory, names read, objects changed, sizes and types of values, and files.
    A second run, with a step for every cell, shows what analysis does not foresee. Plans are then made from what was measured and seen,
    as long as the cells stay as they are, so that a CWL runner finds nothing that it would have to repair.
    """
    progress = PlainProgress(sys.stderr, verbose=verbose, quiet=not verbose)
    try:
        made = api.profile(notebook, Settings(python=python), once=once, on_event=progress)
    finally:
        progress.close()
    click.echo(profile_text(made), nl=False)
    click.echo(f"written to {api.write_profile(made, notebook)}", err=True)
