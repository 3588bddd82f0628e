"""The table of known calls cannot lie: its rows are executed against the real libraries."""

import json
import os
import re
import subprocess
import sys
import textwrap
from importlib.resources import files
from pathlib import Path

import pytest

from nbcompile.analysis import known
from tests.known.prove import rows_of

ROOT = Path(__file__).parents[2]
PROOF = ROOT / "docs" / "reference" / "known-calls-proof.md"
TABLES = [place for place in files(known).iterdir() if place.name.endswith(".txt")]
# A table may only have other names for what stands in another one.
LIBRARIES = sorted(place.name.removesuffix(".txt") for place in TABLES if "\n[" in place.read_text("utf-8"))
EXAMPLES = sorted(place.stem for place in (ROOT / "tests" / "known" / "libraries").glob("[!_]*.py"))
# What takes most of the time is not part of the gate: all others together take about forty seconds.
LONG = ("matplotlib", "networkx", "pandas", "scipy", "seaborn", "sklearn", "statsmodels", "sympy", "xarray")
NOT_INSTALLED = {
    "torch": "PyTorch is larger than 200 MB",
    "imblearn": "imbalanced-learn is not among the libraries of the tests",
    "dotenv": "python-dotenv is not among the libraries of the tests",
    "pint": "Pint is not among the libraries of the tests",
}
NO_ARGUMENTS = "no arguments were found that it takes"
HEAD = f"""# How the table of known calls is tested

Each row is executed against the installed library, on examples, on what fits the names of its parameters, and on lists of
arguments that its functions take, and what it says is compared with what happens: what is changed, shared, drawn, written and
given. *Absent* rows are of other versions of the library; *unproved* rows have not been executed, for the reasons below. The
share is that of the rows which the installed version has. `pytest tests/known --accept` writes this page. `poe gate` executes
all but the rows of {", ".join(LONG)}, which take some minutes and are left to `poe full`.

| library | rows | executed | absent | unproved | share |
|---|---|---|---|---|---|
"""


def verdicts(library):
    command = [sys.executable, "-m", "tests.known", library]
    done = subprocess.run(
        command, cwd=ROOT, capture_output=True, text=True, timeout=600, env={**os.environ, "MPLBACKEND": "agg"}, check=False
    )
    assert done.returncode == 0, done.stderr[-3000:]
    return json.loads(done.stdout.strip().splitlines()[-1])


def page_of(library, found):
    """What the page says of a library: its line, and why which rows are unproved."""
    unproved = {}
    for one in found:
        if not one["calls"] and not one["absent"]:
            unproved.setdefault(one["why"] or NO_ARGUMENTS, []).append(one["label"])
    executed, absent = sum(bool(one["calls"]) for one in found), sum(one["absent"] for one in found)
    return {"numbers": (len(found), executed, absent, len(found) - executed - absent), "unproved": unproved}


def line_of(library, numbers):
    rows, executed, absent, _ = numbers
    share = f"{executed / (rows - absent):.0%}" if rows > absent else "-"
    return f"| {library} | {' | '.join(map(str, numbers))} | {share} |"


def documented():
    """The numbers on the page: rows, executed, absent, unproved."""
    rows = [line.strip("| ").split(" | ") for line in PROOF.read_text("utf-8").splitlines() if re.match(r"\| \w+ \| \d", line)]
    return {name: tuple(map(int, numbers[:4])) for name, *numbers in rows}


def reasons_of(text):
    """The paragraphs of the page that say why rows are unproved, by library."""
    return {part.partition("\n")[0]: part.partition("\n")[2].strip() for part in text.split("\n## ")[1:]}


@pytest.mark.parametrize("library", [pytest.param(one, marks=pytest.mark.full if one in LONG else pytest.mark.slow) for one in EXAMPLES])
def test_rows_say_what_happens(library, accept):
    found = verdicts(library)
    lies = [f"{one['label']} {lie}: {text}" for one in found for lie, text in one["lies"].items()]
    lies += [f"{one['label']} was never seen to do what it says: {', '.join(one['unseen'])}" for one in found if one["unseen"]]
    assert not lies, "\n".join(lies)
    if accept:
        write_down(library, page_of(library, found))
    # A row may be added without writing the page anew, but not many.
    rows, executed, _, _ = documented()[library]
    assert abs(len(found) - rows) <= 0.03 * rows
    assert sum(bool(one["calls"]) for one in found) >= 0.97 * executed


def write_down(library, page):
    """Replace the line and the reasons of a library; what is not installed is unproved."""
    numbers, reasons = (documented(), reasons_of(PROOF.read_text("utf-8"))) if PROOF.exists() else ({}, {})
    for name in set(LIBRARIES) - set(EXAMPLES):
        count = len(rows_of(name, {}))
        numbers[name], reasons[name] = (count, 0, 0, count), f"- {NOT_INSTALLED.get(name, 'there are no examples')}: all rows"
    numbers[library] = page["numbers"]
    reasons[library] = "\n".join(
        textwrap.fill(f"- {why}: " + " ".join(f"`{label}`" for label in labels), 120, subsequent_indent="  ", break_on_hyphens=False)
        for why, labels in sorted(page["unproved"].items())
    )
    lines = [line_of(name, numbers[name]) for name in sorted(numbers)]
    paragraphs = [f"## {name}\n\n{reasons[name]}\n" for name in sorted(reasons) if reasons[name]]
    PROOF.write_text(HEAD + "\n".join(lines) + "\n\n" + "\n".join(paragraphs), "utf-8")


def test_nine_rows_of_ten_are_executed():
    counts = documented()
    assert sorted(counts) == LIBRARIES == sorted((*EXAMPLES, *NOT_INSTALLED))
    rows, executed, absent = (sum(counts[name][place] for name in EXAMPLES) for place in range(3))
    assert executed >= 0.9 * (rows - absent)
