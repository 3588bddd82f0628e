"""Puts the outputs of all steps into the notebook: the executed notebook."""

from __future__ import annotations

import json
from typing import Any, Dict, List

from .outputs import write_json


def collect(template_path: str, executed_path: str, outputs_paths: List[str]) -> int:
    """Write the executed notebook from its template and the outputs files of the steps. Returns the exit code."""
    with open(template_path, encoding="utf-8") as file:
        notebook = json.load(file)
    found: Dict[str, Dict[str, Any]] = {}
    for path in outputs_paths:
        with open(path, encoding="utf-8") as file:
            for cell in json.load(file)["cells"]:
                found[cell["id"]] = cell
    for cell in notebook["cells"]:
        if cell["cell_type"] == "code" and cell["id"] in found:
            cell["execution_count"] = found[cell["id"]]["execution_count"]
            cell["outputs"] = [{key: value for key, value in item.items() if key != "transient"} for item in found[cell["id"]]["outputs"]]
    write_json(executed_path, notebook)
    return 0
