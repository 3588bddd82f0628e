"""Runs the cells of one step and writes their outputs."""

from __future__ import annotations

import json
import os
import sys
import types
from typing import Any, Dict, List

from .outputs import write_json
from .shell import Recorder, make_shell, run_cell

CELL_FAILED = 3
ENVIRONMENT_BROKEN = 9


def run_step(step_path: str, outputs_path: str) -> int:
    """Run the step described in `step_path`; the outputs are written whatever happens. Returns the exit code."""
    with open(step_path, encoding="utf-8") as file:
        step = json.load(file)
    namespace = types.ModuleType("__main__")
    sys.modules["__main__"] = namespace
    os.environ.setdefault("MPLBACKEND", "module://matplotlib_inline.backend_inline")
    recorder = Recorder()
    shell = make_shell(recorder, namespace)
    done: List[Dict[str, Any]] = []
    code = 0
    for cell in step["cells"]:
        outputs = run_cell(shell, recorder, cell["source"], cell["execution_count"])
        done.append({"index": cell["index"], "id": cell["id"], "execution_count": cell["execution_count"], "outputs": outputs.items})
        failure = next((item for item in outputs.items if item["output_type"] == "error"), None)
        if failure is not None:
            sys.stderr.write("\n".join(failure["traceback"]) + "\n")
            code = CELL_FAILED
            break
    write_json(outputs_path, {"schema": "nbcompile/outputs/1", "step": step["step"], "cells": done})
    return code
