"""`nbcompile verify`."""

from __future__ import annotations

import sys
from pathlib import Path

import click

from nbcompile import api
from nbcompile.model.errors import ExitCode
from nbcompile.model.run import Notice, RunEvent
from nbcompile.model.settings import Settings
from nbcompile.model.verification import Exactness, Verdict, Verification
from nbcompile.reporting.progress import PlainProgress


@click.command(
    name="verify",
    epilog="""\b
Examples:
  nbcompile verify analysis.ipynb
  nbcompile verify analysis.ipynb --format html > side-by-side.html""",
)
@click.argument("notebook", type=click.Path(path_type=Path))
@click.option(
    "--compare",
    "exactness",
    type=click.Choice([e.value for e in Exactness]),
    default=Exactness.EXACT.value,
    show_default=True,
    help="Bit by bit, or within what another machine may differ by.",
)
@click.option("--format", "output_format", type=click.Choice(["text", "json", "html"]), default="text", show_default=True)
@click.option("--record", is_flag=True, help="Keep what the plain run gives in NOTEBOOK.verify.json, for later runs to be compared with.")
@click.option("--accept", is_flag=True, help="The same, in place of what is kept.")
@click.option("-j", "--jobs", type=click.IntRange(min=1), default=None, help="Steps at a time.  [default: the cores available]")
@click.option("--python", default="", help="Runs the cells: a path, an environment, a version.  [default: the notebook's kernel]")
@click.option("-v", "--verbose", is_flag=True, help="Show what runs.")
def command(
    notebook: Path,
    exactness: str,
    output_format: str,
    jobs: int | None,
    python: str,
    *,
    record: bool,
    accept: bool,
    verbose: bool,
) -> None:
    """Run a notebook plainly and compiled, and compare everything.

    The plain run is that of a kernel, in a copy of the notebook's directory; the compiled ones are at cell granularity and as `run` would.
    Compared are outputs, final variables and files. Where something differs, a second plain run tells what the notebook itself
    does differently each time. Exit code 1 tells of a difference, 3 of equal runs that end in a failed cell.
    """
    progress = PlainProgress(sys.stderr, verbose=verbose, quiet=not verbose)

    def tell(event: RunEvent) -> None:
        # What it will take is said to whoever waits, and nothing else that is not asked for.
        if isinstance(event, Notice) and not (verbose or event.detail):
            click.echo(event.text, err=True)
        progress(event)

    try:
        settings = Settings(python=python, jobs=jobs or 0)
        found = api.verify(notebook, settings, exactness=Exactness(exactness), record=record, accept=accept, on_event=tell)
    finally:
        progress.close()
    click.echo(_shown(found, output_format), nl=False)
    raise SystemExit(exit_code(found))


def exit_code(found: Verification) -> int:
    """How the command ends."""
    if found.verdict is Verdict.DIFFERENT:
        return ExitCode.FINDINGS
    return ExitCode.CELL_FAILED if found.failed >= 0 else ExitCode.OK


def _shown(found: Verification, output_format: str) -> str:
    from nbcompile.reporting import verification

    if output_format == "html":
        from nbcompile.reporting.verification_page import verification_html

        return verification_html(found)
    return {"text": verification.verification_text, "json": verification.verification_json}[output_format](found)
