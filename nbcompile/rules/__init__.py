"""Every diagnostic code, once. The code's explanation is its web page and what `nbcompile explain CODE` prints."""

from __future__ import annotations

from nbcompile.model.diagnostic import Rule
from nbcompile.rules import dataflow, environment, guards, parameters, policy, profile, reading, steps, workflow

_GROUPS = (reading, dataflow, workflow, policy, parameters, environment, guards, profile, steps)

ALL_RULES: tuple[Rule, ...] = tuple(
    sorted(
        (value for module in _GROUPS for value in vars(module).values() if isinstance(value, Rule)),
        key=lambda rule: rule.code,
    )
)


def find_rule(code: str) -> Rule | None:
    """The rule with this code or name, if there is one."""
    return next((rule for rule in ALL_RULES if code in (rule.code, rule.name)), None)
