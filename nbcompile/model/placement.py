"""Where the steps of a plan run, as whoever drives them needs to know it: the document `nbcompile/placement/1`."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

from nbcompile.model.plan import Plan, Resources, StepId

SCHEMA = "nbcompile/placement/1"
GATHER = "-gather"
"""What the name of the job ends with that puts the shards of a step together."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PlacedStep:
    """One step: its cells, the steps it comes after, and what it asks of the deployment `target`."""

    step: StepId
    cells: tuple[int, ...]
    after: tuple[StepId, ...] = ()
    target: str = "local"
    environment: str = ""
    service: str = ""
    interpreter: str = ""
    scattered: bool = False
    resources: Resources = Resources()


@dataclass(frozen=True, slots=True)
class Placement:
    """All steps of a plan, each after those it needs."""

    steps: tuple[PlacedStep, ...]

    def of(self, job: str) -> tuple[PlacedStep, bool] | None:
        """The step that a job of that name belongs to, and whether the job gathers its shards."""
        for placed in self.steps:
            if job == placed.step:
                return placed, False
            if placed.scattered and job == f"{placed.step}{GATHER}":
                return placed, True
        return None

    @property
    def targets(self) -> tuple[str, ...]:
        """The deployments that have steps, in the order of first use."""
        return tuple(dict.fromkeys(placed.target for placed in self.steps))


def placement_of(plan: Plan) -> Placement:
    """The placement of a plan."""
    after: dict[StepId, dict[StepId, None]] = {step.id: {} for step in plan.steps}
    for link in plan.links:
        after[link.target][link.source] = None
    return Placement(
        tuple(
            PlacedStep(
                step=step.id,
                cells=step.cells,
                after=tuple(after[step.id]),
                target=step.target,
                environment=step.environment,
                service=step.service,
                interpreter=step.interpreter,
                scattered=step.scatter is not None,
                resources=step.resources,
            )
            for step in plan.steps
        )
    )


def placement_document(placement: Placement) -> dict[str, Any]:
    """The placement as JSON."""
    return {"schema": SCHEMA, "steps": [asdict(placed) for placed in placement.steps]}


def read_placement(document: Mapping[str, Any]) -> Placement:
    """The inverse of `placement_document`. Raises ValueError, KeyError or TypeError for anything else."""
    if document["schema"] != SCHEMA:
        raise ValueError(f"{document['schema']} is not {SCHEMA}")
    return Placement(tuple(_placed_step(entry) for entry in document["steps"]))


def _placed_step(entry: Mapping[str, Any]) -> PlacedStep:
    lists = {"cells": tuple(entry["cells"]), "after": tuple(entry["after"])}
    return PlacedStep(**{**entry, **lists, "resources": Resources(**entry["resources"])})
