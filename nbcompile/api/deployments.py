"""Deployments: added, reached, checked, taken away."""

from __future__ import annotations

import os
from contextlib import asynccontextmanager, suppress
from dataclasses import replace
from secrets import token_hex
from typing import TYPE_CHECKING

from nbcompile.api.personal import known_deployments, personal_file, personal_settings
from nbcompile.model.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable
    from pathlib import Path

    from nbcompile.backend import PlaceEvent
    from nbcompile.model.checkup import Checkup
    from nbcompile.model.offer import Choice, Offer
    from nbcompile.places.draft import Draft
    from nbcompile.tenancy.broker import Broker, OpenPlace
    from nbcompile.tenancy.credentials import Ask
    from nbcompile.tenancy.deployments import Deployments


_CHECK_SECONDS = 300


def broker_of_run(
    run: str,
    *,
    tenant: str = "",
    file: Path | None = None,
    ask: Ask | None = None,
    observe: Callable[[PlaceEvent], None] | None = None,
) -> Broker:
    """What opens the deployments of one run, each with the credentials of that deployment and no others.

    `file` is used instead of the person's own file of deployments. `ask` puts the questions of a login to somebody; by default
    they are asked at the terminal, or by the process that started this one. `observe` is told when a place goes away and comes back.

    Raises `UsageError` for what is configured wrong, as `open` of the broker does, which raises `PlaceFailed` where a place cannot
    be reached or does not let us in.
    """
    from nbcompile.backend import RunId
    from nbcompile.tenancy.broker import Broker

    return Broker(known_deployments(tenant, file), RunId(run), ask or usual_ask(), observe or (lambda _: None))


async def add_deployment(
    draft: Draft,
    name: str,
    *,
    file: Path,
    believe: Callable[[str, tuple[str, ...]], bool],
    choose: Callable[[Offer], Choice],
    ask: Ask | None = None,
) -> Checkup:
    """Log in to what a person describes, see what is there, write it into their file, and check it.

    `believe` is shown what a place says of itself before anybody logs in, such as host keys; `choose` is shown what the site
    offers. Nothing is written when it cannot be reached. Raises as `broker_of_run` and its `open` do.
    """
    from nbcompile.config import add_deployments
    from nbcompile.places.draft import taken
    from nbcompile.places.offer import look_around

    for one in draft.deployments:
        shown = await broker_of(_known(draft, file), ask).introduce(one)
        for key, values in shown.items():
            if key not in draft.deployments[one] and believe(one, values):
                draft = draft.with_keys(one, **{key: list(values)})
    async with visit(broker_of(_known(draft, file), ask), name) as place:
        draft = taken(draft, name, choose(await look_around(place.session, place.environment().modules_init)))
        add_deployments(file, draft.deployments, draft.credentials)
        return await _check(replace(place, deployment=_known(draft, file).deployments[name]))


def broker_of(known: Deployments, ask: Ask | None) -> Broker:
    """A broker for a visit that leaves nothing there."""
    from nbcompile.backend import RunId
    from nbcompile.tenancy.broker import Broker

    return Broker(known, RunId(f"visit-{token_hex(6)}"), ask or usual_ask())


def usual_ask() -> Ask:
    """Whoever is at the terminal: ours, or that of the process that started this one and said so."""
    from nbcompile.tenancy.asking import TerminalAsk
    from nbcompile.tenancy.relay import inherited_ask

    return inherited_ask(os.environ) or TerminalAsk()


@asynccontextmanager
async def visit(broker: Broker, name: str) -> AsyncIterator[OpenPlace]:
    """A deployment, reached for a look; nothing is left there."""
    from nbcompile.model.errors import PlaceFailed

    place = await broker.open(name)
    try:
        yield place
        with suppress(PlaceFailed):
            await place.session.remove()
    finally:
        await place.session.close()


def _known(draft: Draft, file: Path) -> Deployments:
    """What the file has, and what is to be in it."""
    from nbcompile.config import parse_personal
    from nbcompile.tenancy.deployments import Deployments

    personal = personal_settings(file)
    drafted = parse_personal({"deployments": draft.deployments, "credentials": draft.credentials}, str(file))
    deployments = {**personal.deployments, **drafted.deployments}
    return Deployments(str(file), deployments, {**personal.credentials, **drafted.credentials})


def remove_deployment(name: str, file: Path) -> None:
    """Take a deployment out of a person's file. Raises `UsageError` where it is not there, or others are reached through it."""
    from nbcompile.config import remove_deployment as remove
    from nbcompile.tenancy.deployments import find_deployment

    find_deployment(known_deployments(file=file), name)
    remove(file, name)


async def check_deployment(name: str, *, file: Path | None = None, ask: Ask | None = None) -> Checkup:
    """Reach a deployment, and see what works there. A place that cannot be reached is a finding.

    Raises `UsageError` for what is configured wrong.
    """
    from nbcompile.model.errors import PlaceFailed
    from nbcompile.places.checkup import unreached

    broker = broker_of(known_deployments(file=file), ask)
    try:
        async with visit(broker, name) as place:
            return await _check(place)
    except PlaceFailed as problem:
        return unreached(name, problem)


async def free_deployment(name: str, seconds: float, *, file: Path | None = None, ask: Ask | None = None) -> int:
    """Remove what nobody has used for so long of what is kept at a deployment; the bytes that were freed.

    Raises as `broker_of_run` and its `open` do.
    """
    async with visit(broker_of(known_deployments(file=file), ask), name) as place:
        return await place.session.prune(seconds)


def check_machine() -> Checkup:
    """See what of this machine matters for running notebooks, and whether the person's file can be read."""
    from nbcompile.engines.checkup import check_machine
    from nbcompile.model.checkup import Check, Checkup, Standing

    path = personal_file()
    try:
        names = ", ".join(personal_settings(path).deployments) or "none"
        deployments = Check("deployments", Standing.OK, f"{names} ({path})")
    except UsageError as problem:
        deployments = Check("deployments", Standing.PROBLEM, problem.message, problem.advice)
    return Checkup(checks=(*check_machine(os.environ), deployments))


async def _check(place: OpenPlace) -> Checkup:
    import asyncio

    from nbcompile.model.errors import PlaceFailed
    from nbcompile.model.plan import Resources
    from nbcompile.places.checkup import check_place

    options = place.options()
    names = ("default", *(name for name in place.deployment.environments if name != "default"))
    environments = {name: place.environment("" if name == "default" else name) for name in names}
    looking = check_place(place.name, place.session, environments, place.deployment.options, options, place.resources(Resources()))
    try:
        return await asyncio.wait_for(looking, _CHECK_SECONDS)
    except (asyncio.TimeoutError, TimeoutError):
        raise PlaceFailed(f"`{place.name}` does not answer within {_CHECK_SECONDS} s", "try again, or ask its administrators") from None
