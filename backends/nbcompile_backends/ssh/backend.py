"""The ssh backend: a Session over agents on hosts that are reached by ssh."""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial
from typing import ClassVar

from nbcompile.backend import Backend, Opening, Session
from nbcompile_backends.agent import AgentSession, Host
from nbcompile_backends.ssh.client import Login, host_key, open_pipe, shared_login
from nbcompile_backends.ssh.options import SshOptions, SshSettings


class SshBackend(Backend):
    """Hosts reached by ssh."""

    name = "ssh"
    Settings: ClassVar[type] = SshSettings
    Options: ClassVar[type] = SshOptions

    async def introduce(self, opening: Opening) -> Mapping[str, tuple[str, ...]]:
        """The host key of each host, seen through the hops, which are logged in to."""
        login = Login(opening)
        hops = [*map(shared_login, opening.hops)]
        return {"hostKeys": tuple([await host_key(address, hops) for address in login.settings.named])}

    async def open(self, opening: Opening) -> Session:
        """Log in to each host, through the hops, and start the agent there."""
        login = Login(opening)
        hops = [*map(shared_login, opening.hops)]
        hosts = [
            Host(
                name=str(address),
                connect=partial(open_pipe, address, [*hops, shared_login(opening, address)]),
                root=login.settings.work_root,
                run=opening.run,
                deployment=opening.deployment,
                observe=opening.observe,
                patience_seconds=login.settings.patience_seconds,
            )
            for address in login.settings.addresses
        ]
        session = AgentSession(opening.deployment, opening.run, hosts, slots=login.settings.slots)
        await session.open()
        return session
