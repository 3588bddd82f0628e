"""Diagnostics -> text for people and documents for machines. A pass never knows how its findings are shown."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from nbcompile.model.diagnostic import Diagnostic
from nbcompile.reporting.findings.annotations import github, gitlab, junit
from nbcompile.reporting.findings.documents import as_json, sarif
from nbcompile.reporting.findings.people import concise, full

FORMATS: dict[str, Callable[[Sequence[Diagnostic]], str]] = {
    "full": full,
    "concise": concise,
    "json": as_json,
    "github": github,
    "gitlab": gitlab,
    "sarif": sarif,
    "junit": junit,
}
