"""The command line: flags to settings, results to exit codes, nothing else."""

from __future__ import annotations

import signal
from importlib import import_module
from types import FrameType
from typing import NoReturn

import click

from nbcompile.cli.errors import tell_bug, tell_error
from nbcompile.model.errors import ExitCode, NbcompileError

_COMMANDS = {
    "build": "Compile notebooks to a workflow that any CWL engine runs.",
    "check": "Say what keeps a notebook from being reproducible or parallel.",
    "deployment": "Describe the places that steps can run at.",
    "doctor": "Say what works here, or at a deployment, and what does not.",
    "explain": "Say what a code means, or why a cell needs others.",
    "inspect": "Print any stage of the compilation.",
    "profile": "Run a notebook, and note what each cell takes and does.",
    "run": "Run a notebook, its independent cells side by side.",
    "runs": "List, follow and end runs.",
    "verify": "Run a notebook plainly and compiled, and compare.",
}


# Whether there is a run already is not known to whoever is stopped.
_AGAIN = "  start it again; a run that had begun goes on by `nbcompile runs resume last`"
_ANSWER = "  type it at a terminal, or give the answers as options, which `--help` lists"


class _LazyGroup(click.Group):
    """Loads a command's module when it is named, so that `--help` and each command load only what they need."""

    def list_commands(self, ctx: click.Context) -> list[str]:  # noqa: ARG002 - click's signature
        return list(_COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:  # noqa: ARG002
        if cmd_name not in _COMMANDS:
            return None
        command: click.Command = import_module(f"nbcompile.cli.{cmd_name}").command
        return command

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:  # noqa: ARG002
        with formatter.section("Commands"):
            formatter.write_dl(list(_COMMANDS.items()))


@click.command(cls=_LazyGroup, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(package_name="nbcompile")
def cli() -> None:
    """Notebook in, distributed workflow out, same results."""


class _Terminated(BaseException):
    """SIGTERM came while no command saw to it by itself."""


def main() -> None:
    """Run the command line and exit."""
    signal.signal(signal.SIGTERM, _terminate)
    try:
        ended = cli.main(prog_name="nbcompile", standalone_mode=False)
    except click.ClickException as error:
        error.show()
        raise SystemExit(error.exit_code) from None
    except click.Abort as stopped:
        # By Ctrl-C, at any moment before or after a command sees to it by itself; or a question that nobody can answer.
        # A prompt that is left by Ctrl-C or by the end of the input hides which of them it was.
        by_hand = isinstance(stopped.__cause__ or stopped.__context__, KeyboardInterrupt)
        click.echo(f"nbcompile: interrupted\n{_AGAIN}" if by_hand else f"nbcompile: nobody is there to answer\n{_ANSWER}", err=True)
        raise SystemExit(int(ExitCode.INTERRUPTED if by_hand else ExitCode.USAGE)) from None
    except _Terminated:
        click.echo(f"nbcompile: terminated\n{_AGAIN}", err=True)
        raise SystemExit(int(ExitCode.TERMINATED)) from None
    except NbcompileError as error:
        tell_error("nbcompile", error)
        raise SystemExit(int(error.exit_code)) from None
    except Exception as error:  # noqa: BLE001 - whatever comes here is a bug of ours, and is told as one
        tell_bug(error)
        raise SystemExit(int(ExitCode.BUG)) from None
    raise SystemExit(ended if isinstance(ended, int) else int(ExitCode.OK))


def _terminate(number: int, frame: FrameType | None) -> NoReturn:  # noqa: ARG001 - what `signal` calls
    """End as Ctrl-C does: what was begun is ended on the way out. It comes once: a second one waits for nothing."""
    signal.signal(signal.SIGTERM, signal.SIG_DFL)
    raise _Terminated
