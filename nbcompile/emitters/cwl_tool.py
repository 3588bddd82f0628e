"""The words of a command -> a CommandLineTool, and the step of a workflow that gives each of its ports a value."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, NamedTuple

from cwl_utils.parser import cwl_v1_2 as cwl

from nbcompile.model.plan import Step


class Word(NamedTuple):
    """One word of a command: a literal, or the value of an input port. `source` is where the port's value comes from.

    A `prefix` stands before the value, in the same word where it is `joined`.
    """

    literal: str = ""
    port: str = ""
    type: str = ""
    source: str | list[str] = ""
    prefix: str = ""
    joined: bool = False


class Glob(NamedTuple):
    """The files that a command leaves for an output: one, or several whose order is that of their names."""

    pattern: str
    type: str = "File"


def make_tool(name: str, words: Iterable[Word], globs: Mapping[str, Glob], step: Step | None = None) -> cwl.CommandLineTool:
    """The command as a CommandLineTool with an output for each of `globs`."""
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
            cwl.CommandOutputParameter(id=port, type_=glob.type, outputBinding=cwl.CommandOutputBinding(glob=glob.pattern))
            for port, glob in globs.items()
        ],
        baseCommand=["python3"],
        arguments=[cwl.CommandLineBinding(position=place, valueFrom=_literal(word.literal)) for place, word in places if not word.port],
        hints=hints,
    )


def _port_type(word: Word) -> object:
    """An array repeats its flag before every item, also in arrays of arrays."""
    plain = word.type.removesuffix("?")
    kind, _, rest = plain.partition("[]")
    if rest == "" and kind == plain:
        return word.type
    items = cwl.CommandInputArraySchema(items=kind, type_="array", inputBinding=_prefixed(word))
    items.name = f"{word.port}_items"
    for depth in range(rest.count("[]")):
        items = cwl.CommandInputArraySchema(items=items, type_="array")
        items.name = f"{word.port}_items_{depth}"
    return ["null", items] if word.type.endswith("?") else items


def _binding(word: Word, place: int) -> cwl.CommandLineBinding:
    binding = cwl.CommandLineBinding() if "[]" in word.type else _prefixed(word)
    binding.position = place
    return binding


def _prefixed(word: Word) -> cwl.CommandLineBinding:
    return cwl.CommandLineBinding(prefix=word.prefix or None, separate=False if word.joined else None)


def workflow_step(name: str, words: Iterable[Word], tool: cwl.CommandLineTool, waits: Sequence[str] = ()) -> cwl.WorkflowStep:
    """The step that runs a command when its ports have values, and `waits` have ended well."""
    given = [cwl.WorkflowStepInput(id=word.port, source=word.source, linkMerge=_merge(word.source)) for word in words if word.port]
    if waits:
        # Nothing is sent: the step only has to wait until these have ended well.
        tool.inputs.append(cwl.CommandInputParameter(id="after", type_="File[]"))
        given.append(cwl.WorkflowStepInput(id="after", source=list(waits), linkMerge="merge_flattened"))
    return cwl.WorkflowStep(id=name, in_=given, out=[output.id for output in tool.outputs], run=tool)


def _merge(source: str | list[str]) -> str | None:
    return "merge_flattened" if isinstance(source, list) else None


def type_of(path: str) -> str:
    """What a path of the notebook names: a directory ends with a slash."""
    return "Directory" if path.endswith("/") else "File"


def port_name(name: str) -> str:
    """A name as CWL engines take it for a port."""
    return re.sub(r"[^A-Za-z0-9]+", "_", name).strip("_") or "_"


def _literal(text: str) -> str:
    r"""The text such that CWL takes it literally: `$(` and `${` start no expression."""
    return text.replace("\\", "\\\\").replace("$(", r"\$(").replace("${", r"\${") if "$" in text else text
