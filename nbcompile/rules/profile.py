"""NB33x: what a profile of the notebook says."""

from __future__ import annotations

from nbcompile.model.diagnostic import Rule, Severity

STALE_PROFILE = Rule(
    code="NB331",
    name="stale-profile",
    severity=Severity.NOTE,
    summary="the profile beside the notebook is not one of its cells as they are now",
    explanation="""\
## What it does
Compares the digests of the cells with those in `NAME.profile.json`.

## Why it matters
A profile says how long cells take, how much memory they need and what they do. Of other cells it says nothing, and is not used: plans are
made from guesses then.

## What to do
Run `nbcompile profile` again, or remove the file.
""",
)
