"""Puts the outputs of all steps into the notebook: the executed notebook."""

from __future__ import annotations

import os
from typing import Any, Dict, List, NamedTuple, Optional, Sequence, Tuple

from .files import deliver
from .journal import read_json

_SPLIT_MIMES = ("application/javascript", "image/svg+xml")


class CollectCall(NamedTuple):
    """What the executed notebook is made from, and where it goes."""

    template: str
    executed: str
    outputs: Tuple[str, ...]
    files: Tuple[str, ...] = ()
    into: Optional[str] = None


def collect(call: CollectCall) -> int:
    """Write the executed notebook from its template and the outputs files of the steps. Returns the exit code."""
    notebook = read_json(call.template)
    found: Dict[str, Dict[str, Any]] = {}
    for path in call.outputs:
        for cell in read_json(path)["cells"]:
            found[cell["id"]] = cell
    code = [cell for cell in notebook["cells"] if cell["cell_type"] == "code"]
    _apply_updates([found[cell["id"]] for cell in code if cell["id"] in found])
    for cell in code:
        if cell["id"] in found:
            cell["execution_count"] = found[cell["id"]]["execution_count"]
            cell["outputs"] = [_plain(output) for output in found[cell["id"]]["outputs"]]
    write_notebook(call.executed, notebook)
    if call.into is not None:
        os.makedirs(call.into, exist_ok=True)
        deliver(call.files, call.into)
    return 0


def _apply_updates(cells: List[Dict[str, Any]]) -> None:
    """Show under each display id what was shown or updated last, in notebook order, as a front end would."""
    shown: Dict[str, List[Dict[str, Any]]] = {}
    for cell in cells:
        for output in cell["outputs"]:
            display_id = output.get("transient", {}).get("display_id")
            if display_id:
                _replace(shown.get(display_id, ()), output)
                shown.setdefault(display_id, []).append(output)
        for update in cell.get("updates", ()):
            _replace(shown.get(update["display_id"], ()), update)


def _replace(outputs: Sequence[Dict[str, Any]], changed: Dict[str, Any]) -> None:
    for output in outputs:
        output["data"], output["metadata"] = changed["data"], changed["metadata"]


def _plain(output: Dict[str, Any]) -> Dict[str, Any]:
    return {key: value for key, value in output.items() if key != "transient"}


def write_notebook(path: str, notebook: Dict[str, Any]) -> None:
    """Write a notebook as nbformat does: text as lists of lines, keys sorted."""
    import json

    for cell in notebook["cells"]:
        cell["source"] = _lines(cell["source"])
        for output in cell.get("outputs", ()):
            if output["output_type"] == "stream":
                output["text"] = _lines(output["text"])
            for mime, value in output.get("data", {}).items():
                if mime.startswith("text/") or mime in _SPLIT_MIMES:
                    output["data"][mime] = _lines(value)
    temporary = path + ".part"
    with open(temporary, "w", encoding="utf-8", errors="surrogatepass") as file:
        json.dump(notebook, file, ensure_ascii=False, indent=1, sort_keys=True)
        file.write("\n")
    os.replace(temporary, path)


def _lines(text: Any) -> List[str]:
    return text.splitlines(True) if isinstance(text, str) else text
