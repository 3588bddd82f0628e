"""Plan + sizes -> what a run would ask for and move, and whether that is more than it may."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from nbcompile.model.errors import UsageError
from nbcompile.model.forecast import Forecast, Hop, Parcel, PlannedJob
from nbcompile.model.graph import CHANNEL, FILE
from nbcompile.model.plainly import plainly
from nbcompile.model.plan import Link, Plan, Step
from nbcompile.model.sizes import size_words
from nbcompile.model.software import Site
from nbcompile.places.resident import ResidentRead
from nbcompile.rules.environment import TRANSFER_REFUSED

_HERE = "local"
_OUTSIDE = ("/", "~")


def forecast(
    plan: Plan, file_size: Callable[[str], int | None], payload_sizes: Mapping[str, int], reads: tuple[ResidentRead, ...]
) -> Forecast:
    """What the plan asks for. `file_size` knows the files beside the notebook; `payload_sizes` are those of an earlier run."""
    return Forecast(
        jobs=tuple(_job(step) for step in plan.steps),
        hops=_hops(plan, file_size, payload_sizes),
        resident=tuple((read.path, read.home, read.step.id) for read in reads if read.home == read.step.target),
        critical_path=plan.critical_path,
    )


def check_transfer(found: Forecast, limit: int) -> None:
    """Raise `UsageError` that names what is too much, where the run would move more than the limit."""
    if found.size <= limit:
        return
    hop = max(found.hops, key=lambda one: one.size)
    parcel = max(hop.parcels, key=lambda one: one.size or 0)
    way = f"from {Site(hop.source)} to {Site(hop.target)} for the step `{parcel.step}`"
    message = (
        f"{TRANSFER_REFUSED.code} the run would move {size_words(found.size)} between places, and may move {size_words(limit)}; "
        f"{size_words(parcel.size or 0)} are `{plainly(parcel.name)}`, which goes {way}"
    )
    advice = "place the cells that use it where it is, declare it as `files.resident` of nbcompile.yml, or allow more with --max-transfer"
    raise UsageError(message, advice)


def _job(step: Step) -> PlannedJob:
    return PlannedJob(
        step=step.id,
        cells=step.cells,
        place=step.target,
        environment=step.environment,
        resources=step.resources,
        nodes=step.locations,
        scattered=step.scatter is not None,
        why=step.why,
    )


def _hops(plan: Plan, file_size: Callable[[str], int | None], payload_sizes: Mapping[str, int]) -> tuple[Hop, ...]:
    """A file or a value goes to a place once, however many steps need it there."""
    steps = {step.id: step for step in plan.steps}
    parcels: dict[tuple[str, str], dict[str, Parcel]] = {}
    for step in plan.steps:
        for path in step.files_in if step.target != _HERE else ():
            parcels.setdefault((_HERE, step.target), {}).setdefault(path, Parcel(path, step.id, file_size(path)))
        # What cells write is a result of the run, wherever they ran; nobody knows its size before.
        for path in step.files_out if step.target != _HERE else ():
            if not path.startswith(_OUTSIDE):
                parcels.setdefault((step.target, _HERE), {}).setdefault(path, Parcel(path, step.id))
    for link in plan.links:
        way = (steps[link.source].target, steps[link.target].target)
        names = _names(link)
        if way[0] != way[1] and names:
            parcel = Parcel(", ".join(names), link.target, payload_sizes.get(link.payload))
            parcels.setdefault(way, {}).setdefault(link.payload or names[0], parcel)
    return tuple(Hop(source, target, tuple(found.values())) for (source, target), found in parcels.items())


def _names(link: Link) -> list[str]:
    return [one.name.removeprefix(FILE) for one in link.versions if one.cell >= 0 and not one.name.startswith(CHANNEL)]
