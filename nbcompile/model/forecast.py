"""What a run would ask for and move, told before it starts."""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

from nbcompile.model.plan import Resources, StepId


@dataclass(frozen=True, slots=True, kw_only=True)
class PlannedJob:
    """What a step asks of its place, on so many nodes. Of a scattered step only the data tell how many jobs it is."""

    step: StepId
    cells: tuple[int, ...]
    place: str
    environment: str = ""
    resources: Resources = Resources()
    nodes: int = 1
    scattered: bool = False
    why: str = ""

    @property
    def core_hours(self) -> float | None:
        """Processor hours that are asked for; `None` where no time is, or nobody knows how many jobs there are."""
        if self.resources.minutes is None or self.scattered:
            return None
        return (self.resources.cpus or 1) * self.resources.minutes / 60 * self.nodes


class Parcel(NamedTuple):
    """Something that goes to a place: a variable's version or a file, for a step; `size` is `None` where nobody has seen it yet."""

    name: str
    step: StepId
    size: int | None = None


class Hop(NamedTuple):
    """All that goes from one place to another."""

    source: str
    target: str
    parcels: tuple[Parcel, ...]

    @property
    def size(self) -> int:
        """How much goes, as far as it is known."""
        return sum(parcel.size or 0 for parcel in self.parcels)

    @property
    def is_known(self) -> bool:
        """Whether the size of everything is known."""
        return all(parcel.size is not None for parcel in self.parcels)


@dataclass(frozen=True, slots=True, kw_only=True)
class Forecast:
    """`resident` are paths that steps read where they lie, with the place and the step."""

    jobs: tuple[PlannedJob, ...]
    hops: tuple[Hop, ...] = ()
    resident: tuple[tuple[str, str, StepId], ...] = ()
    critical_path: tuple[StepId, ...] = ()

    @property
    def size(self) -> int:
        """How much goes from place to place, as far as it is known."""
        return sum(hop.size for hop in self.hops)
