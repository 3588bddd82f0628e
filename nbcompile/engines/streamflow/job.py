"""What the StreamFlow engine is asked to run. All of it lies in the run's directory, so that a next client can go on."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from nbcompile.engines.directory import RunDirectory
from nbcompile.engines.signals import Cancellation
from nbcompile.engines.streamflow.conductor import Policy
from nbcompile.model.errors import PlaceFailed, UsageError
from nbcompile.model.placement import Placement, read_placement
from nbcompile.model.plan import Granularity, Plan, Step, StepId
from nbcompile.model.run import KnownRun, RunState
from nbcompile.model.sizes import DEFAULT_MAX_TRANSFER


@dataclass(frozen=True, slots=True, kw_only=True)
class PlacedJob:
    """A bundle with streamflow.yml, whose steps run where it says.

    `python` is the interpreter asked for on this machine, `kernel` the notebook's, and `pythons` are those that steps run with
    elsewhere, path and version, by the deployment; `run` is what places call the run, and
    `request` what makes the same job again from the run's directory. `began` is when the run did, in seconds since 1970, where
    it has run by another plan before; it `goes_on` where an earlier client began with this one.
    """

    id: str
    run: str
    directory: RunDirectory
    bundle: Path
    notebook: Path
    name: str
    placement: Placement
    python: str = ""
    kernel: str = ""
    jobs: int = 0
    streams: bool = False
    cancellation: Cancellation | None = None
    policy: Policy = Policy()
    max_transfer: int = DEFAULT_MAX_TRANSFER
    pythons: Mapping[str, tuple[str, str]] = field(default_factory=dict)
    request: Mapping[str, Any] = field(default_factory=dict)
    began: float = 0.0
    goes_on: bool = False

    @property
    def place(self) -> Path:
        """Where the steps of this machine work."""
        return self.directory.state / "here"

    @property
    def plan(self) -> Plan:
        """As much of the plan as results are written by."""
        steps = tuple(Step(id=placed.step, cells=placed.cells, bindings=()) for placed in self.placement.steps)
        return Plan(granularity=Granularity.AUTO, steps=steps)

    @property
    def links(self) -> tuple[tuple[StepId, StepId], ...]:
        """Which step waits for which."""
        return tuple((source, placed.step) for placed in self.placement.steps for source in placed.after)


def job_of_request(identifier: str, notebook: Path, directory: RunDirectory, request: Mapping[str, Any]) -> PlacedJob:
    """The job whose bundle is in the run's directory."""
    bundle = directory.state / "bundle"
    return PlacedJob(
        id=identifier,
        run=request["run"],
        directory=directory,
        bundle=bundle,
        notebook=notebook,
        name=request["name"],
        placement=read_placement(json.loads((bundle / "placement.json").read_bytes())),
        python=request["python"],
        kernel=request["kernel"],
        jobs=request["jobs"],
        policy=Policy(keep_going=request["keep_going"], retries=request["retries"], retry_on=tuple(request["retry_on"])),
        max_transfer=request.get("max_transfer", DEFAULT_MAX_TRANSFER),
        pythons={name: (path, version) for name, (path, version) in request.get("pythons", {}).items()},
        request=request,
    )


def known_job(run: KnownRun) -> PlacedJob:
    """The job of a run that can go on. Raises `UsageError` when it has ended well or was another engine's, `PlaceFailed` while it runs."""
    if run.engine != "streamflow":
        raise UsageError(f"{run.id} was run by {run.engine}, which goes on with nothing", "start it again with `nbcompile run`")
    if run.state == "running":
        raise PlaceFailed(f"{run.id} is running", "wait for it, or cancel it")
    if run.state == RunState.FINISHED.value:
        raise UsageError(f"{run.id} has finished", f"its results are in {run.directory}")
    try:
        return job_of_request(run.id, Path(run.notebook), RunDirectory(run.directory), run.request)
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise UsageError(f"{run.directory} does not hold a run that can go on: {error}", "start it again with `nbcompile run`") from None
