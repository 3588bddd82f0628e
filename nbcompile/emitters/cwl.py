"""Plan -> a CWL v1.2 Workflow: one CommandLineTool per step, and one that collects the executed notebook.

No JavaScript, no InitialWorkDirRequirement, no shell: every path is a word of its own. Every output of every step
leads to an output of the workflow, because StreamFlow fails a run in which one does not.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from pathlib import PurePosixPath
from typing import Any, NamedTuple
from urllib.parse import quote

from cwl_utils.parser import cwl_v1_2 as cwl

from nbcompile.emitters.canonical import yaml_bytes
from nbcompile.emitters.join import join_runtime
from nbcompile.emitters.lockfile import lock_name
from nbcompile.emitters.readme import readme_bytes
from nbcompile.emitters.steps import notebook_template
from nbcompile.model.bundle import Bundle, BundleFile, StepFile
from nbcompile.model.notebook import Notebook
from nbcompile.model.plan import Link, Plan, Step

RUNTIME_NAME = "nbcompile_runtime.py"
_INPUT_FILES = "files"


class _Word(NamedTuple):
    """One word of a command: a literal, or the value of an input port. `source` is where the port's value comes from."""

    literal: str = ""
    port: str = ""
    type: str = ""
    source: str | list[str] = ""
    prefix: str = ""


def emit_cwl(plan: Plan, steps: Sequence[StepFile], notebook: Notebook, lock: bytes, *, collects: bool = True) -> Bundle:
    """The workflow, its inputs, the steps, the runtime, the lock and a page that explains them.

    A workflow that does not collect hands back what each step's cells showed, instead of the executed notebook.
    """
    given = _given(plan, notebook)
    workflow = _workflow(plan, notebook, given, collects=collects)
    files = [
        BundleFile(
            PurePosixPath("workflow.cwl"), b"#!/usr/bin/env cwl-runner\n" + yaml_bytes(workflow.save(top=True, relative_uris=False))
        ),
        BundleFile(PurePosixPath("inputs.yml"), yaml_bytes(given)),
        BundleFile(PurePosixPath(RUNTIME_NAME), join_runtime().encode()),
        BundleFile(PurePosixPath(_template_name(notebook)), notebook_template(notebook)),
        BundleFile(PurePosixPath(lock_name(_stem(notebook))), lock),
        BundleFile(PurePosixPath("README.md"), readme_bytes(notebook, plan)),
        *(BundleFile(PurePosixPath(f"steps/{file.step}.json"), file.content) for file in steps),
    ]
    return Bundle(tuple(sorted(files)), tuple(dict.fromkeys(path for step in plan.steps for path in step.files_in)))


def _given(plan: Plan, notebook: Notebook) -> dict[str, dict[str, str]]:
    """The workflow's inputs: what it brings along, and the person's files."""
    own = {
        "runtime": RUNTIME_NAME,
        "notebook": _template_name(notebook),
        **{f"step_{_port(s.id)}": f"steps/{s.id}.json" for s in plan.steps},
    }
    data = {name: f"{_INPUT_FILES}/{path}" for path, name in _file_ports(plan).items()}
    return {name: {"class": _type_of(path), "location": quote(path.rstrip("/"))} for name, path in {**own, **data}.items()}


def _workflow(plan: Plan, notebook: Notebook, given: dict[str, dict[str, str]], *, collects: bool) -> cwl.Workflow:
    ports = _file_ports(plan)
    sources = {name: f"collect/{name}" for name in _results(plan)} if collects else {_port(s.id): f"{s.id}/outputs" for s in plan.steps}
    steps = [_step(step, [link for link in plan.links if link.target == step.id], ports) for step in plan.steps]
    return cwl.Workflow(
        id="main",
        label=notebook.name,
        cwlVersion="v1.2",
        inputs=[cwl.WorkflowInputParameter(id=name, type_=file["class"], default=dict(file)) for name, file in given.items()],
        outputs=[
            cwl.WorkflowOutputParameter(id=name, type_=_results(plan).get(name, "File"), outputSource=source)
            for name, source in sources.items()
        ],
        steps=[*steps, _collect(plan, notebook)] if collects else steps,
        requirements=[cwl.MultipleInputFeatureRequirement()],
    )


def _step(step: Step, links: Sequence[Link], ports: dict[str, str]) -> cwl.WorkflowStep:
    words = [
        _Word(port="runtime", type="File", source="runtime"),
        _Word("step"),
        _Word(port="step", type="File", source=f"step_{_port(step.id)}"),
        _Word(f"{step.id}.outputs.json"),
    ]
    for path in step.files_in:
        words += [_Word("--file"), _Word(path.rstrip("/")), _Word(port=ports[path], type=_type_of(path), source=ports[path])]
    for link in links:
        if link.payload.endswith(".files"):
            words.append(_Word(port=f"files_{_port(link.source)}", type="Directory", source=f"{link.source}/files", prefix="--files"))
        elif link.payload:
            words.append(_Word(port=f"in_{_port(link.payload)}", type="File", source=_output(link), prefix="--payload"))
    waits = [f"{link.source}/outputs" for link in links if not link.payload]
    globs = {"outputs": f"{step.id}.outputs.json", **{_port(p.id.removeprefix(step.id)): f"{p.id}.nbc" for p in step.payloads}}
    if step.files_out:
        globs["files"] = f"{step.id}.files"
    tool = _tool(step.id, words, globs, step)
    return _workflow_step(step.id, words, tool, waits)


def _collect(plan: Plan, notebook: Notebook) -> cwl.WorkflowStep:
    executed = f"{_stem(notebook)}.executed.ipynb"
    words = [
        _Word(port="runtime", type="File", source="runtime"),
        _Word("collect"),
        _Word(port="notebook", type="File", source="notebook"),
        _Word(executed),
        _Word(port="outputs", type="File[]", source=[f"{step.id}/outputs" for step in plan.steps], prefix="--outputs"),
    ]
    writers = [f"{step.id}/files" for step in plan.steps if step.files_out]
    globs = {"executed_notebook": executed}
    if writers:
        words += [_Word(port="files", type="Directory[]", source=writers, prefix="--files"), _Word("--into"), _Word("output_files")]
        globs["output_files"] = "output_files"
    return _workflow_step("collect", words, _tool("collect", words, globs), [])


def _results(plan: Plan) -> dict[str, str]:
    """The outputs of the workflow and their types."""
    return {"executed_notebook": "File", **({"output_files": "Directory"} if any(step.files_out for step in plan.steps) else {})}


def _tool(name: str, words: Iterable[_Word], globs: dict[str, str], step: Step | None = None) -> cwl.CommandLineTool:
    places = list(enumerate(words, start=1))
    resources = step.resources if step else None
    hints: list[Any] = [
        cwl.ResourceRequirement(coresMin=(resources and resources.cpus) or 1, ramMin=resources and resources.memory_mib),
        cwl.SoftwareRequirement(packages=[cwl.SoftwarePackage(package="python")]),
    ]
    return cwl.CommandLineTool(
        # A nameless tool would be given a random id.
        id=f"{name}-tool",
        label=(step.label if step else "the executed notebook") or None,
        doc=(step.doc if step else "") or None,
        inputs=[
            cwl.CommandInputParameter(id=word.port, type_=_port_type(word), inputBinding=_binding(word, place))
            for place, word in places
            if word.port
        ],
        outputs=[
            cwl.CommandOutputParameter(id=port, type_=_type_of(path), outputBinding=cwl.CommandOutputBinding(glob=path))
            for port, path in globs.items()
        ],
        baseCommand=["python3"],
        arguments=[cwl.CommandLineBinding(position=place, valueFrom=_literal(word.literal)) for place, word in places if not word.port],
        hints=hints,
    )


def _port_type(word: _Word) -> object:
    """An array repeats its flag before every item."""
    if not word.type.endswith("[]"):
        return word.type
    items = cwl.CommandInputArraySchema(
        items=word.type.removesuffix("[]"), type_="array", inputBinding=cwl.CommandLineBinding(prefix=word.prefix)
    )
    items.name = f"{word.port}_items"
    return items


def _binding(word: _Word, place: int) -> cwl.CommandLineBinding:
    return cwl.CommandLineBinding(position=place, prefix=None if word.type.endswith("[]") else word.prefix or None)


def _workflow_step(name: str, words: Iterable[_Word], tool: cwl.CommandLineTool, waits: list[str]) -> cwl.WorkflowStep:
    given = [cwl.WorkflowStepInput(id=word.port, source=word.source, linkMerge=_merge(word.source)) for word in words if word.port]
    if waits:
        # Nothing is sent: the step only has to wait until these have ended well.
        tool.inputs.append(cwl.CommandInputParameter(id="after", type_="File[]"))
        given.append(cwl.WorkflowStepInput(id="after", source=waits, linkMerge=_merge(waits)))
    return cwl.WorkflowStep(id=name, in_=given, out=[output.id for output in tool.outputs], run=tool)


def _merge(source: str | list[str]) -> str | None:
    return "merge_flattened" if isinstance(source, list) else None


def _output(link: Link) -> str:
    return f"{link.source}/{_port(link.payload.removeprefix(link.source))}"


def _file_ports(plan: Plan) -> dict[str, str]:
    """A port name for each file the workflow is given, in the order of first use."""
    ports: dict[str, str] = {}
    for path in dict.fromkeys(path for step in plan.steps for path in step.files_in):
        stem = f"file_{_port(path)}"
        name, number = stem, 1
        while name in ports.values():
            number += 1
            name = f"{stem}_{number}"
        ports[path] = name
    return ports


def _type_of(path: str) -> str:
    return "Directory" if path.endswith(("/", ".files")) or path == "output_files" else "File"


def _template_name(notebook: Notebook) -> str:
    return f"{_stem(notebook)}.template.ipynb"


def _stem(notebook: Notebook) -> str:
    """The notebook's name without what a glob or a shell would take for itself."""
    return re.sub(r"[^A-Za-z0-9_.-]+", "-", notebook.name).lstrip("-.") or "notebook"


def _port(name: str) -> str:
    return re.sub(r"[^A-Za-z0-9]+", "_", name).strip("_") or "_"


def _literal(text: str) -> str:
    r"""The text such that CWL takes it literally: `$(` and `${` start no expression."""
    return text.replace("\\", "\\\\").replace("$(", r"\$(").replace("${", r"\${") if "$" in text else text
