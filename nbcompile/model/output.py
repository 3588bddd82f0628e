"""A file that a job of a place wrote: what backends tell of it, and what is kept of it between runs."""

from __future__ import annotations

from typing import NamedTuple


class Output(NamedTuple):
    """A file that a job wrote, relative to where it ran. The store of its place has it under its sha256."""

    path: str
    size: int
    sha256: str
    sha1: str
    executable: bool = False
