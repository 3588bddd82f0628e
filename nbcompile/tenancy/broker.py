"""A deployment's name and a run -> an open place. Each Session gets the lease of its own deployment, and no other.

Whose deployments and credentials these are was decided before: here is what one tenant has.
"""

from __future__ import annotations

import asyncio
import itertools
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace

from nbcompile.backend import Backend, Challenge, Credential, Environment, Lease, Opening, PlaceEvent, RunId, Secret, Session
from nbcompile.backend.plugins import load
from nbcompile.model.errors import UsageError
from nbcompile.model.personal import Deployment
from nbcompile.model.plan import Resources
from nbcompile.model.resources import filled
from nbcompile.tenancy.credentials import Ask
from nbcompile.tenancy.deployments import (
    Deployments,
    credential_provider,
    find_deployment,
    job_options,
    named_environment,
    place_settings,
    usual_resources,
)

_LONGEST_WAY = 4
"""Three deployments to go through, and the one to reach."""


@dataclass(frozen=True, slots=True, kw_only=True)
class OpenPlace:
    """An open deployment. `options` of a job come from `options`, its software from `environment`."""

    name: str
    deployment: Deployment
    backend: Backend
    session: Session
    source: str = ""

    def options(self, service: str = "") -> object:
        """What every job asks of the place, and what those of a service ask besides. Raises `UsageError`."""
        return job_options(self.deployment, self.name, self.backend, service, self.source)

    def resources(self, asked: Resources) -> Resources:
        """What a step asks for, with what the deployment's jobs ask for usually."""
        return filled(asked, usual_resources(self.deployment))

    def environment(self, name: str = "") -> Environment:
        """The software of that name, or what is loaded for jobs that name none. Raises `UsageError`."""
        return named_environment(self.deployment, self.name, name)


class Broker:
    """Opens the deployments of one tenant for one run. Where several lead through one place, it is logged in to once."""

    def __init__(self, known: Deployments, run: RunId, ask: Ask, observe: Callable[[PlaceEvent], None] = lambda _: None) -> None:
        self._known = known
        self._run = run
        self._ask = ask
        self._observe = observe
        self._sessions: dict[tuple[str, ...], asyncio.Future[Session]] = {}
        self._leases: dict[str, Lease] = {}

    async def open(self, name: str) -> OpenPlace:
        """Reach a deployment, by the way that leads there. Raises `UsageError` for what the file says wrong, else as `Backend.open`."""
        return await self._open(self.way_to(name))

    def way_to(self, name: str) -> tuple[str, ...]:
        """The deployment and those it is reached through, itself last. Raises `UsageError` where there is no such way."""
        way = [name]
        while find_deployment(self._known, way[0]).via:
            way.insert(0, find_deployment(self._known, way[0]).via)
            if way[0] in way[1:] or len(way) > _LONGEST_WAY:
                raise UsageError(f"`{name}` is reached through too many deployments: {', '.join(way[1:])}", f"correct {self._known.source}")
        return tuple(way)

    async def introduce(self, name: str) -> Mapping[str, tuple[str, ...]]:
        """What a place shows of itself before anybody logs in there, by the keys of its settings; hops are logged in to."""
        *before, last = self.way_to(name)
        backend = load(find_deployment(self._known, last).backend)
        return await backend.introduce(replace(self._opening(last, backend), hops=self._hops(before, backend)))

    async def _open(self, way: tuple[str, ...]) -> OpenPlace:
        name = way[-1]
        deployment = find_deployment(self._known, name)
        session = await self._session(way)
        return OpenPlace(name=name, deployment=deployment, backend=load(deployment.backend), session=session, source=self._known.source)

    async def _session(self, way: tuple[str, ...]) -> Session:
        """A Session at the end of a way: on a login that is there, or about to be, else on one of its own."""
        if known := self._sessions.get(way):
            shared = (await asyncio.shield(known)).share()
            if shared is not None:
                return shared
        opening = self._sessions[way] = asyncio.ensure_future(self._log_in(way))
        try:
            return await opening
        except BaseException:
            if self._sessions.get(way) is opening:
                del self._sessions[way]
            raise

    async def _log_in(self, way: tuple[str, ...]) -> Session:
        *before, name = way
        backend = load(find_deployment(self._known, name).backend)
        opening = self._opening(name, backend)
        hops = self._hops(before, backend)
        before = before[: len(before) - len(hops)]
        via = await self._session(tuple(before)) if before else None
        try:
            return await backend.open(replace(opening, hops=hops, via=via))
        except BaseException:
            if via is not None:
                await via.close()
            raise

    def _hops(self, before: list[str], backend: Backend) -> tuple[Opening, ...]:
        """The places of the same backend that come last before the end of the way."""
        same = itertools.takewhile(lambda name: find_deployment(self._known, name).backend == backend.name, reversed(before))
        return tuple(self._opening(name, backend) for name in reversed([*same]))

    def _opening(self, name: str, backend: Backend) -> Opening:
        settings = place_settings(self._known, name, backend)
        return Opening(deployment=name, run=self._run, settings=settings, lease=self._lease(name), observe=self._observe)

    def _lease(self, name: str) -> Lease:
        """The one lease on the credentials of one deployment. Credentials are read at each login; passphrases are asked for once."""
        if name not in self._leases:
            self._leases[name] = self._new_lease(name)
        return self._leases[name]

    def _new_lease(self, name: str) -> Lease:
        provider = credential_provider(self._known, name)
        passphrases: dict[Challenge, tuple[Secret, ...]] = {}

        async def ask_once(challenge: Challenge) -> tuple[Secret, ...]:
            if challenge not in passphrases:
                passphrases[challenge] = await self._ask(challenge)
            return passphrases[challenge]

        async def credentials() -> tuple[Credential, ...]:
            return await provider.credentials(ask_once)

        return Lease(name, credentials, self._ask)
