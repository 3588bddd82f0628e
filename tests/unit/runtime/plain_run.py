"""A catalogue of cells, run by a kernel through nbclient and by the step runtime."""

import contextlib
import json
import re
import subprocess
import sys
from pathlib import Path
from typing import NamedTuple

import nbformat
from nbclient.exceptions import CellExecutionError

from nbcompile.emitters.join import join_runtime
from tests.plain_kernel import PlainClient, kernel_environment

CATALOGUE = Path(__file__).parent / "catalogue"


class Case(NamedTuple):
    name: str
    source: str
    tags: tuple[str, ...]


def read_catalogue(path):
    """The cells of one file: `# %% name`, perhaps `# tags: ...`, then the source."""
    cases = []
    for block in re.split(r"(?m)^# %% ", path.read_text("utf-8"))[1:]:
        name, _, source = block.partition("\n")
        tags = ()
        if source.startswith("# tags: "):
            line, _, source = source.partition("\n")
            tags = tuple(line.removeprefix("# tags: ").split())
        cases.append(Case(name, source.rstrip("\n"), tags))
    return cases


def as_notebook(cases):
    notebook = nbformat.v4.new_notebook(metadata={"kernelspec": {"name": "python3", "display_name": "Python 3"}})
    notebook.cells = [
        nbformat.v4.new_code_cell(case.source, id=f"c{number}", metadata={"tags": list(case.tags)}) for number, case in enumerate(cases)
    ]
    return notebook


def run_plain(cases, directory):
    """Cells and outputs as nbclient leaves them; stops at a cell that fails."""
    directory.mkdir(parents=True, exist_ok=True)
    notebook = as_notebook(cases)
    client = PlainClient(notebook, kernel_name="python3", resources={"metadata": {"path": str(directory)}})
    with contextlib.suppress(CellExecutionError):
        client.execute(env=kernel_environment())
    return json.loads(nbformat.writes(notebook))


def step_document(cases, step="step"):
    cells, count = [], 0
    for number, case in enumerate(cases):
        runs = bool(case.source.strip()) and "skip-execution" not in case.tags
        count += runs
        cells.append(
            {
                "index": number,
                "id": f"c{number}",
                "execution_count": count if runs else None,
                "source": case.source,
                "tags": list(case.tags),
            }
        )
    return {"schema": "nbcompile/step/1", "notebook": "catalogue", "step": step, "names": [], "cells": cells}


def run_step(document, directory, *arguments, python=sys.executable, flags=(), timeout=300):
    """Run one step with the joined runtime; returns the finished process and the outputs document."""
    directory.mkdir(parents=True, exist_ok=True)
    runtime = directory / "nbcompile_runtime.py"
    runtime.write_text(join_runtime(), "utf-8")
    step = directory / f"{document['step']}.json"
    step.write_text(json.dumps(document), "utf-8")
    outputs = directory / f"{document['step']}.outputs.json"
    command = [python, *flags, "nbcompile_runtime.py", "step", step.name, outputs.name, *arguments]
    # Named, because readline, where pytest has loaded it, sets variables behind Python's back.
    environment = kernel_environment()
    done = subprocess.run(command, cwd=directory, env=environment, capture_output=True, text=True, timeout=timeout, check=False)
    return done, json.loads(outputs.read_text("utf-8")) if outputs.exists() else None


def executed(cases, directory):
    """What `collect` makes of a step that was run in `directory`."""
    template = directory / "template.ipynb"
    nbformat.write(as_notebook(cases), template)
    command = [sys.executable, "nbcompile_runtime.py", "collect", "template.ipynb", "executed.ipynb", "--outputs", "step.outputs.json"]
    subprocess.run(command, cwd=directory, check=True)
    return json.loads((directory / "executed.ipynb").read_text("utf-8"))
