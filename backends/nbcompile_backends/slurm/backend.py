"""The Slurm backend."""

from __future__ import annotations

import re
from typing import ClassVar

from nbcompile.backend import Backend, Fatal, Opening, Session
from nbcompile_backends.agent import AgentSession, Host, local_pipe
from nbcompile_backends.slurm.options import PATH, SlurmOptions, SlurmSettings
from nbcompile_backends.slurm.session import SlurmSession


class SlurmBackend(Backend):
    """Slurm, through the place that `via` names, or on this machine."""

    name = "slurm"
    Settings: ClassVar[type] = SlurmSettings
    Options: ClassVar[type] = SlurmOptions

    async def open(self, opening: Opening) -> Session:
        """Reach the login host and see that Slurm answers there."""
        settings = opening.settings
        if not isinstance(settings, SlurmSettings):
            raise Fatal(f"`{opening.deployment}` is not a deployment of the slurm backend")
        login = opening.via or await _here(opening, settings)
        try:
            session = SlurmSession(opening.deployment, opening.run, settings, _checked(opening.deployment, login), opening.observe)
            await session.open()
        except BaseException:
            await login.close()
            raise
        return session


def _checked(deployment: str, login: Session) -> AgentSession:
    if not isinstance(login, AgentSession) or len(login.hosts) != 1:
        raise Fatal(f"`{deployment}` goes through a place that is not one host", "name an ssh deployment with one host as `via`")
    root = login.hosts[0].facts.root
    if not re.fullmatch(PATH, root):
        raise Fatal(f"Slurm would read characters of the work root {root} as patterns", "choose a `workRoot` of letters, digits and ./_+-")
    return login


async def _here(opening: Opening, settings: SlurmSettings) -> AgentSession:
    """This machine as the login host: a login node, or a job of the cluster."""
    if not settings.work_root:
        raise Fatal(f"`{opening.deployment}` names neither `via` nor `workRoot`", "give a directory that the nodes share as `workRoot`")
    host = Host("this machine", local_pipe, settings.work_root, opening.run, opening.deployment, opening.observe)
    session = AgentSession(opening.deployment, opening.run, [host])
    await session.open()
    return session
