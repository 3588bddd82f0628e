"""What a notebook asks of its environment, compared with what the interpreter has -> findings. Nothing is imported there."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from nbcompile.engines.job import RunJob
from nbcompile.engines.local.interpreter import Choice
from nbcompile.model.diagnostic import Diagnostic
from nbcompile.model.environment import Environment, Requirement
from nbcompile.rules import environment as rules

_SHELL = "IPython"


def modules_to_look_for(environment: Environment, directory: Path) -> tuple[str, ...]:
    """IPython, and the imported modules that the interpreter must have: not those that lie beside the notebook."""
    if environment.path_changes:
        return (_SHELL,)
    names = dict.fromkeys(module.name for module in environment.imports)
    return (_SHELL, *(name for name in names if not (directory / f"{name}.py").exists() and not (directory / name).is_dir()))


def check_environment(job: RunJob, choice: Choice, probe: Mapping[str, Any]) -> tuple[Diagnostic, ...]:
    """The findings, given the interpreter and what it said of the modules and distributions."""
    path = str(job.notebook)
    found = []
    if choice.passed_over:
        message = f"{choice.passed_over}; {choice.path} runs the cells"
        found.append(Diagnostic(rule=rules.OTHER_INTERPRETER, message=message, help="name the interpreter with --python", path=path))
    if _minor(job.python_version) not in ("", _minor(probe["version"])):
        message = f"the notebook was last run with Python {job.python_version}, now it is {probe['version']}"
        advice = f"choose with --python {_minor(job.python_version)}, if it is installed"
        found.append(Diagnostic(rule=rules.OTHER_PYTHON, message=message, help=advice, path=path))
    if _SHELL in probe["missing"]:
        message = f"{probe['executable']} has no IPython: cells run as plain Python, without magics and `!` lines"
        found.append(Diagnostic(rule=rules.NO_IPYTHON, message=message, help="install `ipython` there, or choose with --python", path=path))
    imported = {module.name for module in job.environment.imports}
    found += [_missing(module, job.environment, probe, path) for module in dict.fromkeys(probe["missing"]) if module in imported]
    for requirement in job.environment.requirements:
        found += _compare(requirement, probe["versions"], path)
    return tuple(found)


def _minor(version: str) -> str:
    found = re.match(r"\d+\.\d+", version)
    return found[0] if found else ""


def _missing(name: str, environment: Environment, probe: Mapping[str, Any], path: str) -> Diagnostic:
    place = next(module.place for module in environment.imports if module.name == name)
    message = f"`{name}` is not installed for {probe['executable']}"
    return Diagnostic(rule=rules.MISSING_IMPORT, message=message, place=place, help="install it there, or choose with --python", path=path)


def _compare(requirement: Requirement, versions: Mapping[str, str | None], path: str) -> Iterator[Diagnostic]:
    place = requirement.place
    if not requirement.name:
        message = f"`{requirement.text}` is not installed by a run"
        yield Diagnostic(rule=rules.REQUIREMENT_UNKNOWN, message=message, place=place, help="see that the environment has it", path=path)
        return
    installed = versions.get(requirement.name)
    if installed is None:
        # A conda package need not be a Python distribution.
        if requirement.installer == "pip":
            message = f"`{requirement.name}` is not installed, and a run installs nothing"
            advice = f"install `{requirement.text}` before the run"
            yield Diagnostic(rule=rules.REQUIREMENT_MISSING, message=message, place=place, help=advice, path=path)
    elif not _fits(installed, requirement):
        message = f"`{requirement.text}` is asked for, {requirement.name} {installed} is installed"
        advice = "install the version that is asked for, or correct the line"
        yield Diagnostic(rule=rules.REQUIREMENT_DIFFERS, message=message, place=place, help=advice, path=path)


def _fits(installed: str, requirement: Requirement) -> bool:
    """Whether a version is one that was asked for; what cannot be read is taken to fit."""
    # Most notebooks install nothing, and a run starts faster without it.
    from packaging.specifiers import InvalidSpecifier, SpecifierSet  # noqa: PLC0415
    from packaging.version import InvalidVersion, Version  # noqa: PLC0415

    try:
        version = Version(installed)
        return not requirement.specifier or SpecifierSet(_pip_style(requirement)).contains(version, prereleases=True)
    except (InvalidSpecifier, InvalidVersion):
        return True


def _pip_style(requirement: Requirement) -> str:
    """`numpy=1.20` of conda means any 1.20."""
    found = re.fullmatch(r"=([^=].*)", requirement.specifier)
    return f"=={found[1].rstrip('.*')}.*" if requirement.installer == "conda" and found else requirement.specifier
