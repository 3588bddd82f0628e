"""The process that reaches the places of a run: it looks at them when it is asked, and runs the workflow there when it is told to.

So each host is logged in to once. Whoever started it talks to it by lines of JSON through a socket, and it ends when that one does.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import tempfile
import threading
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import asdict
from typing import TYPE_CHECKING, Any, BinaryIO

from nbcompile.api.deployments import broker_of_run
from nbcompile.engines.streamflow.program import CHANNEL
from nbcompile.model.errors import NbcompileError

if TYPE_CHECKING:
    from nbcompile.backend import PlaceEvent
    from nbcompile.tenancy.broker import Broker, OpenPlace

_LEAVE_SECONDS = 8.0


_visited: dict[str, OpenPlace] = {}
# Deployments may share a login, so that an event is nobody's in particular: whoever comes first tells what happens, and once.
_observers: list[Callable[[PlaceEvent], None]] = []


def take_visited(deployment: str, observe: Callable[[PlaceEvent], None]) -> OpenPlace | None:
    """A place that was opened to look at it, if nobody has taken it yet; `observe` is told from now on."""
    found = _visited.pop(deployment, None)
    if found is not None:
        _observers.append(observe)
    return found


def _tell(event: PlaceEvent) -> None:
    for observe in _observers[:1]:
        observe(event)


Workflow = Callable[[Sequence[str]], Awaitable[int]]


def serve(workflow: Callable[[], Workflow]) -> int:
    """Do what is asked, until there is nothing more to do; the exit code. `workflow` gives what runs one, in the loop of the places."""
    with os.fdopen(int(os.environ.pop(CHANNEL)), "r+b", buffering=0) as channel:
        os.set_inheritable(channel.fileno(), False)
        return asyncio.run(_serve(channel, workflow))


async def _serve(channel: BinaryIO, workflow: Callable[[], Workflow]) -> int:
    message = await _read(channel)
    if message and "visit" in message:
        await asyncio.to_thread(_write, channel, await _visit(message["run"], message["visit"]))
        message = await _read(channel)
    if not message:
        await _leave()
        return 0
    _move(message)
    threading.Thread(target=_end_with, args=(channel.fileno(),), daemon=True).start()
    return await workflow()(message["words"])


async def _visit(run: str, asked: Sequence[Any]) -> Mapping[str, Any]:
    """Log in to all deployments at once, and ask each about its software; what to answer."""
    names = dict.fromkeys(deployment for deployment, _, _ in asked)
    try:
        broker = broker_of_run(run, observe=_tell)
    except NbcompileError as problem:
        return _problem(problem)
    looks = (_look(broker, name, [one for one in asked if one[0] == name]) for name in names)
    answers = await asyncio.gather(*looks, return_exceptions=True)
    found: list[Any] = []
    nodes: dict[str, str] = {}
    for name, answer in zip(names, answers, strict=True):
        if isinstance(answer, NbcompileError):
            return _problem(answer, name)
        if isinstance(answer, BaseException):
            raise answer
        software, node = answer
        found += software
        if node:
            nodes[name] = node
    return {"found": found, "nodes": nodes}


def _problem(problem: NbcompileError, name: str = "") -> Mapping[str, Any]:
    facts = {"message": problem.message, "advice": problem.advice, "deployment": name}
    return {"problem": {"exit_code": int(problem.exit_code), **facts}}


async def _look(broker: Broker, name: str, asked: Sequence[Any]) -> tuple[list[Any], str]:
    """What a deployment says of its software, and on which host, where jobs run elsewhere."""
    from nbcompile.backend import Fatal
    from nbcompile.model.software import Site, SoftwareQuestion
    from nbcompile.places.software import look_into

    place = _visited[name] = await broker.open(name)
    found = []
    for _, environment, question in asked:
        lists = SoftwareQuestion(**{key: tuple(values) for key, values in question.items()})
        try:
            software = await look_into(place.session, place.environment(environment), lists)
        except Fatal as problem:
            raise Fatal(f"{Site(name, environment)}: {problem.message}", problem.advice) from None
        found.append([name, environment, asdict(software)])
    capabilities = await place.session.capabilities()
    return found, capabilities.host if capabilities.nodes else ""


async def _leave() -> None:
    """Nothing will run: leave nothing there."""

    async def leave(place: OpenPlace) -> None:
        with contextlib.suppress(NbcompileError):
            await place.session.remove()
        await place.session.close()

    with contextlib.suppress(asyncio.TimeoutError):
        await asyncio.wait_for(asyncio.gather(*map(leave, _visited.values())), _LEAVE_SECONDS)


def _move(message: Mapping[str, Any]) -> None:
    """Be where the run is."""
    os.environ.update(message["variables"])
    tempfile.tempdir = None
    os.chdir(message["directory"])
    log = os.open(message["log"], os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
    for stream in (1, 2):
        os.dup2(log, stream)
    os.close(log)


async def _read(channel: BinaryIO) -> dict[str, Any] | None:
    """The next message; none when nobody will send one."""
    line = await asyncio.to_thread(channel.readline)
    return json.loads(line) if line.endswith(b"\n") else None


def _write(channel: BinaryIO, message: Mapping[str, Any]) -> None:
    rest = json.dumps(message).encode() + b"\n"
    while rest:
        rest = rest[channel.write(rest) :]


def _end_with(channel: int) -> None:
    """The other end is open as long as the process that started us lives. Jobs outlive us; a next client finds them."""
    os.read(channel, 1)
    os._exit(1)
