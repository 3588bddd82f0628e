"""Names of files in messages: a name may hold anything, a line break or what a terminal obeys."""

from __future__ import annotations


def plainly(name: str) -> str:
    """A name as one shows it: as it is where all of it can be seen, else as Python writes it."""
    return name if name.isprintable() else repr(name)
