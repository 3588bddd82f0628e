"""How to ask for more of what a job had too little of: where it is written, and how."""

from __future__ import annotations

from nbcompile.backend import Cause
from nbcompile.model.plan import Resources

_USUAL_MIB, _USUAL_MINUTES = 1024, 120


def how_to_ask_for_more(cause: Cause, asked: Resources, place: str) -> str:
    """What to write after a job ran out of memory or time; empty for any other cause."""
    if cause is Cause.OUT_OF_MEMORY:
        had, more = _memory(asked.memory_mib), _memory(2 * (asked.memory_mib or _USUAL_MIB // 2))
        return _advice("memory", had, more, place)
    if cause is Cause.TIMEOUT:
        had, more = _time(asked.minutes), _time(2 * (asked.minutes or _USUAL_MINUTES // 2))
        return _advice("time", had, more, place)
    return ""


def _advice(what: str, had: str, more: str, place: str) -> str:
    before = f"it asked for {had}" if had else f"it asked for none, and `{place}` gave it what is usual there"
    where = f"in the rule of its cells or in `placement` of nbcompile.yml, or in the deployment `{place}` of your own file for all its jobs"
    return f"ask for more `{what}` ({before}): write `resources: {{{what}: {more}}}` {where}, and run again"


def _memory(mebibytes: int | None) -> str:
    if mebibytes is None:
        return ""
    return f"{mebibytes}MiB" if mebibytes % 1024 else f"{mebibytes // 1024}GiB"


def _time(minutes: int | None) -> str:
    if minutes is None:
        return ""
    return f"{minutes}m" if minutes % 60 else f"{minutes // 60}h"
