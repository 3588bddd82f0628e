"""What a run found that analysis had not foreseen."""

from __future__ import annotations

from typing import NamedTuple


class GuardBreak(NamedTuple):
    """A guard that the step runtime found broken in code cell `cell`: the rule's code, and the name, channel or path it is about.

    `remedy` is the annotation that settles it.
    """

    code: str
    cell: int
    name: str
    message: str
    remedy: str
