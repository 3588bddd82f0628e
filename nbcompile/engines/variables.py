"""The final variables of a local run as handles, which know what a value is and read it only when they are asked to."""

from __future__ import annotations

import ast
import contextlib
import importlib
import os
import types
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

from nbcompile.engines.directory import RunDirectory
from nbcompile.engines.outputs import read_outputs
from nbcompile.model.errors import Denied, UsageError
from nbcompile.model.plan import StepId
from nbcompile.model.run import Variable
from nbcompile.runtime.code_places import CodeFinder
from nbcompile.runtime.definitions import Definitions
from nbcompile.runtime.document import parse_version, read_document
from nbcompile.runtime.local_classes import LocalClasses
from nbcompile.runtime.own_paths import OwnPaths
from nbcompile.runtime.payloads import Payloads
from nbcompile.runtime.placeholders import Placeholder, placeholder_failure
from nbcompile.runtime.problem import StepProblem
from nbcompile.runtime.sources import CellSource, CellSources
from nbcompile.runtime.value_writer import Scope, register_names

if TYPE_CHECKING:
    from nbcompile.runtime.recorder import Recorder


@dataclass(frozen=True, slots=True)
class KeptVariable:
    """A variable in a payload. `writer` is the process whose run it is, `beside` the directory that its notebook lies in."""

    name: str
    type: str
    bytes: int
    sha256: str
    version: str
    payload: Path
    document: Path
    beside: Path
    writer: int

    def load(self, *, trust: bool = False) -> Any:  # noqa: ANN401 - whatever the notebook made
        """A copy of the value. Unpickles, so without `trust` only what a local run of this process has written.

        A path that names the directory of its cells names that of the notebook.

        Raises `Denied` for other values, `UsageError` for one that could not be written, or that this Python cannot read.
        """
        if self.writer != os.getpid() and not trust:
            raise Denied(f"`{self.name}` was not written by a run of this process", "say `load(trust=True)` if you trust who wrote it")
        try:
            value = _read(self)
        except StepProblem as problem:
            raise UsageError(problem.message, problem.advice) from problem
        # `isinstance` would ask the placeholder itself.
        if type(value) is Placeholder:
            failure = placeholder_failure(value)
            raise UsageError(f"`{self.name}` is {failure.what} of type {failure.type}: {failure.reason}", failure.remedy)
        return value


def kept_variables(directory: RunDirectory, beside: Path, steps: Iterable[StepId]) -> dict[str, Variable]:
    """Handles for what the steps of a run of this process were asked to keep: as the last cell has left them that has bound them.

    `beside` is the directory that the notebook lies in.
    """
    found: dict[str, KeptVariable] = {}
    for step in steps:
        for report in read_outputs(directory.outputs(step)).get("payloads", ()):
            if not report["payload"].startswith(f"{step}.-kept-"):
                continue
            payload = directory.work(step) / f"{report['payload']}.nbc"
            for one in report["versions"]:
                (name, cell), version = parse_version(one["version"]), one["version"]
                if not one.get("unbound") and (name not in found or parse_version(found[name].version).cell < cell):
                    facts = (one["type"], one["bytes"], one["sha256"])
                    found[name] = KeptVariable(name, *facts, version, payload, directory.document(step), beside, os.getpid())
    return dict(found)


def _read(variable: KeptVariable) -> Any:  # noqa: ANN401 - whatever the notebook made
    document = read_document(variable.document.read_bytes())
    register_names()
    program, payloads, version = _Program(), Payloads([str(variable.payload)], mapped=False), parse_version(variable.version)
    definitions = Definitions(document, program, cast("Recorder", program))
    definitions.replay(payloads.mentions([version]))
    scope = Scope(program, definitions, CodeFinder(program), LocalClasses(document.step), OwnPaths(str(variable.beside)))
    return payloads.read(version, scope)[version]


class _Program:
    """What payloads need of a kernel and its recorder, in a program that shows nothing: a namespace for the notebook's own definitions."""

    def __init__(self) -> None:
        self.namespace = vars(types.ModuleType("__main__"))
        self.sources = CellSources()

    def mute(self) -> contextlib.AbstractContextManager[None]:
        """Nothing is shown."""
        return contextlib.nullcontext()

    def register(self, cell: int, text: str, count: int | None) -> CellSource:
        """Make the text of a cell known to tracebacks."""
        source = CellSource(cell, text, _as_python(text), count)
        self.sources.add(source)
        return source

    def register_transformed(self, cell: int, file_name: str, text: str, count: int | None) -> None:
        """Make a cell known whose code came with a payload."""
        if not self.sources.find(file_name):
            self.sources.add(CellSource(cell, text, text, count), file_name)

    def compile(self, tree: ast.Module, file_name: str) -> types.CodeType:
        """Compile a definition statement."""
        code: types.CodeType = compile(tree, file_name, "exec")
        return code

    def execute(self, code: types.CodeType) -> None:
        """Run a definition statement of the notebook."""
        exec(code, self.namespace)  # noqa: S102 - the notebook's own definitions, of a run that is trusted


def _as_python(text: str) -> str:
    try:
        ipython = importlib.import_module("IPython.core.inputtransformer2")
    except ImportError:
        return text
    return str(ipython.TransformerManager().transform_cell(text))
