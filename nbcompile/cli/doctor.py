"""`nbcompile doctor`."""

from __future__ import annotations

import asyncio

import click

from nbcompile import api
from nbcompile.cli.options import deployments_option
from nbcompile.model.errors import ExitCode
from nbcompile.reporting.checkup import checkup_json, checkup_text


@click.command(name="doctor", epilog="Example: nbcompile doctor hpc")
@click.argument("deployment", default="")
@deployments_option
@click.option("--json", "as_json", is_flag=True, help="Print JSON, with the distributions and programs of each environment.")
def command(deployment: str, *, as_json: bool) -> None:
    """Say what works and what does not: of DEPLOYMENT, or of this machine.

    Whether it can be reached, whether you may use it, which Python, distributions and programs its environments have, and which
    limits only this client holds to. Exit code 5 tells that there is a problem.
    """
    checkup = asyncio.run(api.check_deployment(deployment)) if deployment else api.check_machine()
    click.echo(checkup_json(checkup) if as_json else checkup_text(checkup), nl=False)
    raise SystemExit(ExitCode.OK if checkup.ok else ExitCode.PLACE_FAILED)
