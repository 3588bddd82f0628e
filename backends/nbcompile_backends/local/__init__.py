"""This machine as a place of a run that has steps elsewhere: its jobs are kept, found again and ended like those of any other."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from nbcompile.backend import Backend, Fatal, Opening, Session, option
from nbcompile_backends.agent import AgentSession, Host, local_pipe


@dataclass(frozen=True, slots=True, kw_only=True)
class LocalSettings:
    """Where jobs of this machine work, and how many at a time."""

    work_root: str = option("a directory for everything that runs need", pattern=r"/[^\x00]*")
    slots: int = option("how many jobs may run at a time; 0 for one per processor", default=0, minimum=0)


@dataclass(frozen=True, slots=True)
class LocalOptions:
    """Jobs can ask for nothing special."""


class LocalBackend(Backend):
    """Processes of this machine."""

    name = "local"
    Settings: ClassVar[type] = LocalSettings
    Options: ClassVar[type] = LocalOptions

    async def open(self, opening: Opening) -> Session:
        """Start an agent here."""
        settings = opening.settings
        if not isinstance(settings, LocalSettings):
            raise Fatal(f"`{opening.deployment}` is not a deployment of the local backend")
        host = Host("this machine", local_pipe, settings.work_root, opening.run, opening.deployment, opening.observe)
        session = AgentSession(opening.deployment, opening.run, [host], slots=settings.slots)
        await session.open()
        return session
