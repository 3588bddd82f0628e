"""`nbcompile explain`."""

from __future__ import annotations

from pathlib import Path

import click

from nbcompile import api
from nbcompile.model.errors import UsageError
from nbcompile.model.notebook import Notebook
from nbcompile.reporting.explanation import explain_cell, explain_rule, explain_scatters
from nbcompile.rules import find_rule


@click.command(
    name="explain",
    epilog="""\b
Examples:
  nbcompile explain NB104                 what a code means
  nbcompile explain analysis.ipynb 7      what ties a cell to others
  nbcompile explain analysis.ipynb 7 df   why it needs this name""",
)
@click.argument("subject", metavar="CODE|NOTEBOOK")
@click.argument("cell", required=False)
@click.argument("name", required=False, default="")
def command(subject: str, cell: str | None, name: str) -> None:
    """Say what a code means, or why a cell needs others.

    CELL is a code cell's number, counted from 0, or its id.
    """
    rule = find_rule(subject) if cell is None else None
    if rule is not None:
        click.echo(explain_rule(rule), nl=False)
        return
    if cell is None:
        raise UsageError(f"there is no code `{subject}`", "name a code such as NB104, or a notebook and one of its cells")
    program = api.analyze(Path(subject))
    if not program.notebook.code_cells:
        api.expect_sound(program)
        raise UsageError(f"{subject} has no code cell", "name a notebook with the cell that is to be explained")
    index = _index(program.notebook, cell)
    click.echo(explain_cell(program.notebook, program.facts, program.graph, index, name), nl=False)
    if not name:
        click.echo(explain_scatters(program.notebook, index, api.propose_scatters(program, index)), nl=False)
    api.expect_sound(program)


def _index(notebook: Notebook, cell: str) -> int:
    for code in notebook.code_cells:
        if cell == code.id or (cell.isdigit() and int(cell) == code.index):
            return code.index
    raise UsageError(f"there is no code cell `{cell}`", f"its code cells are 0 to {len(notebook.code_cells) - 1}")
