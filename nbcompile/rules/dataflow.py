"""NB1xx: names, objects, and the author's annotations of them."""

from __future__ import annotations

from nbcompile.model.diagnostic import Rule, Severity

UNKNOWN_DIRECTIVE = Rule(
    code="NB190",
    name="unknown-directive",
    severity=Severity.WARNING,
    summary="a `# nbc:` comment or an `nbc-` tag is not understood",
    explanation="""\
## What it does
Reports a word after `# nbc:`, or a tag that starts with `nbc-`, that is no directive.

## Why it matters
A misspelt directive settles nothing, although its author counts on it.

## What to do
Write one of `pure`, `fuse`, `split`, `mutates=x`, `reads=…`, `writes=…`, `allow=CODE`, `target=…`, `scatter=…`.
""",
)
