"""Whether the result of a step may be used again, and what besides its inputs it is made of."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class Reuse:
    """What the text of a step's cells says about using its result again.

    `volatile` says why it is made anew in every run, and is empty where it need not be. `variables` are environment
    variables that the cells read, and `seeded` the random generators that are in a known state when they are used.
    """

    volatile: str = ""
    variables: tuple[str, ...] = ()
    seeded: tuple[str, ...] = ()
