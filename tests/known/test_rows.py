"""The table of known calls cannot lie: its rows are executed against the real libraries."""

import json
import os
import subprocess
import sys
from importlib.resources import files
from pathlib import Path

import pytest

from nbcompile.analysis import known
from tests.known.prove import rows_of

ROOT = Path(__file__).parents[2]
PROOF = ROOT / "docs" / "reference" / "known-calls-proof.md"
LIBRARIES = sorted(place.name.removesuffix(".txt") for place in files(known).iterdir() if place.name.endswith(".txt"))
EXAMPLES = sorted(place.stem for place in (ROOT / "tests" / "known" / "libraries").glob("[!_]*.py"))
HEAD = """# How the table of known calls is tested

Each row is executed against the installed library, on examples and on lists of arguments that its functions take, and what it
says is compared with what happens: what is changed, shared, drawn, written and given. *Absent* rows are of other versions
of the library; *unproved* rows have not been executed.

| library | rows | executed | absent | unproved |
|---|---|---|---|---|
"""


def verdicts(library):
    command = [sys.executable, "-m", "tests.known", library]
    done = subprocess.run(
        command, cwd=ROOT, capture_output=True, text=True, timeout=600, env={**os.environ, "MPLBACKEND": "agg"}, check=False
    )
    assert done.returncode == 0, done.stderr[-3000:]
    return json.loads(done.stdout.strip().splitlines()[-1])


def row_of(library, found):
    executed, absent = sum(bool(one["calls"]) for one in found), sum(one["absent"] for one in found)
    return f"| {library} | {len(found)} | {executed} | {absent} | {len(found) - executed - absent} |"


def documented():
    rows = (
        line.strip("| ").split(" | ") for line in PROOF.read_text("utf-8").splitlines() if line.startswith("| ") and "library" not in line
    )
    return {name: tuple(map(int, numbers)) for name, *numbers in rows}


@pytest.mark.slow
@pytest.mark.parametrize("library", EXAMPLES)
def test_rows_say_what_happens(library, accept):
    found = verdicts(library)
    lies = [f"{one['label']} {lie}: {text}" for one in found for lie, text in one["lies"].items()]
    lies += [f"{one['label']} was never seen to do what it says: {', '.join(one['unseen'])}" for one in found if one["unseen"]]
    assert not lies, "\n".join(lies)
    if accept:
        write_down(library, row_of(library, found))
    rows, executed, _, _ = documented()[library]
    assert len(found) == rows
    assert sum(bool(one["calls"]) for one in found) >= 0.97 * executed


def write_down(library, row):
    """Replace the line of a library; what has no examples is unproved."""
    lines = (
        {name: f"| {name} | " + " | ".join(map(str, numbers)) + " |" for name, numbers in documented().items()} if PROOF.exists() else {}
    )
    for name in LIBRARIES:
        if name not in EXAMPLES:
            count = len(rows_of(name, {}))
            lines[name] = f"| {name} | {count} | 0 | 0 | {count} |"
    lines[library] = row
    PROOF.write_text(HEAD + "\n".join(lines[name] for name in sorted(lines)) + "\n", "utf-8")


def test_nine_rows_of_ten_are_executed():
    counts = documented()
    assert sorted(counts) == LIBRARIES
    rows, executed = (sum(counts[name][place] for name in EXAMPLES) for place in (0, 1))
    assert executed >= 0.9 * rows
