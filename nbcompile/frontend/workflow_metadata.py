"""Notebook -> WorkflowDeclaration: `metadata.workflow` of the notebook and its cells, as jupyter-workflow defines it (v1.0).

The older spelling, up to release 0.0.37 (`models`, `model`, `resources`, `scatter` at an input), is read as well.
What does not fit the format is an error here, where that tool runs the cell on the spot.
"""

from __future__ import annotations

import ast
import difflib
import hashlib
import json
import keyword
import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from nbcompile.model.diagnostic import Diagnostic, Outcome, Place
from nbcompile.model.notebook import Cell, Notebook
from nbcompile.model.workflow import (
    CellDeclaration,
    InlineDeployment,
    KeyPath,
    Permission,
    Port,
    PortKind,
    Question,
    Scatter,
    ScatterMethod,
    Serializer,
    Split,
    StepDeclaration,
    TargetDeclaration,
    WorkflowDeclaration,
)
from nbcompile.rules import workflow as rules

_VERSION = "v1.0"
_TOP_KEYS = ("version", "interpreter", "deployments", "serializers", "step", "target")
_STEP_KEYS = ("in", "out", "autoin", "background", "scatter", "workdir")
_PORT_KEYS = ("name", "type", "value", "valueFrom", "serializer")
_TARGET_KEYS = ("deployment", "service", "locations", "workdir")
_OLD_SPELLINGS = {"models": "deployments", "model": "deployment", "resources": "locations"}
_DEPLOYMENT_NAME = re.compile(r"[A-Za-z][A-Za-z0-9._-]{0,62}")
_VARIABLE_OF_THE_ENVIRONMENT = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
_INPUT_KINDS = ("name", "file", "env", "control")
_OUTPUT_KINDS = ("name", "file", "control")
_PLAIN_INTERPRETERS = ("", "ipython", "ipython3", "python", "python3")
_NO_WORKDIR = ("", "${TMPDIR}/streamflow")
_DEEPEST_SCATTER = 16


def read_workflow(notebook: Notebook) -> Outcome[WorkflowDeclaration]:
    """What the notebook and its cells declare, and what is wrong with it."""
    diagnostics: list[Diagnostic] = []
    whole = _Scope()
    try:
        if "workflow" in notebook.metadata:
            whole = _scope(_Node(notebook.metadata["workflow"], ("metadata", "workflow")), whole)
    except _Invalid as invalid:
        diagnostics.append(invalid.diagnostic(Place()))
    cells: list[CellDeclaration] = []
    questions: list[Question] = []
    for cell in notebook.code_cells:
        if "workflow" in cell.metadata:
            declared, found = _cell(cell, whole)
            diagnostics += found
            cells += [declared] if declared else []
            questions += _questions(declared) if declared else ()
    diagnostics += _without_effect(notebook, cells, whole)
    return Outcome(WorkflowDeclaration(cells=tuple(cells), questions=tuple(questions)), tuple(diagnostics))


class _Invalid(Exception):
    """Something that does not fit the format."""

    def __init__(self, at: KeyPath, message: str, advice: str = "") -> None:
        super().__init__(message)
        self.at, self.message, self.advice = at, message, advice

    def diagnostic(self, place: Place) -> Diagnostic:
        return Diagnostic(rule=rules.INVALID_METADATA, message=self.message, place=place._replace(key=self.at), help=self.advice)


@dataclass(frozen=True, slots=True)
class _Node:
    """A value of the JSON and where it stands."""

    value: Any
    at: KeyPath

    def keys(self, known: Sequence[str]) -> dict[str, _Node]:
        """The members of an object by their current names; only `known` ones may occur."""
        members: dict[str, _Node] = {}
        for key, value in self.mapping().items():
            name = _OLD_SPELLINGS.get(key, key) if key not in known else key
            if name not in known:
                raise _Invalid((*self.at, key), f"`{key}` is not a known key", _nearest(key, known) or f"known keys: {', '.join(known)}")
            if name in members:
                raise _Invalid((*self.at, key), f"`{key}` is the old spelling of `{name}`, and both are given", "keep one")
            members[name] = _Node(value, (*self.at, key))
        return members

    def mapping(self) -> Mapping[str, Any]:
        if not isinstance(self.value, dict):
            raise self.must_be("an object")
        return self.value

    def items(self) -> list[_Node]:
        if not isinstance(self.value, list):
            raise self.must_be("a list")
        return [_Node(item, (*self.at, number)) for number, item in enumerate(self.value)]

    def text(self) -> str:
        if not isinstance(self.value, str) or not self.value.isprintable():
            raise self.must_be("one line of text")
        return self.value

    def code(self) -> str:
        if not isinstance(self.value, str):
            raise self.must_be("text")
        return self.value

    def flag(self) -> bool:
        if not isinstance(self.value, bool):
            raise self.must_be("true or false")
        return self.value

    def count(self) -> int:
        if not isinstance(self.value, int) or isinstance(self.value, bool) or self.value < 1:
            raise self.must_be("a whole number from 1")
        return self.value

    def one_of(self, choices: Sequence[str]) -> str:
        if self.value not in choices:
            raise self.must_be(f"one of {', '.join(choices)}")
        return str(self.value)

    def variable(self) -> str:
        """A name that Python code can bind."""
        if not isinstance(self.value, str) or not self.value.isidentifier() or keyword.iskeyword(self.value):
            raise self.must_be("the name of a variable")
        return self.value

    def must_be(self, what: str) -> _Invalid:
        shown = json.dumps(self.value, ensure_ascii=True)
        return _Invalid(self.at, f"`{self.at[-1]}` must be {what}, not {shown if len(shown) <= 40 else shown[:37] + '...'}")


@dataclass(frozen=True, slots=True, kw_only=True)
class _Scope:
    """What is declared for a cell: its own keys, each of which replaces the notebook's key as a whole."""

    interpreter: str = ""
    deployments: Mapping[str, InlineDeployment] = field(default_factory=dict)
    serializers: Mapping[str, Serializer] = field(default_factory=dict)
    step: _Node | None = None
    target: _Node | None = None


def _scope(node: _Node, outer: _Scope) -> _Scope:
    given = node.keys(_TOP_KEYS)
    if "version" in given and given["version"].value != _VERSION:
        raise _Invalid(given["version"].at, f"version {given['version'].value!r} of the format is not known", f"use {_VERSION!r}")
    return _Scope(
        interpreter=given["interpreter"].text() if "interpreter" in given else outer.interpreter,
        deployments=_named(given["deployments"], _deployment) if "deployments" in given else outer.deployments,
        serializers=_named(given["serializers"], _serializer) if "serializers" in given else outer.serializers,
        step=given.get("step"),
        target=given.get("target", outer.target),
    )


def _named(node: _Node, read: Callable[[str, _Node], Any]) -> dict[str, Any]:
    for name in node.mapping():
        if not _DEPLOYMENT_NAME.fullmatch(name):
            raise _Invalid((*node.at, name), f"{name!r} is no name for this", "use letters, digits, dots and hyphens, a letter first")
    return {name: read(name, _Node(value, (*node.at, name))) for name, value in node.mapping().items()}


def _deployment(name: str, node: _Node) -> InlineDeployment:
    # The format lets a deployment have further keys.
    given = {key: _Node(value, (*node.at, key)) for key, value in node.mapping().items()}
    for key in ("type", "config"):
        if key not in given:
            raise _Invalid(node.at, f"the deployment `{name}` has no `{key}`")
    return InlineDeployment(
        name=name,
        type=given["type"].text(),
        config=given["config"].mapping(),
        external=given["external"].flag() if "external" in given else False,
        workdir=given["workdir"].text() if "workdir" in given else "",
        at=node.at,
    )


def _serializer(name: str, node: _Node) -> Serializer:
    given = node.keys(("predump", "postload", "type"))
    code = {key: given[key].code() for key in ("predump", "postload") if key in given}
    kind = PortKind(given["type"].one_of(("name", "file"))) if "type" in given else PortKind.NAME
    for key, source in code.items():
        _expect_code(given[key], source, name)
    return Serializer(predump=code.get("predump", ""), postload=code.get("postload", ""), kind=kind)


def _expect_code(node: _Node, source: str, name: str) -> None:
    """A serializer reads `x` and binds `y`."""
    try:
        tree = ast.parse(source)
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        raise _Invalid(node.at, f"the serializer `{name}` is not Python", "write statements that bind `y`") from None
    bound = {name.id for name in ast.walk(tree) if isinstance(name, ast.Name) and isinstance(name.ctx, ast.Store)}
    if "y" not in bound:
        raise _Invalid(node.at, f"the serializer `{name}` does not bind `y`", "bind `y` to what is to be sent, made of `x`")


def _cell(cell: Cell, whole: _Scope) -> tuple[CellDeclaration | None, tuple[Diagnostic, ...]]:
    place = Place(cell.index, cell.id)
    try:
        scope = _scope(_Node(cell.metadata["workflow"], ("cells", cell.in_file, "metadata", "workflow")), whole)
        step = _step(scope.step, scope) if scope.step else None
        target = _target(scope.target, scope) if scope.target else None
    except _Invalid as invalid:
        return None, (invalid.diagnostic(place),)
    interpreter = "" if scope.interpreter in _PLAIN_INTERPRETERS else scope.interpreter
    return CellDeclaration(cell=cell.index, step=step, target=target, interpreter=interpreter), ()


def _step(node: _Node, scope: _Scope) -> StepDeclaration:
    given = node.keys(_STEP_KEYS)
    inputs, scattered = _inputs(given.get("in"), scope)
    scatter = _scatter(given["scatter"], 1) if "scatter" in given else None
    if scatter and scattered:
        raise _Invalid(given["scatter"].at, f"`{scattered[0].name}` has a `scatter` of its own as well", "keep the one of the step")
    return StepDeclaration(
        inputs=inputs,
        outputs=_outputs(given.get("out"), scope),
        autoin=given["autoin"].flag() if "autoin" in given else True,
        background=given["background"].flag() if "background" in given else False,
        scatter=_distinct(scatter, node.at) or (Scatter(items=scattered) if scattered else None),
        workdir=_workdir(given.get("workdir")),
        at=node.at,
    )


def _inputs(node: _Node | None, scope: _Scope) -> tuple[tuple[Port, ...], tuple[Split, ...]]:
    """The input ports, and those that the old spelling scatters."""
    ports: list[Port] = []
    scattered: list[Split] = []
    for item in node.items() if node else ():
        port = _port(item, _INPUT_KINDS, scope)
        ports.append(port)
        if isinstance(item.value, dict) and "scatter" in item.value:
            _Node(item.value["scatter"], (*item.at, "scatter")).keys(())
            scattered.append(Split(name=port.name, at=item.at))
    return _unique(ports), tuple(scattered)


def _outputs(node: _Node | None, scope: _Scope) -> tuple[Port, ...]:
    return _unique([_port(item, _OUTPUT_KINDS, scope) for item in node.items()] if node else [])


def _unique(ports: list[Port]) -> tuple[Port, ...]:
    seen: set[str] = set()
    for port in ports:
        if port.name in seen:
            raise _Invalid(port.at, f"`{port.name}` is declared twice", "keep one")
        seen.add(port.name)
    return tuple(ports)


def _port(node: _Node, kinds: Sequence[str], scope: _Scope) -> Port:
    if isinstance(node.value, str):
        return Port(name=node.variable(), value_from=node.value, at=node.at)
    given = node.keys((*_PORT_KEYS, "scatter") if kinds is _INPUT_KINDS else _PORT_KEYS)
    kind = PortKind(given["type"].one_of(kinds)) if "type" in given else PortKind.NAME
    named = given.get("name") or given.get("valueFrom")
    if named is None:
        raise _Invalid(node.at, "a port has neither `name` nor `valueFrom`")
    name = _port_name(named, kind)
    value = given["value"].value if "value" in given else None
    if kind is PortKind.FILE and value is not None:
        _expect_pattern(given["value"])
    comes_from = given["valueFrom"].variable() if "valueFrom" in given else name if kind is not PortKind.CONTROL else ""
    return Port(
        name=name,
        kind=kind,
        value=value,
        value_from="" if value is not None else comes_from,
        serializer=_serializer_of(given.get("serializer"), scope),
        at=node.at,
    )


def _port_name(node: _Node, kind: PortKind) -> str:
    if kind is PortKind.CONTROL:
        return node.text()
    if kind is PortKind.ENV:
        if not isinstance(node.value, str) or not _VARIABLE_OF_THE_ENVIRONMENT.fullmatch(node.value):
            raise node.must_be("the name of a variable of the environment")
        return node.value
    return node.variable()


def _expect_pattern(node: _Node) -> None:
    if not node.text().strip():
        raise node.must_be("a path or a pattern of paths")


def _serializer_of(node: _Node | None, scope: _Scope) -> Serializer | None:
    if node is None:
        return None
    if not isinstance(node.value, str):
        return _serializer("of this port", node)
    if node.value not in scope.serializers:
        raise _Invalid(node.at, f"there is no serializer `{node.value}`", _nearest(node.value, scope.serializers))
    return scope.serializers[node.value]


def _scatter(node: _Node, depth: int) -> Scatter | None:
    """A scatter without the parts that name nothing."""
    if depth > _DEEPEST_SCATTER:
        raise _Invalid(node.at, f"the scatter is nested deeper than {_DEEPEST_SCATTER}")
    given = node.keys(("items", "method"))
    items = [_scatter_item(item, depth) for item in given["items"].items()] if "items" in given else []
    method = ScatterMethod(given["method"].one_of([one.value for one in ScatterMethod])) if "method" in given else ScatterMethod.CARTESIAN
    kept = tuple(item for item in items if item is not None)
    return Scatter(items=kept, method=method) if kept else None


def _scatter_item(node: _Node, depth: int) -> Split | Scatter | None:
    if isinstance(node.value, str):
        return Split(name=node.variable(), at=node.at)
    if "items" in node.mapping():
        return _scatter(node, depth + 1)
    given = node.keys(("name", "size", "num"))
    if "name" not in given:
        raise _Invalid(node.at, "an item of a scatter has no `name`")
    if "size" in given and "num" in given:
        raise _Invalid(node.at, f"`{given['name'].value}` has a `size` and a `num`", "keep one: items in a shard, or number of shards")
    size = given["size"].count() if "size" in given else 1
    return Split(name=given["name"].variable(), size=size, num=given["num"].count() if "num" in given else 0, at=node.at)


def _distinct(scatter: Scatter | None, at: KeyPath) -> Scatter | None:
    names = [split.name for split in scatter.splits] if scatter else []
    twice = next((name for name in names if names.count(name) > 1), None)
    if twice:
        raise _Invalid((*at, "scatter"), f"`{twice}` is scattered twice", "name it once")
    return scatter


def _target(node: _Node, scope: _Scope) -> TargetDeclaration | None:
    given = node.keys(_TARGET_KEYS)
    service = given["service"].text() if "service" in given else ""
    locations = given["locations"].count() if "locations" in given else 1
    workdir = _workdir(given.get("workdir"))
    if "deployment" not in given:
        if service or workdir or locations > 1:
            raise _Invalid(node.at, "the target has no `deployment`", "name a deployment, or remove the target")
        # Front ends write a target that holds only defaults: it places nothing.
        return None
    name, inline = _deployment_of(given["deployment"], scope)
    return TargetDeclaration(deployment=name, inline=inline, service=service, locations=locations, workdir=workdir, at=node.at)


def _deployment_of(node: _Node, scope: _Scope) -> tuple[str, InlineDeployment | None]:
    if isinstance(node.value, str):
        if not _DEPLOYMENT_NAME.fullmatch(node.value):
            raise node.must_be("the name of a deployment")
        # A name the notebook does not describe may be one of the person's own deployments.
        return node.value, scope.deployments.get(node.value)
    described = _deployment("of this target", node)
    text = json.dumps(node.value, sort_keys=True, ensure_ascii=True)
    name = f"inline-{hashlib.sha256(text.encode()).hexdigest()[:8]}"
    return name, replace(described, name=name)


def _workdir(node: _Node | None) -> str:
    path = node.text() if node else ""
    return "" if path in _NO_WORKDIR else path


def _nearest(name: str, known: Iterable[str]) -> str:
    near = difflib.get_close_matches(name, list(known), 1, 0.5)
    return f"did you mean `{near[0]}`?" if near else ""


def _questions(declared: CellDeclaration) -> Iterator[Question]:
    """What a person must allow before this cell may run as it asks to. A cell that is no step runs as any other."""
    step, target = declared.step, declared.target
    if step is None:
        return

    def question(permission: Permission, subject: str, at: KeyPath) -> Question:
        return Question(permission=permission, subject=subject, cell=declared.cell, at=at)

    if target and target.inline:
        yield question(Permission.INLINE_DEPLOYMENTS, target.deployment, target.at)
    if declared.interpreter:
        yield question(Permission.INTERPRETER, declared.interpreter, step.at[:-1])
    for port in (*step.inputs, *step.outputs):
        if port.serializer and (port.serializer.predump or port.serializer.postload):
            yield question(Permission.SERIALIZERS, port.name, port.at)
        if port.kind is PortKind.FILE and isinstance(port.value, str) and _leads_outside(port.value):
            yield question(Permission.WORKDIR, port.value, port.at)
    workdirs = ((step.workdir, step.at), (target.workdir, target.at) if target else ("", ()))
    yield from (question(Permission.WORKDIR, path, at) for path, at in workdirs if path)


def _leads_outside(pattern: str) -> bool:
    """Whether a pattern may match something that is not below the directory in which the cell runs."""
    return pattern.startswith(("/", "~")) or ".." in pattern.split("/") or "://" in pattern or "$" in pattern or "\\" in pattern


def _without_effect(notebook: Notebook, cells: Sequence[CellDeclaration], whole: _Scope) -> Iterator[Diagnostic]:
    if whole.step:
        yield Diagnostic(
            rule=rules.WITHOUT_EFFECT,
            message="a `step` of the whole notebook has no effect",
            place=Place(key=whole.step.at),
            help="declare steps in the metadata of cells",
        )
    for declared in cells:
        if declared.target and not declared.step and declared.target.at[0] == "cells":
            yield Diagnostic(
                rule=rules.WITHOUT_EFFECT,
                message="a `target` without a `step` has no effect: the cell runs where the notebook runs",
                place=Place(declared.cell, notebook.code_cells[declared.cell].id, key=declared.target.at),
                help="add `step: {}` to run the cell at the target",
            )
