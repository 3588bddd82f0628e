"""How large values were when a notebook last ran."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import closing
from pathlib import Path

from nbcompile.engines.directory import RunDirectory
from nbcompile.engines.registry import known_runs
from nbcompile.engines.streamflow.notes import NoteReader

_MOST_RUNS = 20


def payload_sizes(notebook: Path) -> Mapping[str, int]:
    """The bytes of each payload that an earlier run left, by its id; the newest counts. `notebook` is the file without its suffix."""
    found: dict[str, int] = {}
    for number, run in enumerate(known_runs()):
        if number >= _MOST_RUNS:
            break
        if Path(run.notebook).with_suffix("") == notebook.absolute():
            state = RunDirectory(run.directory).state
            for path in (state / "work").glob("*/*.nbc"):
                found.setdefault(path.stem, path.stat().st_size)
            # What stayed at the places of the run is known from what its client noted.
            with closing(NoteReader(state / "streamflow" / "notes.jsonl")) as notes:
                for note in notes.news():
                    for payload, size in note.get("payloads", {}).items():
                        found.setdefault(payload, size)
    return found
