"""`nbcompile inspect`."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import click

from nbcompile import api
from nbcompile.cli.options import granularity_option
from nbcompile.model import text
from nbcompile.model.errors import UsageError
from nbcompile.model.plan import Granularity
from nbcompile.model.settings import Settings
from nbcompile.reporting import stages

_STAGES = ("notebook", "facts", "graph", "plan", "bundle")
_PICTURES = ("mermaid", "svg", "html")


@click.command(
    name="inspect",
    epilog="""\b
Examples:
  nbcompile inspect analysis.ipynb                                    the graph as text
  nbcompile inspect analysis.ipynb --stage facts                      what each cell does
  nbcompile inspect analysis.ipynb --stage plan --format html > plan.html
  nbcompile inspect analysis.ipynb --format json | jq '.edges[]'""",
)
@click.argument("notebook", type=click.Path(path_type=Path))
@click.option("--stage", type=click.Choice(_STAGES), default="graph", show_default=True)
@click.option(
    "--format",
    "output_format",
    type=click.Choice(["text", "json", *_PICTURES]),
    default="text",
    show_default=True,
    help="Pictures show graph and plan.",
)
@granularity_option
def command(notebook: Path, stage: str, output_format: str, granularity: str) -> None:
    """Print one stage of the compilation.

    Errors of the notebook are told after it, with exit code 1.
    """
    settings = Settings(granularity=Granularity(granularity))
    program = api.analyze(notebook)
    if not program.notebook.cells:
        # There is nothing to print of what is no notebook.
        api.expect_sound(program)
    if output_format in _PICTURES:
        click.echo(_picture(program, stage, output_format, settings), nl=False)
    else:
        click.echo(_print(program, notebook, stage, settings, as_json=output_format == "json"), nl=False)
    api.expect_sound(program)


def _print(program: api.Program, notebook: Path, stage: str, settings: Settings, *, as_json: bool) -> str:
    printers: dict[str, Callable[[], str]] = {
        "notebook": lambda: (stages.notebook_json if as_json else text.notebook_text)(program.notebook),
        "facts": lambda: (stages.facts_json if as_json else text.facts_text)(program.facts),
        "graph": lambda: (stages.graph_json if as_json else text.graph_text)(program.graph),
        "plan": lambda: (stages.plan_json if as_json else text.plan_text)(api.plan(program, settings)),
        "bundle": lambda: (stages.bundle_json if as_json else text.bundle_text)(api.build(notebook, settings).bundle),
    }
    return printers[stage]()


def _picture(program: api.Program, stage: str, output_format: str, settings: Settings) -> str:
    from nbcompile.reporting import picture

    if stage not in ("graph", "plan"):
        raise UsageError(f"the stage {stage} has no picture", "use --stage graph or --stage plan, or --format text or json")
    drawing = (
        picture.draw_graph(program.graph, program.notebook)
        if stage == "graph"
        else picture.draw_plan(api.plan(program, settings), program.notebook)
    )
    return {"mermaid": picture.mermaid, "svg": picture.svg, "html": picture.html}[output_format](drawing)
