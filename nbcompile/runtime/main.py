"""The command line of the step runtime: `step` runs one step, `collect` makes the executed notebook."""

from __future__ import annotations

import argparse
import sys
from typing import List

from .collect import collect
from .step import run_step
from .zygote import serve, work_alone


def main(argv: List[str]) -> int:
    """Run one command; returns the exit code."""
    parser = argparse.ArgumentParser(prog="nbcompile_runtime", description="Runs the steps of a compiled notebook.")
    commands = parser.add_subparsers(dest="command", required=True)
    step = commands.add_parser("step", help="run the cells of one step")
    step.add_argument("step", metavar="STEP.json")
    step.add_argument("outputs", metavar="OUTPUTS.json", help="where to write what the cells showed")
    gather = commands.add_parser("collect", help="put the outputs of all steps into the notebook")
    gather.add_argument("template", metavar="NOTEBOOK.ipynb")
    gather.add_argument("executed", metavar="EXECUTED.ipynb", help="where to write the executed notebook")
    gather.add_argument("outputs", nargs="*", metavar="OUTPUTS.json")
    for name, does in (("serve", "start the steps of a run (the local engine's warm parent)"), ("work", "run the steps of a run")):
        command = commands.add_parser(name, help=does)
        command.add_argument("descriptor", type=int, metavar="SOCKET")
    given = parser.parse_args(argv)
    if given.command == "serve":
        return serve(given.descriptor, main)
    if given.command == "work":
        work_alone(given.descriptor, main)
    if given.command == "step":
        return run_step(given.step, given.outputs)
    return collect(given.template, given.executed, given.outputs)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
