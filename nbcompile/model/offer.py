"""What a site has to offer to whoever describes it, and what they choose."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from nbcompile.model.software import FoundPython


@dataclass(frozen=True, slots=True, kw_only=True)
class QueueOffer:
    """A queue of the site and what it has, in words."""

    name: str
    words: str
    is_default: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Offer:
    """`account` is charged unless another is chosen."""

    account: str = ""
    accounts: tuple[str, ...] = ()
    queues: tuple[QueueOffer, ...] = ()
    pythons: tuple[FoundPython, ...] = ()
    modules: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Choice:
    """What every job asks of the place, and the software of cells that name none."""

    options: Mapping[str, object] = field(default_factory=dict)
    modules: tuple[str, ...] = ()
    prefix: str = ""
