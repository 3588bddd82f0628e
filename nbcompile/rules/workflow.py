"""Rules about what a notebook declares of itself as a workflow (`metadata.workflow`), and about where cells may run."""

from __future__ import annotations

from nbcompile.model.diagnostic import Rule, Severity

INVALID_METADATA = Rule(
    code="NB401",
    name="invalid-workflow-metadata",
    severity=Severity.ERROR,
    summary="the workflow metadata does not fit its format",
    explanation="""\
## What it does
Reports `metadata.workflow` of the notebook or a cell that does not fit the format of Jupyter Workflow, version v1.0.

## Why it matters
The metadata says what a cell needs and where it runs. If a mistake in it were ignored, the cell would run
somewhere else than was asked for, with other inputs, and nobody would be told.

## What to do
Correct the key that is named. Older spellings (`models`, `model`) are read as well.
""",
)

WITHOUT_EFFECT = Rule(
    code="NB402",
    name="declaration-without-effect",
    severity=Severity.WARNING,
    summary="a declaration has no effect where it stands",
    explanation="""\
## What it does
Reports a part of `metadata.workflow` that Jupyter Workflow takes and then does not use: a `target` of a cell without
`step`, or a `step` of the whole notebook.

## Why it matters
Its author expects something of it, most often that the cell runs elsewhere.

## What to do
Add `step: {}` to the cell, or remove the declaration.
""",
)
