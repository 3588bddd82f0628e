"""`nbcompile deployment`."""

from __future__ import annotations

import asyncio
import sys
from pathlib import Path
from typing import Any

import click

from nbcompile import api
from nbcompile.cli.dialogue import Dialogue, Wishes
from nbcompile.model.checkup import Checkup
from nbcompile.model.errors import ExitCode
from nbcompile.reporting.checkup import checkup_text

_FILE = click.option(
    "--deployments", "file", type=click.Path(path_type=Path), help="The file.  [default: ~/.config/nbcompile/deployments.yml]"
)


@click.group(
    name="deployment",
    epilog="""\b
Examples:
  nbcompile deployment add hpc --ssh login.example.org --slurm
  nbcompile deployment list""",
)
def command() -> None:
    """Describe the places that steps can run at."""


@command.command(
    epilog="""\b
Examples:
  nbcompile deployment add lab --ssh lab.example.org
  nbcompile deployment add hpc --ssh login.hpc.example --slurm
  nbcompile deployment add hpc --ssh login --slurm --key ~/.ssh/hpc --account gen01 --partition cpu --yes"""
)
@click.argument("name")
@click.option("--ssh", "host", metavar="HOST", default="", help="`host`, `user@host:port`, or a name from ~/.ssh/config.")
@click.option("--slurm", is_flag=True, help="Jobs go to the Slurm of that host; without --ssh, of this machine.")
@click.option("--via", metavar="DEPLOYMENT", default="", help="Reach the host through another deployment.")
@click.option("--key", metavar="FILE", default="", help="Log in with this private key.")
@click.option("--agent-key", metavar="FINGERPRINT", default="", help="Log in with this key of the ssh-agent.")
@click.option("--agent-ca", metavar="FINGERPRINT", default="", help="Log in with a certificate of this authority in the ssh-agent.")
@click.option("--principal", default="", help="Whom that certificate must be for.  [default: the user]")
@click.option("--interactive", is_flag=True, help="Log in with answers to what the host asks, and no key.")
@click.option("--fingerprint", default="", help="Believe a host with this host key.")
@click.option("--work-root", metavar="PATH", default="", help="Where runs keep their files there.  [default: ~/.nbcompile]")
@click.option("--account", default="", help="The account that Slurm charges.")
@click.option("--partition", default="", help="The partition that jobs wait in.")
@click.option("--qos", default="", help="The quality of service.")
@click.option("--module", "modules", multiple=True, help="Load this module before each step; may be given again.")
@click.option("--modules-init", metavar="FILE", default="", help="The file that brings `module` there.")
@click.option("--prefix", metavar="PATH", default="", help="Run steps in this venv or conda environment there.")
@click.option("--slurm-conf", metavar="FILE", default="", help="The slurm.conf there, where it is not the usual one.")
@click.option("-y", "--yes", is_flag=True, help="Take what is suggested; ask for passphrases and codes only.")
@_FILE
def add(name: str, *, file: Path | None, yes: bool, **words: Any) -> None:  # noqa: ANN401 - one option for each wish
    """Describe a place, log in, ask what it has, and check it.

    What no option says is suggested from ~/.ssh/config and the ssh-agent, and asked for on a terminal. The host key is shown, and
    pinned once you believe it. The file holds where keys are, and no key.
    """
    file = file or api.personal_file()
    dialogue = Dialogue(name, Wishes(**words), asks=not yes and sys.stdin.isatty())
    draft = dialogue.describe(api.personal_settings(file))
    checkup = asyncio.run(api.add_deployment(draft, name, file=file, believe=dialogue.believe, choose=dialogue.choose))
    click.echo(f"{name} is in {file}", err=True)
    _end(checkup)


@command.command(
    name="list",
    epilog="""\b
Example:
  nbcompile deployment list""",
)
@_FILE
def list_deployments(file: Path | None) -> None:
    """List deployments: what they are, and how they are reached."""
    deployments = api.personal_settings(file or api.personal_file()).deployments
    if not deployments:
        click.echo("there are no deployments yet; `nbcompile deployment add NAME --ssh HOST` describes one", err=True)
    width = max(map(len, deployments), default=0)
    for name, one in deployments.items():
        way = f", through {one.via}" if one.via else ""
        hosts = one.settings.get("hosts")
        where = str(one.settings.get("host", "")) or (", ".join(map(str, hosts)) if isinstance(hosts, list) else "")
        click.echo(f"{name:{width}}  {one.backend}{f', {where}' if where else ''}{way}")


@command.command(
    epilog="""\b
Example:
  nbcompile deployment remove hpc"""
)
@click.argument("name")
@_FILE
def remove(name: str, file: Path | None) -> None:
    """Forget a deployment. What lies at the place stays there."""
    file = file or api.personal_file()
    api.remove_deployment(name, file)
    click.echo(f"{name} is no longer in {file}", err=True)


def _end(checkup: Checkup) -> None:
    click.echo(checkup_text(checkup), nl=False)
    raise SystemExit(ExitCode.OK if checkup.ok else ExitCode.PLACE_FAILED)
