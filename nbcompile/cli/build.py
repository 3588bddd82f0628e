"""`nbcompile build`."""

from __future__ import annotations

import shlex
from collections.abc import Iterator
from pathlib import Path

import click
from click.core import ParameterSource

from nbcompile import api
from nbcompile.cli.errors import tell_error
from nbcompile.cli.notebooks import find_notebooks
from nbcompile.cli.options import granularity_option, parameter_options
from nbcompile.model.errors import ExitCode, NbcompileError
from nbcompile.model.plan import Granularity
from nbcompile.model.settings import Settings


@click.command(
    name="build",
    epilog="""\b
Examples:
  nbcompile build analysis.ipynb
  cwltool build/analysis/workflow.cwl build/analysis/inputs.yml
  nbcompile build analysis.ipynb --target streamflow
  nbcompile build --check notebooks/       exit 1 where a committed bundle is stale""",
)
@click.argument("notebooks", nargs=-1, required=True, type=click.Path(path_type=Path), metavar="NOTEBOOK|DIR...")
@click.option(
    "-o", "--output", type=click.Path(path_type=Path), default=Path("build"), show_default=True, help="Bundles go to OUTPUT/NOTEBOOK/."
)
@click.option(
    "--target", type=click.Choice(["cwl", "streamflow"]), default="cwl", show_default=True, help="CWL alone, or with streamflow.yml."
)
@granularity_option
@click.option("--check", "only_check", is_flag=True, help="Write nothing; exit 1 when a bundle is missing or stale.")
@parameter_options
def command(
    notebooks: tuple[Path, ...],
    output: Path,
    target: str,
    granularity: str,
    *,
    values: dict[str, object],
    only_check: bool,
) -> None:
    """Compile notebooks to CWL v1.2 workflows.

    Each bundle holds workflow.cwl, its inputs, the steps and the step runtime: any CWL engine runs it and hands back the
    executed notebook. The lock NOTEBOOK.nbcompile.json is written beside the notebook, to be committed.
    """
    settings = Settings(granularity=Granularity(granularity))
    worst = ExitCode.OK
    for notebook in find_notebooks(notebooks):
        directory = output / _below(notebook)
        try:
            built = api.build(notebook, settings, parameters=values, target=target)
            if only_check:
                worst = max(worst, _report(notebook, directory, current=built.is_current(directory)))
                continue
            built.write(directory)
            built.write_lock()
        except NbcompileError as error:
            # One bad notebook must not keep the others from being built.
            tell_error(str(notebook), error)
            worst = max(worst, error.exit_code)
            continue
        steps = len(built.plan.steps)
        click.echo(f"{notebook} -> {directory}  ({steps} step{'' if steps == 1 else 's'})", err=True)
    raise SystemExit(worst)


def _below(notebook: Path) -> Path:
    """The bundle's place below the output directory: `A/eda.ipynb` goes to `A/eda`."""
    absolute, here = notebook.absolute(), Path.cwd()
    return (absolute.relative_to(here) if absolute.is_relative_to(here) else Path(notebook.name)).with_suffix("")


def _report(notebook: Path, directory: Path, *, current: bool) -> ExitCode:
    if current:
        return ExitCode.OK
    what = "is stale" if directory.exists() else "is missing"
    click.echo(f"{notebook}: {directory} {what}; run `{shlex.join(_without_check(notebook))}`", err=True)
    return ExitCode.FINDINGS


def _without_check(notebook: Path) -> Iterator[str]:
    """The command that was typed, for one notebook, and so that it writes the bundle."""
    yield from ("nbcompile", "build", str(notebook))
    context = click.get_current_context()
    for option in context.command.params:
        name = option.name or ""
        if name in ("notebooks", "only_check") or context.get_parameter_source(name) is not ParameterSource.COMMANDLINE:
            continue
        given = context.params[name]
        for value in given if option.multiple else (given,):
            yield from (option.opts[0], *map(str, value if option.nargs > 1 else (value,)))
