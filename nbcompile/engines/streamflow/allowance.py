"""How many bytes may still go between the places of a run, and what is said of what would be too much."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import NamedTuple

from nbcompile.engines.streamflow.notes import Note
from nbcompile.model.errors import UsageError
from nbcompile.model.plainly import plainly
from nbcompile.model.sizes import size_words
from nbcompile.model.software import Site
from nbcompile.rules.environment import TRANSFER_REFUSED

_MOST_NAMES = 3


class Parcel(NamedTuple):
    """What is to go from one place to another, as a person knows it: a value, or a file."""

    name: str
    source: str
    target: str


def name_of_files(paths: Sequence[str]) -> str:
    """Files that a step wrote, as one names them in a sentence; `paths` are those in its directory, which has their list as well."""
    paths = [path.partition("/")[2] for path in paths if "/" in path] or [*paths]
    return ", ".join(paths[:_MOST_NAMES]) + (f" and {len(paths) - _MOST_NAMES} more" if len(paths) > _MOST_NAMES else "")


class TransferRefused(UsageError):
    """A run would move more than it may."""

    code = TRANSFER_REFUSED.code


def moved_before(notes: Iterable[Note]) -> int:
    """How much has gone between places as earlier clients of a run noted it."""
    return sum(note["bytes"] for note in notes if note["note"] == "moved")


class Allowance:
    """What a run may move, `None` for anything. It counts what is asked for before it leaves, and takes back what did not have to."""

    def __init__(self, limit: int | None = None, run: str = "RUN", before: int = 0, tell: Callable[[int], None] = lambda _: None) -> None:
        """`run` is what a person calls the run, `before` what it has moved before; `tell` is told of what has gone, for a next client."""
        self._limit, self._run, self._tell = limit, run, tell
        self._taken = before

    @property
    def is_limited(self) -> bool:
        """Whether anything would be too much."""
        return self._limit is not None

    def fits(self, size: int) -> bool:
        """Whether so much may still go."""
        return self._limit is None or self._taken + size <= self._limit

    def take(self, size: int, parcel: Parcel) -> None:
        """Count what is about to go. Raises `TransferRefused` where that is more than may."""
        if size and not self.fits(size):
            raise TransferRefused(self._too_much(size, parcel), self._advice(size))
        self._taken += size

    def settle(self, size: int, *, went: bool) -> None:
        """What was counted has gone, or it was there already or could not go, and counts no more."""
        if size and went:
            self._tell(size)
        elif not went:
            self._taken -= size

    def _too_much(self, size: int, parcel: Parcel) -> str:
        way = f"from {Site(parcel.source)} to {Site(parcel.target)}"
        before = f", of which {size_words(self._taken)} have gone" if self._taken else ""
        limit = f"this run may move {size_words(self._limit or 0)} between places{before}"
        return f"{TRANSFER_REFUSED.code} `{plainly(parcel.name)}`, {size_words(size)}, would go {way}, and {limit}"

    def _advice(self, size: int) -> str:
        enough = -(-(self._taken + size) // 2**20)
        return (
            f"`nbcompile runs resume {self._run} --max-transfer {enough}MiB` allows it and runs nothing again that has ended well; "
            "or let the cells that use it run where it is"
        )
