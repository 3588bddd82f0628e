"""One small job -> what a node has, where jobs run on other hosts than where one logs in."""

from __future__ import annotations

import asyncio
import hashlib
import secrets

from nbcompile.backend import Cause, Environment, Fatal, Job, JobKey, JobRef, JobState, JobStatus, Retryable, Session, Stream
from nbcompile.model.checkup import Check, Standing
from nbcompile.model.errors import Denied, PlaceFailed
from nbcompile.model.plan import Resources
from nbcompile.model.software import Software, SoftwareQuestion
from nbcompile.places.software import STEP_MODULES, answer_of, question_argv

WAIT_SECONDS = 90.0
"""How long a job may wait for its node while a person waits for us."""

_JOB_SECONDS = 120
_MOST_NAMED = 5


async def check_node(
    name: str,
    session: Session,
    environment: Environment,
    here: Software,
    options: object,
    resources: Resources,
    seconds: float = WAIT_SECONDS,
) -> Check:
    """How the environment of that name is on a node, beside how it is `here`, where one logs in."""
    subject = f"nodes, environment {name}"
    try:
        node, there = await look_at_node(session, environment, SoftwareQuestion(modules=STEP_MODULES), options, resources, seconds)
    except (PlaceFailed, Denied) as problem:
        advice = problem.advice or "a run finds out, when its first job starts"
        standing = Standing.NOTE if isinstance(problem, Retryable) else Standing.PROBLEM
        return Check(subject, standing, f"not looked at: {problem.message}", advice)
    if there.minor != here.minor:
        text = f"{node} has Python {there.python} ({there.executable}), and {here.python} is where one logs in"
        return Check(subject, Standing.PROBLEM, text, "name a `prefix` or `modules` that are the same everywhere")
    missing = sorted(set(there.missing) - set(here.missing))
    if missing:
        return Check(
            subject, Standing.PROBLEM, f"{node} cannot import {', '.join(missing)}", f"install it for {there.executable} of {node}"
        )
    different = [_difference(one, here, there) for one in sorted({*here.versions, *there.versions}) if _differs(one, here, there)]
    if different:
        more = f", and {len(different) - _MOST_NAMED} more" if len(different) > _MOST_NAMED else ""
        return Check(
            subject, Standing.NOTE, f"{node} has other distributions than where one logs in: {', '.join(different[:_MOST_NAMED])}{more}"
        )
    return Check(subject, Standing.OK, f"{node} has the same Python {there.python} and distributions; other nodes were not looked at")


async def look_at_node(
    session: Session, environment: Environment, question: SoftwareQuestion, options: object, resources: Resources, seconds: float
) -> tuple[str, Software]:
    """The node that a job came to, and what the environment has there. Raises `Retryable` when no node takes it in so many seconds."""
    key = JobKey(hashlib.sha256(secrets.token_bytes(16)).hexdigest())
    job = Job(
        key=key,
        argv=question_argv(question),
        name="doctor",
        outputs=(),
        environment=environment,
        options=options,
        resources=resources,
        seconds=_JOB_SECONDS,
        lease_seconds=600,
    )
    ref = await session.submit(job)
    status = await _end_of(session, ref, seconds)
    if status.state is not JobState.FINISHED and status.cause is not Cause.EXIT:
        raise Fatal(f"a job of one line ends so: {status.reason or status.state.value}")
    stdout = b"".join([piece async for piece in session.logs(ref, Stream.STDOUT)])
    stderr = b"".join([piece async for piece in session.logs(ref, Stream.STDERR)])
    return status.host or "a node", answer_of(stdout, stderr)


async def _end_of(session: Session, ref: JobRef, seconds: float) -> JobStatus:
    loop = asyncio.get_running_loop()
    until = loop.time() + seconds
    while True:
        (status,) = await session.wait([ref], max(0.0, min(5.0, until - loop.time())))
        if status.state.is_final:
            return status
        if loop.time() >= until:
            await session.cancel([ref])
            why = f" ({status.reason})" if status.reason else ""
            raise Retryable(
                f"a job that only looks is still {status.state.value}{why} after {seconds:.0f} s", "try again when a node is free"
            )


def _differs(name: str, here: Software, there: Software) -> bool:
    return here.versions.get(name) != there.versions.get(name)


def _difference(name: str, here: Software, there: Software) -> str:
    return f"{name} {there.versions.get(name, 'absent')} instead of {here.versions.get(name, 'absent')}"
