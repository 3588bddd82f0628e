"""What a site tells of itself to whoever describes it, or asks what is wrong."""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple


class Queue(NamedTuple):
    """Where jobs wait, such as a partition of Slurm: its nodes, and what each of them has. `None` is no limit, or not known."""

    name: str
    is_default: bool = False
    minutes: int | None = None
    nodes: int = 0
    cpus: int = 0
    memory_mib: int = 0
    gpus: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Survey:
    """What the person may use there, as far as the site tells.

    `account` is the one that is charged unless another is named. `unenforced` says, each in a sentence, which limits nobody
    there holds a job to, so that only this client does.
    """

    system: str = ""
    account: str = ""
    accounts: tuple[str, ...] = ()
    queues: tuple[Queue, ...] = ()
    qualities: tuple[str, ...] = ()
    unenforced: tuple[str, ...] = ()
