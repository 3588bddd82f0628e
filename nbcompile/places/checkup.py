"""An open place -> what works there, what does not, and which limits only we hold to."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping

from nbcompile.backend import Capabilities, Environment, Queue, Session, Survey
from nbcompile.model.checkup import Check, Checkup, Equipment, Standing
from nbcompile.model.errors import PlaceFailed
from nbcompile.model.plan import Resources
from nbcompile.model.software import Software, SoftwareQuestion
from nbcompile.places.nodes import check_node
from nbcompile.places.software import STEP_MODULES, look_into

_FIRST_MINOR = (3, 8)
"""The oldest Python that runs steps."""


async def check_place(
    name: str,
    session: Session,
    environments: Mapping[str, Environment],
    asked: Mapping[str, object],
    options: object = None,
    resources: Resources = Resources(),
) -> Checkup:
    """Look at everything, on a node with one small job for each environment.

    `asked` is what every job asks of the place, by the names of the backend's options; `options` is the same as the backend reads it.
    """
    capabilities = await session.capabilities()
    survey = await session.survey()
    checks = [_reached(capabilities), *_site(survey, asked)]
    equipment, looks = [], []
    for one, environment in environments.items():
        check, software = await _environment(one, session, environment)
        checks.append(check)
        if software is not None:
            equipment.append(Equipment(one, tuple(software.versions.items()), software.programs))
            wanted = capabilities.nodes and not any(found.standing is Standing.PROBLEM for found in checks)
            looks += [check_node(one, session, environment, software, options, resources)] if wanted else []
    checks += await asyncio.gather(*looks)
    checks += [Check("limits", Standing.NOTE, f"only this client limits: {text}") for text in survey.unenforced]
    return Checkup(deployment=name, checks=tuple(checks), equipment=tuple(equipment))


def unreached(name: str, problem: PlaceFailed) -> Checkup:
    """What is to be said of a place that cannot be opened."""
    return Checkup(deployment=name, checks=(Check("reach", Standing.PROBLEM, problem.message, problem.advice),))


def _reached(here: Capabilities) -> Check:
    size = f"{_many(here.cpus, 'processor')}, {here.memory_mib / 1024:.0f} GiB"
    return Check("reach", Standing.OK, f"logged in to {here.host} as {here.user}: {size}, Python {here.python}")


def _site(survey: Survey, asked: Mapping[str, object]) -> list[Check]:
    """What the site says of the account and the queue that jobs ask for."""
    if not survey.queues:
        return [Check("system", Standing.OK, survey.system)] if survey.system else []
    return [Check("system", Standing.OK, survey.system), _account(survey, asked), *_queues(survey, asked), *_quality(survey, asked)]


def _account(survey: Survey, asked: Mapping[str, object]) -> Check:
    account = str(asked.get("account", ""))
    others = ", ".join(survey.accounts)
    if account and survey.accounts and account not in survey.accounts:
        return Check("account", Standing.PROBLEM, f"you may not charge `{account}`", f"your accounts are {others}")
    if not account and not survey.account and survey.accounts:
        return Check("account", Standing.PROBLEM, "no account is charged by itself", f"set `account` in `options`: {others}")
    if not survey.accounts:
        return Check("account", Standing.NOTE, "the site does not tell which accounts you have")
    return Check("account", Standing.OK, f"{account or survey.account} is charged" + ("" if account else ", by default"))


def _queues(survey: Survey, asked: Mapping[str, object]) -> list[Check]:
    names = [name for name in str(asked.get("partition", "")).split(",") if name]
    known = {queue.name: queue for queue in survey.queues}
    chosen = [known[name] for name in names if name in known] if names else [queue for queue in survey.queues if queue.is_default]
    checks = [Check("partition", Standing.OK, describe_queue(queue)) for queue in chosen]
    missing = [name for name in names if name not in known]
    if missing:
        advice = f"there are {', '.join(known)}"
        checks.append(Check("partition", Standing.PROBLEM, f"there is no partition `{', '.join(missing)}`", advice))
    if not names and not chosen:
        advice = f"set `partition` in `options`: {', '.join(known)}"
        checks.append(Check("partition", Standing.PROBLEM, "no partition is the default", advice))
    return checks


def _quality(survey: Survey, asked: Mapping[str, object]) -> list[Check]:
    quality = str(asked.get("qos", ""))
    if not quality or not survey.qualities:
        return []
    if quality in survey.qualities:
        return [Check("quality of service", Standing.OK, quality)]
    advice = f"you have {', '.join(survey.qualities)}"
    return [Check("quality of service", Standing.PROBLEM, f"you may not use `{quality}`", advice)]


def describe_queue(queue: Queue) -> str:
    """A partition in one line."""
    limit = "no time limit" if queue.minutes is None else f"at most {_duration(queue.minutes)}"
    node = f"{_many(queue.cpus, 'processor')} and {queue.memory_mib / 1024:.1f} GiB each"
    gpus = f", GPUs {', '.join(queue.gpus)}" if queue.gpus else ""
    return f"{queue.name}: {limit}, {_many(queue.nodes, 'node')} with {node}{gpus}"


async def _environment(name: str, session: Session, environment: Environment) -> tuple[Check, Software | None]:
    subject = f"environment {name}"
    try:
        found = await look_into(session, environment, SoftwareQuestion(modules=STEP_MODULES))
    except PlaceFailed as problem:
        return Check(subject, Standing.PROBLEM, problem.message, problem.advice), None
    text = f"Python {found.python} ({found.executable}), {_many(len(found.versions), 'distribution')}"
    if found.programs:
        text += f", {_many(len(found.programs), 'program')} of its own"
    if tuple(int(part) for part in found.minor.split(".")) < _FIRST_MINOR:
        return Check(subject, Standing.PROBLEM, f"{text}: too old to run steps", "steps need Python 3.8 or later"), found
    if found.missing:
        return Check(
            subject,
            Standing.PROBLEM,
            f"{text}, but no IPython, in which cells run",
            f"install ipython for {found.executable}, or name a venv that has it as `prefix` of the environment",
        ), found
    return Check(subject, Standing.OK, text), found


def _many(number: int, noun: str) -> str:
    return f"{number} {noun}" if number == 1 else f"{number} {noun}s"


def _duration(minutes: int) -> str:
    days, rest = divmod(minutes, 24 * 60)
    hours, rest = divmod(rest, 60)
    parts = ((days, "d"), (hours, "h"), (rest, "min"))
    return " ".join(f"{number} {unit}" for number, unit in parts if number) or "0 min"
