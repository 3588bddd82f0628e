"""`nbcompile inspect`."""

from __future__ import annotations

from pathlib import Path

import click

from nbcompile import api
from nbcompile.model import text
from nbcompile.model.plan import Granularity
from nbcompile.model.settings import Settings


@click.command(name="inspect", epilog="Example: nbcompile inspect analysis.ipynb --stage graph")
@click.argument("notebook", type=click.Path(path_type=Path))
@click.option("--stage", type=click.Choice(["notebook", "facts", "graph", "plan", "bundle"]), default="graph", show_default=True)
@click.option(
    "--granularity", type=click.Choice([g.value for g in Granularity]), default="auto", show_default=True, help="How finely to cut."
)
def command(notebook: Path, stage: str, granularity: str) -> None:
    """Print one stage of the compilation."""
    program, settings = api.analyze(notebook), Settings(granularity=Granularity(granularity))
    printers = {
        "notebook": lambda: text.notebook_text(program.notebook),
        "facts": lambda: text.facts_text(program.facts),
        "graph": lambda: text.graph_text(program.graph),
        "plan": lambda: text.plan_text(api.plan(program, settings)),
        "bundle": lambda: text.bundle_text(api.build(notebook, settings)),
    }
    click.echo(printers[stage](), nl=False)
