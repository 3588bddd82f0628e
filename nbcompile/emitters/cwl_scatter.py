"""A scattered step in CWL: a step that is scattered over the shards it is given, and one that gathers what they left.

Every axis but the last is a Workflow of its own around the next one, so that what comes out is arrays of arrays in the order of
the shards. Names that go in step are one `dotproduct`. Shards are files, cut and joined by the step runtime.
"""

from __future__ import annotations

from collections.abc import Sequence

from cwl_utils.parser import cwl_v1_2 as cwl

from nbcompile.emitters.cwl_tool import Glob, Word, make_tool, port_name, workflow_step
from nbcompile.emitters.steps import gathered_payloads
from nbcompile.model.placement import GATHER
from nbcompile.model.plan import Link, Plan, Step, StepId

# The runtime puts the label of the shard here.
SHARD = "{shard}"
_SHOWN = "-shown"


def scatter_requirements(plan: Plan) -> list[object]:
    """What an engine must be able to do for the scattered steps of a plan."""
    widths = [len(step.scatter.axes) for step in plan.steps if step.scatter]
    needed: list[object] = [cwl.ScatterFeatureRequirement()] if widths else []
    return [*needed, cwl.SubworkflowFeatureRequirement()] if max(widths, default=0) > 1 else needed


def whole(step: StepId, plan: Plan) -> str:
    """The step of the workflow that has the results of a whole step of the plan."""
    return f"{step}{GATHER}" if next(one for one in plan.steps if one.id == step).scatter else step


def output_of(link: Link, plan: Plan) -> str:
    """The output that a link brings: of the shards as they are, or of the whole."""
    step = next(one for one in plan.steps if one.id == link.source)
    return f"{step.id if link.shards else whole(step.id, plan)}/{payload_port(step, link.payload)}"


def payload_port(step: Step, payload: str) -> str:
    """The output of a step for one of its payloads or cuts."""
    return port_name(payload.removeprefix(step.id))


def cut_globs(step: Step) -> dict[str, Glob]:
    """The outputs for what a step cuts."""
    return {payload_port(step, cut.id): Glob(f"{cut.id}.*.nbc", "File[]") for cut in step.cuts}


def scattered_step(step: Step, plan: Plan, words: Sequence[Word], waits: Sequence[str]) -> cwl.WorkflowStep:
    """The step that runs the cell once for each combination of shards. `words` are those for all shards."""
    axes = [[_shard_word(port.source, step, plan) for port in axis] for axis in step.scatter.axes] if step.scatter else []
    words = [*words, *(word for axis in axes for word in axis)]
    globs = {"outputs": Glob(f"{step.id}.outputs.*.json"), "files": Glob(f"{step.id}.*.files", "Directory")}
    globs |= {name: Glob(f"{payload}.*.nbc") for name, payload in _shard_payloads(step).items()}
    made = workflow_step(step.id, words, make_tool(step.id, words, globs, step), waits)
    ports = [[word.port for word in axis] for axis in axes]
    for depth in range(1, len(ports)):
        made.run = _workflow_over(made, ports[-depth:], depth)
    return _scattered(made, ports[0])


def _workflow_over(step: cwl.WorkflowStep, inner: Sequence[Sequence[str]], depth: int) -> cwl.Workflow:
    """What a step runs as a workflow that is scattered over the first of the `inner` axes; of all of them it is given every shard."""
    shards = {port for axis in inner for port in axis}
    types = {port.id: port.type_ for port in step.run.inputs}
    only = cwl.WorkflowStep(
        id=step.id, in_=[cwl.WorkflowStepInput(id=port.id, source=port.id) for port in step.in_], out=step.out, run=step.run
    )
    return cwl.Workflow(
        id=f"{step.id}-axis-{depth}",
        inputs=[cwl.WorkflowInputParameter(id=name, type_="File[]" if name in shards else kind) for name, kind in types.items()],
        outputs=[
            cwl.WorkflowOutputParameter(id=port.id, type_=_arrays(port, depth), outputSource=f"{step.id}/{port.id}")
            for port in step.run.outputs
        ],
        steps=[_scattered(only, inner[0])],
    )


def _scattered(step: cwl.WorkflowStep, axis: Sequence[str]) -> cwl.WorkflowStep:
    step.scatter = list(axis)
    step.scatterMethod = "dotproduct" if len(axis) > 1 else None
    return step


def _arrays(port: cwl.CommandOutputParameter | cwl.WorkflowOutputParameter, depth: int) -> object:
    """The type of what an output holds in arrays of arrays, one more than inside."""
    kind = cwl.OutputArraySchema(items=port.type_, type_="array")
    kind.name = f"{port.id}_items_{depth}"
    return kind


def gather_step(step: Step, plan: Plan, words: Sequence[Word]) -> cwl.WorkflowStep:
    """The step that puts together what the shards left. `words` begin its command."""
    name, outputs = whole(step.id, plan), f"{step.id}.outputs.json"
    many = "[]" * len(step.scatter.axes) if step.scatter else ""
    joined = gathered_payloads(step, plan)
    shards = {port: payload for port, payload in _shard_payloads(step).items() if payload in joined or payload.endswith(_SHOWN)}
    words = [
        *words,
        Word(outputs),
        Word(port="shard_files", type=f"Directory{many}", source=f"{step.id}/files", prefix="--files"),
        Word(port="shard_outputs", type=f"File{many}", source=f"{step.id}/outputs", prefix="--outputs"),
        *(Word(port=f"in_{port}", type=f"File{many}", source=f"{step.id}/{port}", prefix="--payload") for port in shards),
    ]
    sent = {link.payload for link in plan.links if link.source == step.id and not link.shards}
    wholes = {payload_port(step, payload): Glob(f"{payload}.nbc") for payload in joined if payload in sent}
    return workflow_step(
        name,
        words,
        make_tool(name, words, {"outputs": Glob(outputs), "files": Glob(f"{step.id}.files", "Directory"), **wholes, **cut_globs(step)}),
    )


def _shard_word(source: str, step: Step, plan: Plan) -> Word:
    link = next(link for link in plan.links if link.target == step.id and link.payload == source)
    return Word(port=f"shard_{port_name(source)}", type="File", source=output_of(link, plan), prefix="--payload")


def _shard_payloads(step: Step) -> dict[str, str]:
    payloads = [payload.id for payload in step.payloads]
    if step.scatter and step.scatter.shows:
        payloads.append(f"{step.id}.{_SHOWN}")
    return {payload_port(step, payload): payload for payload in payloads}
