"""What lies beside a notebook, as far as its cells are concerned."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class Surroundings:
    """What of a notebook's directory matters.

    `mentions` pairs a code cell's index with a file beside the notebook that its text names; `missing` are files that
    some cell reads, no cell writes, and that are not there. Paths are relative; a directory ends with `/`.
    """

    mentions: tuple[tuple[int, str], ...] = ()
    missing: tuple[str, ...] = ()

    def mentioned_by(self, cell: int) -> tuple[str, ...]:
        """The files that a cell's text names."""
        return tuple(path for index, path in self.mentions if index == cell)
