"""`nbcompile build`."""

from __future__ import annotations

from pathlib import Path

import click

from nbcompile import api
from nbcompile.model.plan import Granularity
from nbcompile.model.settings import Settings


@click.command(name="build", epilog="Example: nbcompile build analysis.ipynb -o build && cwltool build/analysis/workflow.cwl")
@click.argument("notebooks", nargs=-1, required=True, type=click.Path(path_type=Path), metavar="NOTEBOOK...")
@click.option("-o", "--output", type=click.Path(path_type=Path), default=Path("build"), show_default=True, help="Where the bundles go.")
@click.option(
    "--granularity", type=click.Choice([g.value for g in Granularity]), default="auto", show_default=True, help="How finely to cut."
)
def command(notebooks: tuple[Path, ...], output: Path, granularity: str) -> None:
    """Compile notebooks to CWL v1.2 workflows."""
    settings = Settings(granularity=Granularity(granularity))
    for notebook in notebooks:
        directory = output / notebook.stem
        api.write_bundle(api.build(notebook, settings), directory)
        click.echo(f"{notebook} -> {directory}", err=True)
