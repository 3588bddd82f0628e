"""Plan -> a CWL v1.2 Workflow: one CommandLineTool per step, and one that collects the executed notebook.

No JavaScript, no InitialWorkDirRequirement, no shell: every path is a word of its own. Every output of every step
leads to the executed notebook, because StreamFlow fails a run in which one does not.
"""

from __future__ import annotations

from pathlib import PurePosixPath
from typing import Any, NamedTuple

from cwl_utils.parser import cwl_v1_2 as cwl

from nbcompile.emitters.canonical import yaml_bytes
from nbcompile.emitters.join import join_runtime
from nbcompile.emitters.steps import notebook_template, step_files
from nbcompile.model.bundle import Bundle, BundleFile
from nbcompile.model.notebook import Notebook
from nbcompile.model.plan import Plan, Step

RUNTIME_NAME = "nbcompile_runtime.py"


class _Port(NamedTuple):
    """An input of a tool: its id, type, and the word it becomes; `source` is where its value comes from."""

    id: str
    type: object
    position: int
    source: object


def emit_cwl(plan: Plan, notebook: Notebook) -> Bundle:
    """The workflow, its inputs, the steps and the runtime."""
    template = f"{notebook.name}.template.ipynb"
    given = {
        "runtime": RUNTIME_NAME,
        "notebook": template,
        **{f"{_port(step.id)}_step": f"steps/{step.id}.json" for step in plan.steps},
    }
    workflow = _workflow(plan, notebook, given)
    inputs = {name: {"class": "File", "location": path} for name, path in given.items()}
    files = [
        BundleFile(
            PurePosixPath("workflow.cwl"), b"#!/usr/bin/env cwl-runner\n" + yaml_bytes(workflow.save(top=True, relative_uris=False))
        ),
        BundleFile(PurePosixPath("inputs.yml"), yaml_bytes(inputs)),
        BundleFile(PurePosixPath(RUNTIME_NAME), join_runtime().encode()),
        BundleFile(PurePosixPath(template), notebook_template(notebook)),
        *(BundleFile(PurePosixPath(f"steps/{file.step}.json"), file.content) for file in step_files(plan, notebook)),
    ]
    return Bundle(tuple(sorted(files)))


def _workflow(plan: Plan, notebook: Notebook, given: dict[str, str]) -> cwl.Workflow:
    steps = [_step(step) for step in plan.steps]
    steps.append(_collect(plan, notebook))
    return cwl.Workflow(
        id="main",
        label=notebook.name,
        cwlVersion="v1.2",
        inputs=[_file_input(name, path) for name, path in given.items()],
        outputs=[cwl.WorkflowOutputParameter(id="executed_notebook", type_="File", outputSource="collect/executed")],
        steps=steps,
        requirements=[cwl.MultipleInputFeatureRequirement()],
    )


def _file_input(name: str, path: str) -> cwl.WorkflowInputParameter:
    return cwl.WorkflowInputParameter(id=name, type_="File", default={"class": "File", "location": path})


def _step(step: Step) -> cwl.WorkflowStep:
    outputs = f"{step.id}.outputs.json"
    ports = (_Port("runtime", "File", 1, "runtime"), _Port("step", "File", 3, f"{_port(step.id)}_step"))
    tool = _tool(ports, [(2, "step"), (4, outputs)], {"outputs": outputs}, step)
    tool.label, tool.doc = step.label or None, step.doc or None
    return _workflow_step(step.id, ports, tool)


def _collect(plan: Plan, notebook: Notebook) -> cwl.WorkflowStep:
    executed = f"{notebook.name}.executed.ipynb"
    every = [f"{step.id}/outputs" for step in plan.steps]
    ports = (
        _Port("runtime", "File", 1, "runtime"),
        _Port("notebook", "File", 3, "notebook"),
        _Port("outputs", "File[]", 5, every),
    )
    tool = _tool(ports, [(2, "collect"), (4, executed)], {"executed": executed})
    return _workflow_step("collect", ports, tool)


def _tool(ports: tuple[_Port, ...], words: list[tuple[int, str]], globs: dict[str, str], step: Step | None = None) -> cwl.CommandLineTool:
    resources = step.resources if step else None
    hints: list[Any] = [
        cwl.ResourceRequirement(coresMin=(resources and resources.cpus) or 1, ramMin=resources and resources.memory_mib),
        cwl.SoftwareRequirement(packages=[cwl.SoftwarePackage(package="python")]),
    ]
    return cwl.CommandLineTool(
        inputs=[
            cwl.CommandInputParameter(id=port.id, type_=port.type, inputBinding=cwl.CommandLineBinding(position=port.position))
            for port in ports
        ],
        outputs=[
            cwl.CommandOutputParameter(id=name, type_="File", outputBinding=cwl.CommandOutputBinding(glob=_safe(path)))
            for name, path in globs.items()
        ],
        baseCommand=["python3"],
        arguments=[cwl.CommandLineBinding(position=position, valueFrom=_safe(word)) for position, word in words],
        hints=hints,
    )


def _workflow_step(name: str, ports: tuple[_Port, ...], tool: cwl.CommandLineTool) -> cwl.WorkflowStep:
    # A nameless tool would be given a random id.
    tool.id = f"{name}-tool"
    return cwl.WorkflowStep(
        id=name,
        in_=[_step_input(port) for port in ports],
        out=[output.id for output in tool.outputs],
        run=tool,
    )


def _step_input(port: _Port) -> cwl.WorkflowStepInput:
    merge = "merge_flattened" if isinstance(port.source, list) else None
    return cwl.WorkflowStepInput(id=port.id, source=port.source, linkMerge=merge)


def _port(name: str) -> str:
    return name.replace("-", "_")


def _safe(text: str) -> str:
    r"""The text such that CWL takes it literally: `$(` and `${` start no expression."""
    return text.replace("$(", r"\$(").replace("${", r"\${")
