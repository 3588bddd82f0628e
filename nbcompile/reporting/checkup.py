"""Checkup -> text for people, JSON for machines."""

from __future__ import annotations

import json

from nbcompile.model.checkup import Checkup


def checkup_text(checkup: Checkup) -> str:
    """A line for each thing that was looked at, and what to do about it below."""
    width = max((len(check.subject) for check in checkup.checks), default=0)
    lines = []
    for check in checkup.checks:
        lines.append(f"{check.standing.value:7}  {check.subject:{width}}  {check.text}")
        if check.advice:
            lines.append(f"{'':9}{'':{width}}  {check.advice}")
    return "".join(f"{line}\n" for line in lines)


def checkup_json(checkup: Checkup) -> str:
    """`nbcompile/doctor/1`."""
    document = {
        "schema": "nbcompile/doctor/1",
        "deployment": checkup.deployment or None,
        "ok": checkup.ok,
        "checks": [
            {"subject": check.subject, "standing": check.standing.value, "text": check.text, "advice": check.advice}
            for check in checkup.checks
        ],
        "environments": {
            one.environment: {"distributions": dict(one.distributions), "programs": [*one.programs]} for one in checkup.equipment
        },
    }
    return json.dumps(document, indent=1, ensure_ascii=False) + "\n"
