"""NB0xx: the file is not a notebook that can be compiled."""

from __future__ import annotations

from nbcompile.model.diagnostic import Rule, Severity

NOT_JSON = Rule(
    code="NB001",
    name="not-json",
    severity=Severity.ERROR,
    summary="the file is not JSON",
    explanation="""\
## What it does
Reports a `.ipynb` file that is not a JSON document.

## Why it matters
A notebook is a JSON document. A half-saved file, an unresolved merge conflict or a page saved from a browser is not.

## What to do
Open the file at the line named. Look for conflict markers (`<<<<<<<`), or restore the last good version.
""",
)

NOT_UTF8 = Rule(
    code="NB002",
    name="not-utf8",
    severity=Severity.ERROR,
    summary="the file is not UTF-8 text",
    explanation="""\
## What it does
Reports a notebook whose bytes are not UTF-8.

## Why it matters
The notebook format demands UTF-8; other programs would read other characters than its author wrote.

## What to do
Convert it: `iconv -f latin1 -t utf-8 old.ipynb > new.ipynb`.
""",
)

NOT_A_NOTEBOOK = Rule(
    code="NB003",
    name="not-a-notebook",
    severity=Severity.ERROR,
    summary="the file is JSON, but no notebook",
    explanation="""\
## What it does
Reports a JSON file without a list of cells and a format number, or with parts of the wrong type.

## What to do
Check that the right file was named. A notebook has `cells`, `metadata`, `nbformat` and `nbformat_minor`.
""",
)

UNSUPPORTED_FORMAT = Rule(
    code="NB004",
    name="unsupported-format",
    severity=Severity.ERROR,
    summary="the notebook has a format that is not read",
    explanation="""\
## What it does
Reports a notebook of nbformat 1, 2 or a number that does not exist yet. Formats 3 and 4 are read.

## What to do
Open and save it with a current Jupyter, or run `jupyter nbconvert --to notebook --nbformat 4 FILE`.
""",
)

OTHER_LANGUAGE = Rule(
    code="NB005",
    name="other-language",
    severity=Severity.ERROR,
    summary="the notebook's language is not Python",
    explanation="""\
## What it does
Reports a notebook whose kernel runs another language than Python.

## Why it matters
nbcompile analyses Python. Running another language without analysis could not keep its promise.

## What to do
If the cells are Python after all, choose a Python kernel and save the notebook.
""",
)

SYNTAX_ERROR = Rule(
    code="NB006",
    name="syntax-error",
    severity=Severity.ERROR,
    summary="a cell is not valid Python",
    explanation="""\
## What it does
Reports a cell that does not parse, after IPython's own syntax (`%magic`, `!command`, `name?`) was recognised.

## Why it matters
A plain run stops at this cell, so nothing after it has a meaning that could be kept.

## What to do
Correct the cell. If the failure is meant to be shown, tag the cell `raises-exception`.
If the syntax is newer than the Python that runs nbcompile, run nbcompile with that Python.
""",
)

TOO_DEEP = Rule(
    code="NB007",
    name="nested-too-deep",
    severity=Severity.ERROR,
    summary="the notebook or a cell is nested too deep to be read",
    explanation="""\
## What it does
Reports JSON, or Python in a cell, that is nested deeper than the parser can follow.

## What to do
Such nesting is nearly always generated. Write the data to a file and read it in the cell.
""",
)

CELL_ID = Rule(
    code="NB008",
    name="unstable-cell-id",
    severity=Severity.NOTE,
    summary="a cell has no id of its own",
    explanation="""\
## What it does
Reports cells whose id is missing in a notebook of format 4.5, invalid, or the same as another cell's.

## Why it matters
Steps are named after cell ids, so that names stay when other cells change. Where an id is missing, one is made
from the cell's source, and it changes when the source does.

## What to do
Save the notebook with a current Jupyter, which gives every cell an id.
""",
)

EMPTY_NOTEBOOK = Rule(
    code="NB009",
    name="no-code",
    severity=Severity.NOTE,
    summary="the notebook has no code",
    explanation="""\
## What it does
Reports a notebook without a code cell. It compiles to a workflow that hands the notebook back.
""",
)

CELL_MARKER = Rule(
    code="NB010",
    name="unreadable-cell-marker",
    severity=Severity.ERROR,
    summary="a cell marker or the header of a script cannot be read",
    explanation="""\
## What it does
Reports a `# %%` marker whose metadata is not `key=value` with values in JSON, and a header that is not YAML.

## Why it matters
The metadata holds tags and declarations. A cell without its `parameters` tag would be another cell.

## What to do
Write values as JSON: `# %% tags=["parameters"]`.
""",
)

MARIMO_FILE = Rule(
    code="NB013",
    name="unreadable-marimo-file",
    severity=Severity.ERROR,
    summary="the cells of a marimo file cannot be put into the order of a notebook",
    explanation="""\
## What it does
Reports a marimo file that is not Python, in which two cells bind one name or cells need each other in a circle, and one in which
two cells have a private name (`_x`) that a function reads.

## Why it matters
Cells are put into the order in which they need each other. marimo does not run such a notebook either; private names are those of the whole
notebook here, so that a function would find that of another cell.

## What to do
Open the file in marimo and correct the cells that it marks, or rename what the message names.
""",
)

STALE_LOCK = Rule(
    code="NB011",
    name="stale-lock",
    severity=Severity.ERROR,
    summary="the lock beside the notebook is not of this notebook any more",
    explanation="""\
## What it does
Compares `NAME.nbcompile.json`, which `nbcompile build` writes and teams commit, with what it would be now.

## Why it matters
The lock says what the last build was made from. When cells, settings, steps or modules beside the notebook have changed since,
the committed workflow is not the notebook's.

## What to do
Run `nbcompile build` and commit the lock with the notebook.
""",
)

OLD_LOCK = Rule(
    code="NB012",
    name="lock-of-another-version",
    severity=Severity.WARNING,
    summary="the lock was written by another version of nbcompile",
    explanation="""\
## What it does
Reports a lock that differs from what it would be now, where only another version of nbcompile explains the difference.

## What to do
Regenerate it: run `nbcompile build` and commit the lock.
""",
)
