"""Findings where continuous integration shows them: GitHub annotations, GitLab code quality, JUnit."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from html import escape

from nbcompile.model.diagnostic import Diagnostic, Severity
from nbcompile.reporting.findings.people import headline, where

_GITHUB = {Severity.ERROR: "error", Severity.WARNING: "warning", Severity.NOTE: "notice"}
_GITLAB = {Severity.ERROR: "major", Severity.WARNING: "minor", Severity.NOTE: "info"}


def github(found: Sequence[Diagnostic]) -> str:
    """Workflow commands, the worst first: GitHub shows ten of a kind a step."""
    ordered = sorted(found, key=lambda one: one.rule.severity.rank)
    return "".join(
        f"::{_GITHUB[one.rule.severity]} file={_property(one.path)},line={one.file_line or 1},"
        f"title={_property(f'{one.rule.code} {one.rule.name}')}::{_data(f'{where(one.place)}{one.message}')}\n"
        for one in ordered
    )


def gitlab(found: Sequence[Diagnostic]) -> str:
    """A code quality report."""
    return json.dumps([_gitlab(one) for one in found], indent=1) + "\n"


def junit(found: Sequence[Diagnostic]) -> str:
    """A test case per finding; errors and warnings are failures, notes pass."""
    failures = sum(one.rule.severity is not Severity.NOTE for one in found)
    cases = "".join(_junit_case(one) for one in found)
    head = f'<?xml version="1.0" encoding="utf-8"?>\n<testsuite name="nbcompile" tests="{len(found)}" failures="{failures}">'
    return f"{head}\n{cases}</testsuite>\n"


def _gitlab(one: Diagnostic) -> dict[str, object]:
    key = f"{one.path}\0{one.place.cell_id}\0{one.rule.code}\0{one.message}"
    return {
        "description": f"{where(one.place)}{one.message}",
        "check_name": f"{one.rule.code} {one.rule.name}",
        "fingerprint": hashlib.sha256(key.encode()).hexdigest(),
        "severity": _GITLAB[one.rule.severity],
        "location": {"path": one.path, "lines": {"begin": one.file_line or 1}},
    }


def _junit_case(one: Diagnostic) -> str:
    name = _attribute(f"{one.rule.code} {where(one.place)}{one.rule.name}")
    if one.rule.severity is Severity.NOTE:
        return f"<testcase classname={_attribute(one.path)} name={name}/>\n"
    text = escape(_printable(headline(one)))
    message = _attribute(one.message)
    return f"<testcase classname={_attribute(one.path)} name={name}><failure message={message}>{text}</failure></testcase>\n"


def _attribute(text: str) -> str:
    return f'"{escape(_printable(text))}"'


def _printable(text: str) -> str:
    """The text without the characters that XML cannot hold."""
    return "".join(char if char in "\t\n" or (char >= " " and char not in "\ufffe\uffff") else "\ufffd" for char in text)


def _data(text: str) -> str:
    return text.replace("%", "%25").replace("\r", "%0D").replace("\n", "%0A")


def _property(text: str) -> str:
    return _data(text).replace(":", "%3A").replace(",", "%2C")
