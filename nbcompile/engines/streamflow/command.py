"""A command as StreamFlow gives it -> a job. Pure: paths that exist only in StreamFlow's mind become inputs, known by their content."""

from __future__ import annotations

import hashlib
import json
import shlex
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import PurePosixPath

from nbcompile.backend import Environment, Job, JobInput, JobKey, Secret, Unsupported
from nbcompile.engines.streamflow.tree import Node, Tree, contents
from nbcompile.model.placement import PlacedStep
from nbcompile.model.plan import Resources

PYTHON = "python3"
RUNTIME = "nbcompile_runtime.py"
# What the step tells while it runs goes to its standard output, which every place keeps.
_EVENTS = ("--events", "1")


@dataclass(frozen=True, slots=True, kw_only=True)
class Manner:
    """How jobs of a step run at a place: with which Python, software, variables, options and resources."""

    python: str = PYTHON
    environment: Environment = Environment()
    options: object = None
    resources: Resources = Resources()
    variables: tuple[tuple[str, str], ...] = ()
    secrets: tuple[tuple[str, Secret], ...] = ()
    lease_seconds: int = 86_400


def job_of(command: Sequence[str], tree: Tree, workdir: str, step: PlacedStep, manner: Manner) -> Job:
    """The job of a step. Its key is the same in every run with the same contents.

    Raises `Unsupported` for a command that carries one of StreamFlow's paths inside a word, where it cannot be replaced.
    """
    words = shlex.split(" ".join(command))
    argv: list[str] = []
    inputs: list[JobInput] = []
    known: list[object] = []
    for word in words:
        node = tree.find(word) if word.startswith(f"{workdir}/") else None
        if node is None and f"{workdir}/" in word:
            raise Unsupported(f"the step `{step.step}` has the path {word[:100]!r} inside a word", "build the workflow again")
        name = f"{len(argv)}/{word.rpartition('/')[2]}"
        argv.append(word if node is None else f"../in/{name}")
        known.append(word if node is None else _identity(name.partition("/")[2], node))
        inputs += _inputs(name, node) if node is not None else ()
    if argv[0] == PYTHON:
        argv[0] = step.interpreter or manner.python
    job = Job(
        key=JobKey(hashlib.sha256(json.dumps([known, manner.environment.name, step.interpreter]).encode()).hexdigest()),
        argv=(*argv, *_EVENTS) if _is_step(words) else tuple(argv),
        name=step.step,
        inputs=tuple(inputs),
        outputs=(f"{step.step}.outputs*.json", f"{step.step}.*files", f"{step.step}.*nbc"),
        environment=manner.environment,
        resources=manner.resources,
        variables=manner.variables,
        secrets=manner.secrets,
        options=manner.options,
        seconds=manner.resources.minutes * 60 if manner.resources.minutes else None,
    )
    return replace(job, lease_seconds=manner.lease_seconds)


def _is_step(words: Sequence[str]) -> bool:
    return len(words) > 2 and PurePosixPath(words[1]).name == RUNTIME and words[2] == "step"


def _identity(name: str, node: Node) -> object:
    return [name, [[path, content.sha256] for path, content in contents(node)]]


def _inputs(name: str, node: Node) -> tuple[JobInput, ...]:
    return tuple(JobInput(f"{name}/{path}" if path else name, content.sha256) for path, content in contents(node))
