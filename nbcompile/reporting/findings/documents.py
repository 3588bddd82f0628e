"""Findings as JSON: our own document, and SARIF 2.1.0."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

from nbcompile.model.diagnostic import Diagnostic, Rule, Severity
from nbcompile.reporting.findings.people import where

_SARIF_LEVEL = {Severity.ERROR: "error", Severity.WARNING: "warning", Severity.NOTE: "note"}


def as_json(found: Sequence[Diagnostic]) -> str:
    """The document `nbcompile/diagnostics/1`."""
    return json.dumps({"schema": "nbcompile/diagnostics/1", "diagnostics": [finding(one) for one in found]}, indent=1) + "\n"


def finding(one: Diagnostic) -> dict[str, Any]:
    """One finding as it stands in `nbcompile/diagnostics/1` and in run.json."""
    span = one.place.span
    return {
        "code": one.rule.code,
        "name": one.rule.name,
        "severity": one.rule.severity.value,
        "message": one.message,
        "path": one.path,
        "cell_index": one.place.cell_index if one.place.cell_index >= 0 else None,
        "cell_id": one.place.cell_id or None,
        "line": span.line if span else None,
        "column": span.column if span else None,
        "end_line": span.end_line if span else None,
        "end_column": span.end_column if span else None,
        "file_line": one.file_line,
        "related": [{"cell_index": r.place.cell_index, "cell_id": r.place.cell_id, "message": r.label} for r in one.related],
        "help": one.help or None,
        "fix": None,
    }


def sarif(found: Sequence[Diagnostic]) -> str:
    """A SARIF log of one run; every result has a location, as code scanning demands."""
    rules = {one.rule.code: one.rule for one in sorted(found, key=lambda d: d.rule.code)}
    driver = {"name": "nbcompile", "rules": [_sarif_rule(rule) for rule in rules.values()]}
    log = {
        "$schema": "https://json.schemastore.org/sarif-2.1.0.json",
        "version": "2.1.0",
        "runs": [{"tool": {"driver": driver}, "results": [_sarif_result(one) for one in found]}],
    }
    return json.dumps(log, indent=1) + "\n"


def _sarif_rule(rule: Rule) -> dict[str, Any]:
    return {
        "id": rule.code,
        "name": rule.name,
        "shortDescription": {"text": rule.summary},
        "help": {"text": rule.explanation, "markdown": rule.explanation},
        "defaultConfiguration": {"level": _SARIF_LEVEL[rule.severity]},
    }


def _sarif_result(one: Diagnostic) -> dict[str, Any]:
    location: dict[str, Any] = {"artifactLocation": {"uri": one.path}, "region": {"startLine": one.file_line or 1}}
    return {
        "ruleId": one.rule.code,
        "level": _SARIF_LEVEL[one.rule.severity],
        "message": {"text": f"{where(one.place)}{one.message}" + (f" ({one.help})" if one.help else "")},
        "locations": [{"physicalLocation": location}],
        "partialFingerprints": {"cell/v1": f"{one.place.cell_id}:{one.rule.code}:{one.message}"},
    }
