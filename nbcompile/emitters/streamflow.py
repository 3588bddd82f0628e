"""A CWL bundle and its plan -> the same bundle with streamflow.yml v1.0, which binds each step to the deployment it is placed at.

The file holds names only: our connector asks for what they stand for when the workflow runs. Deployments that the notebook describes
itself, and that a person allows, are StreamFlow's own.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import replace
from pathlib import PurePosixPath
from types import MappingProxyType
from typing import Any

from nbcompile.emitters.canonical import json_bytes, yaml_bytes
from nbcompile.model.bundle import Bundle, BundleFile
from nbcompile.model.placement import GATHER, Placement, placement_document, placement_of
from nbcompile.model.plan import Plan, Step
from nbcompile.model.workflow import InlineDeployment

CONNECTOR, SCHEDULER = "nbcompile.session", "nbcompile.session"
# Paths below this one exist only between StreamFlow and our connector.
WORKDIR = "/nbcompile"
_LOCAL = "local"


def emit_streamflow(
    bundle: Bundle,
    plan: Plan,
    *,
    tenant: str,
    run: str,
    everywhere: bool = False,
    described: Mapping[str, InlineDeployment] = MappingProxyType({}),
) -> Bundle:
    """Add streamflow.yml, what the connector knows of the steps, and how to run it.

    Steps of this machine are left to StreamFlow itself, unless `everywhere` binds them to our connector as well. `described` are
    deployments that are StreamFlow's own, as the notebook describes them.
    """
    steps = {str(step.id): step for step in plan.steps}
    placement = placement_of(plan)
    bound = [step for step in placement.steps if everywhere or step.target != _LOCAL]
    targets = tuple(dict.fromkeys(step.target for step in bound))
    document: dict[str, Any] = {
        "version": "v1.0",
        "workflows": {"main": {"type": "cwl", "config": {"file": "workflow.cwl", "settings": "inputs.yml"}}},
        # A file in the home directory would let only one run go on at a time.
        "database": {"type": "default", "config": {"connection": ":memory:"}},
    }
    if bound:
        document["workflows"]["main"]["bindings"] = [
            {"step": f"/{name}", "target": _own_target(steps[step.step]) if step.target in described else _target(step.target)}
            for step in bound
            for name in (step.step, *([f"{step.step}{GATHER}"] if step.scattered else []))
        ]
        document["deployments"] = {
            name: _described(described[name]) if name in described else _deployment(name, tenant, run) for name in targets
        }
    if any(target not in described for target in targets):
        document["scheduling"] = {"scheduler": {"type": SCHEDULER, "config": {}}}
    added = (
        BundleFile(PurePosixPath("streamflow.yml"), yaml_bytes(document)),
        BundleFile(PurePosixPath("placement.json"), json_bytes(placement_document(placement))),
    )
    page = "README.md"
    files = [
        BundleFile(file.path, file.content + _readme(placement, described)) if str(file.path) == page else file
        for file in (*bundle.files, *added)
    ]
    return replace(bundle, files=tuple(sorted(files)))


def _target(deployment: str) -> dict[str, Any]:
    return {"deployment": deployment, "workdir": WORKDIR}


def _own_target(step: Step) -> dict[str, Any]:
    """Where a step runs at a deployment of StreamFlow's own."""
    said = {"service": step.service, "locations": step.locations if step.locations > 1 else 0, "workdir": step.workdir}
    return {"deployment": step.target, **{key: value for key, value in said.items() if value}}


def _described(deployment: InlineDeployment) -> dict[str, Any]:
    said = {"external": deployment.external, "workdir": deployment.workdir}
    return {"type": deployment.type, "config": dict(deployment.config), **{key: value for key, value in said.items() if value}}


def _deployment(name: str, tenant: str, run: str) -> dict[str, Any]:
    return {"type": CONNECTOR, "workdir": WORKDIR, "config": {"tenant": tenant, "deployment": name, "run": run}}


def _readme(placement: Placement, described: Iterable[str]) -> bytes:
    own = ", ".join(f"`{name}`" for name in described)
    note = (
        f"\nThe notebook itself describes {own}: `streamflow.yml` has what it says, and paths in it are told from there.\n" if own else ""
    )
    rows = "\n".join(f"| `{step.step}` | `{step.target}` |" for step in placement.steps)
    return f"""
## Places

`streamflow run --outdir results streamflow.yml` runs each step where it is placed. The environment of StreamFlow must have
nbcompile and its backends; what the names of deployments stand for is looked up when the workflow runs.

| step | deployment |
|---|---|
{rows}
{note}""".encode()
