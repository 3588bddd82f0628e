"""Rules about the values that a notebook is given."""

from __future__ import annotations

from nbcompile.model.diagnostic import Rule, Severity

UNKNOWN_PARAMETER = Rule(
    code="NB440",
    name="unknown-parameter",
    severity=Severity.ERROR,
    summary="a value is given for a parameter that the notebook does not take",
    explanation="""\
## What it does
Reports a value given with `-p`, `-r`, `-y` or `-f` under a name that the cell tagged `parameters` does not bind and that
no cell reads.

## Why it matters
The value would be bound and never read: the notebook would run with its default, most often because of a typing mistake.

## What to do
Correct the name; the nearest one is suggested.
""",
)

PARAMETER_TYPE = Rule(
    code="NB441",
    name="parameter-type",
    severity=Severity.ERROR,
    summary="a value does not have the type of its parameter",
    explanation="""\
## What it does
Reports a given value whose type is not that of the parameter: of its annotation, of its type comment, or of its default.

## Why it matters
The notebook would fail later, perhaps hours later and elsewhere.

## What to do
Give a value of that type, or annotate the parameter (`n: float = 3`), and with `| None` if it may be left out.
""",
)

NO_PARAMETERS_CELL = Rule(
    code="NB442",
    name="no-parameters-cell",
    severity=Severity.WARNING,
    summary="values are given to a notebook without a cell tagged `parameters`",
    explanation="""\
## What it does
Reports that no cell is tagged `parameters`. The given values are bound before the first cell.

## Why it matters
A later cell that binds the same name wins.

## What to do
Tag the cell that binds the defaults `parameters`.
""",
)

GIVEN_FILE_MISSING = Rule(
    code="NB443",
    name="given-file-missing",
    severity=Severity.ERROR,
    summary="a value that is given names a file that is not there",
    explanation="""\
## What it does
Reports a path given with `-p`, `-r`, `-y` or `-f` that a cell reads, that no cell writes, and that is not beside the notebook. A cell
that looks whether there is such a file, or catches errors, may do without it.

## Why it matters
The notebook would fail later, perhaps hours later and elsewhere.

## What to do
Give a path as seen from the notebook's directory, or bring the file there.
""",
)

WRONG_VALUES = (UNKNOWN_PARAMETER, PARAMETER_TYPE, GIVEN_FILE_MISSING)
