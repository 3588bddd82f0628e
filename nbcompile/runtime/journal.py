"""The journal of a step: one JSON line for everything that happened, in the order in which it happened.

It is written as it happens, so that a process that dies leaves what it had shown, and so that an engine can follow
a running cell. OUTPUTS.json is made from it (`report`), by the step itself or by whoever waited for it.
"""

from __future__ import annotations

import math
import numbers
import os
import re
from binascii import b2a_base64
from collections.abc import Iterable, Mapping
from datetime import date, datetime
from typing import Any, Dict, List, Optional

from .own import json_dumps, json_load, json_loads

# Text is cut into pieces of this many characters, so that neither side ever holds a flood of output in memory.
PIECE = 1 << 16


class Journal:
    """Appends events to a file, and to descriptors that somebody follows."""

    def __init__(self, path: str, followers: Iterable[int] = ()) -> None:
        self.path = path
        self._file = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC, 0o600)
        # Standard output may be one of them, and is soon replaced by what takes the cells' text.
        self._followers = [os.dup(follower) for follower in followers]

    def write(self, event: str, **facts: Any) -> None:
        """Append one event. The facts keep their order: `text` is last, so that `report` finds it without parsing."""
        line = (to_json({"event": event, **facts}) + "\n").encode("ascii")
        _write_all(self._file, line)
        self._followers = [follower for follower in self._followers if _still_read(follower, line)]

    def stream(self, cell: int, name: str, text: str) -> None:
        """Append text that a cell wrote to stdout or stderr."""
        for start in range(0, len(text), PIECE):
            self.write("stream", cell=cell, name=name, text=text[start : start + PIECE])

    def close(self) -> None:
        """Let go of the file and the descriptors."""
        for descriptor in (self._file, *self._followers):
            os.close(descriptor)


def _still_read(follower: int, line: bytes) -> bool:
    """Send a line; false when whoever followed has gone. The step goes on, and the file has everything."""
    try:
        _write_all(follower, line)
    except OSError:
        os.close(follower)
        return False
    return True


def _write_all(descriptor: int, line: bytes) -> None:
    rest = memoryview(line)
    while rest:
        rest = rest[os.write(descriptor, rest) :]


def to_json(value: Any) -> str:
    """A JSON text of one line. What JSON does not know becomes what a kernel's messages make of it."""
    try:
        text = json_dumps(value, default=_json_default, allow_nan=False)
    except (TypeError, ValueError):
        text = json_dumps(_json_clean(value), default=_json_default, allow_nan=False)
    return _SURROGATES.sub(_replace_lone, text) if "\\ud" in text else text


# In JSON text: a pair, a lone surrogate, any other escape.
_SURROGATES = re.compile(r"(?i)\\ud[89ab]..\\ud[c-f]..|\\ud[89a-f]..|\\.")


def _replace_lone(found: "re.Match[str]") -> str:
    """A lone surrogate cannot be sent as UTF-8; a kernel sends the replacement character."""
    return "\\ufffd" if len(found[0]) == len("\\udcff") else found[0]


def _json_default(value: Any) -> Any:
    if isinstance(value, datetime):
        return (value if value.tzinfo else value.astimezone()).isoformat().replace("+00:00", "Z")
    if isinstance(value, date):
        return value.isoformat()
    if isinstance(value, bytes):
        return b2a_base64(value, newline=False).decode("ascii")
    if isinstance(value, Iterable):
        return list(value)
    if isinstance(value, numbers.Integral):
        return int(value)
    if isinstance(value, numbers.Real):
        return float(value)
    raise TypeError(f"{value!r} is not JSON serializable")


def _json_clean(value: Any) -> Any:
    """The value with NaN and infinities as text, and keys as strings."""
    if value is None or isinstance(value, (bool, str, bytes, date)):
        return value
    if isinstance(value, numbers.Integral):
        return int(value)
    if isinstance(value, numbers.Real):
        return repr(value) if math.isnan(value) or math.isinf(value) else float(value)
    if isinstance(value, Mapping):
        return {str(key): _json_clean(item) for key, item in value.items()}
    if isinstance(value, Iterable):
        return [_json_clean(item) for item in value]
    return repr(value)


def read_json(path: str) -> Any:
    """Read a JSON document."""
    with open(path, encoding="utf-8") as file:
        return json_load(file)


class ReportedCell:
    """What the journal says of one cell. Pieces of stream text stay in the journal; here are only their places."""

    def __init__(self, started: Dict[str, Any]) -> None:
        self.facts: Dict[str, Any] = {key: started[key] for key in ("index", "id", "execution_count") if key in started}
        self.facts["state"] = "died"
        self.outputs: List[Dict[str, Any]] = []
        self.updates: Dict[str, Dict[str, Any]] = {}
        self._clear_pending = False

    def ended(self, facts: Mapping[str, Any]) -> None:
        """Take how the cell ended."""
        self.facts.update({key: value for key, value in facts.items() if key not in ("event", "cell")})

    def stream(self, name: str, place: Any) -> None:
        """Add a piece of stream text; neighbouring pieces of one stream are one output."""
        self._clear_if_asked()
        if self.outputs and self.outputs[-1]["output_type"] == "stream" and self.outputs[-1]["name"] == name:
            self.outputs[-1]["pieces"].append(place)
        else:
            self.outputs.append({"output_type": "stream", "name": name, "pieces": [place]})

    def output(self, output: Dict[str, Any]) -> None:
        """Add any other output; one with a display id also replaces what the cell showed under that id."""
        display_id = output.get("transient", {}).get("display_id")
        if display_id:
            self._replace(display_id, output)
            self.updates.pop(display_id, None)
        self._clear_if_asked()
        self.outputs.append(output)

    def update(self, display_id: str, data: Any, metadata: Any) -> None:
        """Replace what this cell, and through `collect` earlier cells, showed under a display id."""
        changed = {"display_id": display_id, "data": data, "metadata": metadata}
        self._replace(display_id, changed)
        self.updates.pop(display_id, None)
        self.updates[display_id] = changed

    def clear(self, wait: bool) -> None:
        """Forget the outputs so far, at once or when the next one comes."""
        self._clear_pending = wait
        if not wait:
            self.outputs = []

    def _clear_if_asked(self) -> None:
        if self._clear_pending:
            self.outputs, self._clear_pending = [], False

    def _replace(self, display_id: str, changed: Mapping[str, Any]) -> None:
        for output in self.outputs:
            if output.get("transient", {}).get("display_id") == display_id:
                output["data"], output["metadata"] = changed["data"], changed["metadata"]


class JournalReader:
    """Folds a journal into what OUTPUTS.json says. A last line that was cut short by a crash is ignored."""

    def __init__(self, path: str) -> None:
        self._path = path
        self.cells: Dict[int, ReportedCell] = {}
        self.facts: Dict[str, Any] = {}
        self.lists: Dict[str, List[Any]] = {"guards": [], "payloads": [], "files": [], "accesses": []}
        with open(path, "rb") as file:
            place = 0
            for line in file:
                if line.endswith(b"\n"):
                    self._take(line, (place, len(line)))
                place += len(line)

    def _take(self, line: bytes, place: Any) -> None:
        event = json_loads(line)
        kind = event.pop("event")
        if kind == "cell":
            self.cells[event["cell"]] = ReportedCell({**event, "index": event["cell"]})
        elif kind == "stream":
            self.cells[event["cell"]].stream(event["name"], place)
        elif kind == "output":
            self.cells[event["cell"]].output(event["output"])
        elif kind == "update":
            self.cells[event["cell"]].update(event["display_id"], event["data"], event["metadata"])
        elif kind == "clear":
            self.cells[event["cell"]].clear(event["wait"])
        elif kind == "end":
            self.cells[event["cell"]].ended(event)
        elif kind in ("guard", "payload", "file", "access"):
            self.lists[kind + ("es" if kind == "access" else "s")].append(event)
        else:
            self.facts.update(event)

    def running(self) -> Optional[ReportedCell]:
        """The cell that had started and not ended."""
        return next((cell for cell in self.cells.values() if cell.facts["state"] == "died"), None)

    def write_report(self, path: str) -> None:
        """Write OUTPUTS.json; stream text is copied from the journal piece by piece."""
        temporary = path + ".part"
        with open(self._path, "rb") as journal, open(temporary, "wb") as file:
            head = {
                "schema": "nbcompile/outputs/1",
                **self.facts,
                **{key: items for key, items in self.lists.items() if items or key != "accesses"},
            }
            file.write(json_dumps(head).encode("ascii")[:-1] + b',\n "cells": [')
            for number, cell in enumerate(self.cells.values()):
                file.write(b",\n  " if number else b"\n  ")
                self._write_cell(cell, journal, file)
            file.write(b"]}\n")
        os.replace(temporary, path)

    @staticmethod
    def _write_cell(cell: ReportedCell, journal: Any, file: Any) -> None:
        facts = {**cell.facts, **({"updates": list(cell.updates.values())} if cell.updates else {})}
        file.write(json_dumps(facts).encode("ascii")[:-1] + b', "outputs": [')
        for number, output in enumerate(cell.outputs):
            file.write(b",\n   " if number else b"\n   ")
            if output["output_type"] != "stream":
                file.write(json_dumps(output).encode("ascii"))
                continue
            file.write(b'{"output_type": "stream", "name": "' + output["name"].encode("ascii") + b'", "text": "')
            for start, length in output["pieces"]:
                journal.seek(start)
                line = journal.read(length)
                file.write(line[line.index(b'"text": "') + 9 : -3])
            file.write(b'"}')
        file.write(b"]}")
