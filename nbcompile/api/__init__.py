"""The only place that composes the passes. Each task has a module of its own, which is loaded when one of its names is first used."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from nbcompile.api.bundles import Build, build
    from nbcompile.api.checks import check
    from nbcompile.api.deployments import add_deployment, check_deployment, check_machine, free_deployment, remove_deployment
    from nbcompile.api.personal import personal_file, personal_settings
    from nbcompile.api.plans import check_transfer, forecast, plan
    from nbcompile.api.profiles import profile, write_profile
    from nbcompile.api.programs import Program, analyze, analyze_bytes, analyze_notebook
    from nbcompile.api.projects import in_project, project_settings
    from nbcompile.api.proposals import propose_scatters
    from nbcompile.api.runs import arun, cancel, resume, run
    from nbcompile.api.verification import verify

_NAMES = {
    "bundles": ("Build", "build"),
    "checks": ("check",),
    "deployments": ("add_deployment", "check_deployment", "check_machine", "free_deployment", "remove_deployment"),
    "personal": ("personal_file", "personal_settings"),
    "plans": ("check_transfer", "expect_sound", "forecast", "plan"),
    "profiles": ("profile", "write_profile"),
    "proposals": ("propose_scatters",),
    "programs": ("Program", "analyze", "analyze_bytes", "analyze_notebook"),
    "projects": ("in_project", "project_settings"),
    "runs": ("arun", "cancel", "resume", "run"),
    "verification": ("verify",),
}
_HOMES = {name: f"nbcompile.api.{module}" for module, names in _NAMES.items() for name in names}

__all__ = [
    "Build",
    "Program",
    "add_deployment",
    "analyze",
    "analyze_bytes",
    "analyze_notebook",
    "arun",
    "build",
    "cancel",
    "check",
    "check_deployment",
    "check_machine",
    "check_transfer",
    "expect_sound",
    "forecast",
    "free_deployment",
    "in_project",
    "personal_file",
    "personal_settings",
    "plan",
    "profile",
    "project_settings",
    "propose_scatters",
    "remove_deployment",
    "resume",
    "run",
    "verify",
    "write_profile",
]


def __getattr__(name: str) -> Any:  # noqa: ANN401 - whatever the name stands for
    if name not in _HOMES:
        raise AttributeError(f"module 'nbcompile.api' has no attribute {name!r}")
    value = getattr(import_module(_HOMES[name]), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
