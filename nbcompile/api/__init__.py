"""The only place that composes the passes."""

from __future__ import annotations

from nbcompile.api.bundles import Build, build
from nbcompile.api.checks import check
from nbcompile.api.deployments import add_deployment, check_deployment, check_machine, open_place, remove_deployment
from nbcompile.api.personal import personal_file, personal_settings
from nbcompile.api.places import check_places
from nbcompile.api.plans import check_transfer, forecast, plan
from nbcompile.api.profiles import profile, write_profile
from nbcompile.api.programs import Program, analyze, analyze_bytes, analyze_notebook
from nbcompile.api.projects import in_project, project_settings
from nbcompile.api.runs import arun, cancel, resume, run
from nbcompile.api.verification import verify

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
    "check_places",
    "check_transfer",
    "forecast",
    "in_project",
    "open_place",
    "personal_file",
    "personal_settings",
    "plan",
    "profile",
    "project_settings",
    "remove_deployment",
    "resume",
    "run",
    "verify",
    "write_profile",
]
