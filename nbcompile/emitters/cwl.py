"""Plan -> a CWL v1.2 Workflow: one CommandLineTool per step, and one that collects the executed notebook.

No JavaScript, no InitialWorkDirRequirement, no shell: every path is a word of its own. Every output of every step
leads to an output of the workflow, because StreamFlow fails a run in which one does not.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from pathlib import PurePosixPath
from typing import NamedTuple
from urllib.parse import quote

from cwl_utils.parser import cwl_v1_2 as cwl

from nbcompile.emitters.canonical import json_bytes, yaml_bytes
from nbcompile.emitters.cwl_parameters import ParameterInput, parameter_inputs, parameter_words, parameters_schema
from nbcompile.emitters.cwl_scatter import (
    SHARD,
    cut_globs,
    gather_step,
    output_of,
    payload_port,
    scatter_requirements,
    scattered_step,
    whole,
)
from nbcompile.emitters.cwl_tool import Glob, Word, make_tool, port_name, type_of, workflow_step
from nbcompile.emitters.join import join_runtime
from nbcompile.emitters.lockfile import lock_name
from nbcompile.emitters.parameters import WORKING_DIRECTORY, file_parameters
from nbcompile.emitters.readme import readme_bytes
from nbcompile.emitters.steps import notebook_template
from nbcompile.emitters.write import place_apart, place_of_input
from nbcompile.model.bundle import Bundle, BundleFile, StepFile
from nbcompile.model.notebook import Notebook
from nbcompile.model.parameters import Parameters
from nbcompile.model.plan import Plan, Step

RUNTIME_NAME = "nbcompile_runtime.py"


def emit_cwl(
    plan: Plan,
    steps: Sequence[StepFile],
    notebook: Notebook,
    lock: bytes,
    parameters: Parameters = Parameters(),
    *,
    collects: bool = True,
) -> Bundle:
    """The workflow, its inputs, the steps, the runtime, the lock and a page that explains them.

    A workflow that does not collect hands back what each step's cells showed, instead of the executed notebook.
    """
    of_parameters = file_parameters(parameters, plan)
    ports = _file_ports(plan, of_parameters)
    taken_apart = _apart(plan, of_parameters)
    given = _given(plan, notebook, {ports[path]: place_apart(path) if path in taken_apart else place_of_input(path) for path in ports})
    inputs = parameter_inputs(parameters, of_parameters.values(), given)
    workflow = _workflow(plan, notebook, given, _Taken(ports, parameters, inputs, tuple(of_parameters)), collects=collects)
    files = [
        BundleFile(
            PurePosixPath("workflow.cwl"), b"#!/usr/bin/env cwl-runner\n" + yaml_bytes(workflow.save(top=True, relative_uris=False))
        ),
        BundleFile(PurePosixPath("inputs.yml"), yaml_bytes({**given, **{one.port: one.default for one in inputs}})),
        BundleFile(PurePosixPath(RUNTIME_NAME), join_runtime().encode()),
        BundleFile(PurePosixPath(_template_name(notebook)), notebook_template(notebook)),
        BundleFile(PurePosixPath(lock_name(_stem(notebook))), lock),
        BundleFile(PurePosixPath("README.md"), readme_bytes(notebook, plan)),
        *(BundleFile(PurePosixPath(f"steps/{file.step}.json"), file.content) for file in steps),
        *([BundleFile(PurePosixPath("parameters.schema.json"), json_bytes(parameters_schema(inputs)))] if inputs else []),
    ]
    return Bundle(tuple(sorted(files)), tuple(dict.fromkeys(path for step in plan.steps for path in step.files_in)), taken_apart)


def _apart(plan: Plan, paths: Iterable[str]) -> tuple[str, ...]:
    """The files and directories below the notebook's directory among these, where a step is given the whole of it as well."""
    if not any(WORKING_DIRECTORY in step.files_in for step in plan.steps):
        return ()
    return tuple(path for path in paths if not path.startswith("../"))


class _Taken(NamedTuple):
    """What a workflow takes from outside: files, by their paths the names of the ports, and parameters with their inputs."""

    ports: dict[str, str]
    parameters: Parameters
    inputs: tuple[ParameterInput, ...]
    files: tuple[str, ...] = ()

    def files_of(self, step: Step) -> tuple[str, ...]:
        """The files that the step is given; one that is a parameter takes the place of that in the working directory."""
        if WORKING_DIRECTORY not in step.files_in:
            return step.files_in
        return tuple(dict.fromkeys((*step.files_in, *self.files)))

    def words(self, step: Step) -> list[Word]:
        """The words that tell the values to the step whose cell takes them."""
        return parameter_words(self.inputs) if self.parameters.taken_by in step.cells else []


def _given(plan: Plan, notebook: Notebook, data: dict[str, str]) -> dict[str, dict[str, str]]:
    """The workflow's inputs: what it brings along, and the person's files, by the names of their ports."""
    own = {
        "runtime": RUNTIME_NAME,
        "notebook": _template_name(notebook),
        **{f"step_{port_name(s.id)}": f"steps/{s.id}.json" for s in plan.steps},
    }
    return {name: {"class": type_of(path), "location": quote(path.rstrip("/"))} for name, path in {**own, **data}.items()}


def _workflow(plan: Plan, notebook: Notebook, given: dict[str, dict[str, str]], taken: _Taken, *, collects: bool) -> cwl.Workflow:
    steps = [made for step in plan.steps for made in _step(step, plan, taken)]
    return cwl.Workflow(
        id="main",
        label=notebook.name,
        cwlVersion="v1.2",
        inputs=[
            *(cwl.WorkflowInputParameter(id=name, type_=file["class"], default=dict(file)) for name, file in given.items()),
            *(cwl.WorkflowInputParameter(id=p.port, type_=p.type, default=p.default, doc=p.parameter.doc or None) for p in taken.inputs),
        ],
        outputs=[
            cwl.WorkflowOutputParameter(id=name, type_=kind, outputSource=source)
            for name, (kind, source) in _results(plan, collects=collects).items()
        ],
        steps=[*steps, _collect(plan, notebook)] if collects else steps,
        requirements=[cwl.MultipleInputFeatureRequirement(), *scatter_requirements(plan)],
    )


def _step(step: Step, plan: Plan, taken: _Taken) -> list[cwl.WorkflowStep]:
    """The step, and where it is scattered the one that gathers."""
    links = [link for link in plan.links if link.target == step.id]
    outputs = f"{step.id}.outputs.json"
    words = [*_command("step", step), Word(outputs.replace(".json", f".{SHARD}.json") if step.scatter else outputs)]
    words += taken.words(step)
    for path in taken.files_of(step):
        words += [
            Word("--file"),
            Word(path.rstrip("/")),
            Word(port=f"given_{taken.ports[path]}", type=type_of(path), source=taken.ports[path]),
        ]
    shards = {port.source for port in step.scatter.ports} if step.scatter else set()
    for link in links:
        source = whole(link.source, plan)
        if link.payload.endswith(".files"):
            words.append(Word(port=f"files_{port_name(link.source)}", type="Directory", source=f"{source}/files", prefix="--files"))
        elif link.payload and link.payload not in shards:
            words.append(Word(port=f"in_{port_name(link.payload)}", type="File", source=output_of(link, plan), prefix="--payload"))
    waits = [f"{whole(link.source, plan)}/outputs" for link in links if not link.payload]
    if step.scatter:
        return [scattered_step(step, plan, words, waits), gather_step(step, plan, _command("gather", step))]
    globs = {"outputs": Glob(outputs), **{payload_port(step, p.id): Glob(f"{p.id}.nbc") for p in step.payloads}, **cut_globs(step)}
    # Any cell may write a file that nobody foresaw.
    globs["files"] = Glob(f"{step.id}.files", "Directory")
    return [workflow_step(step.id, words, make_tool(step.id, words, globs, step), waits)]


def _command(command: str, step: Step) -> list[Word]:
    return [
        Word(port="runtime", type="File", source="runtime"),
        Word(command),
        Word(port="step", type="File", source=f"step_{port_name(step.id)}"),
    ]


def _collect(plan: Plan, notebook: Notebook) -> cwl.WorkflowStep:
    executed = f"{_stem(notebook)}.executed.ipynb"
    words = [
        Word(port="runtime", type="File", source="runtime"),
        Word("collect"),
        Word(port="notebook", type="File", source="notebook"),
        Word(executed),
        Word(port="outputs", type="File[]", source=[f"{whole(step.id, plan)}/outputs" for step in plan.steps], prefix="--outputs"),
    ]
    writers = [f"{whole(step.id, plan)}/files" for step in plan.steps]
    words += [Word(port="files", type="Directory[]", source=writers, prefix="--files"), Word("--into"), Word("output_files")]
    globs = {"executed_notebook": Glob(executed), "output_files": Glob("output_files", "Directory")}
    return workflow_step("collect", words, make_tool("collect", words, globs))


def _results(plan: Plan, *, collects: bool) -> dict[str, tuple[str, str]]:
    """The outputs of the workflow: what type each has, and where it comes from."""
    if collects:
        return {"executed_notebook": ("File", "collect/executed_notebook"), "output_files": ("Directory", "collect/output_files")}
    shown = {port_name(step.id): ("File", f"{whole(step.id, plan)}/outputs") for step in plan.steps}
    return {**shown, **{f"{port_name(step.id)}_files": ("Directory", f"{whole(step.id, plan)}/files") for step in plan.steps}}


def _file_ports(plan: Plan, parameters: dict[str, str]) -> dict[str, str]:
    """A port name for each file the workflow is given, in the order of first use: that of the parameter whose value it is."""
    ports: dict[str, str] = {}
    for path in dict.fromkeys(path for step in plan.steps for path in step.files_in):
        stem = port_name(parameters[path]) if path in parameters else f"file_{port_name(path)}"
        name, number = stem, 1
        while name in ports.values():
            number += 1
            name = f"{stem}_{number}"
        ports[path] = name
    return ports


def _template_name(notebook: Notebook) -> str:
    return f"{_stem(notebook)}.template.ipynb"


def _stem(notebook: Notebook) -> str:
    """The notebook's name without what a glob or a shell would take for itself."""
    return re.sub(r"[^A-Za-z0-9_.-]+", "-", notebook.name).lstrip("-.") or "notebook"
