"""The cell tagged `parameters`, as papermill has it: what it takes, and a notebook with values of one's own.

Values come in a cell of their own after the tagged one, so that whatever the tagged cell computes from its defaults
stays as papermill computes it.
"""

from __future__ import annotations

import ast
import difflib
import json
import math
import operator
import re
import tokenize
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from io import StringIO
from typing import Any

from nbcompile.model.diagnostic import Diagnostic, Outcome, Place, Span
from nbcompile.model.notebook import Cell, CellId, CellKind, Notebook
from nbcompile.model.parameters import Kind, Parameter, Parameters, ParameterType, Word
from nbcompile.rules import parameters as rules

TAG = "parameters"
INJECTED_TAG = "injected-parameters"
_KINDS = {"int": Kind.INTEGER, "float": Kind.FLOAT, "str": Kind.STRING, "bool": Kind.BOOLEAN, "Path": Kind.PATH, "PurePath": Kind.PATH}
_ARITHMETIC = {
    ast.Add: operator.add,
    ast.Sub: operator.sub,
    ast.Mult: operator.mul,
    ast.Div: operator.truediv,
    ast.FloorDiv: operator.floordiv,
}
_ANYTHING = ParameterType(Kind.ANY)
_LARGEST_EXPONENT = 64


class _NotConstant(Exception):
    """The value is not written down in the cell."""


def read_parameters(notebook: Notebook) -> Parameters:
    """What the tagged cell takes. Only the first tagged cell counts."""
    cell = next((cell for cell in notebook.code_cells if TAG in cell.tags), None)
    return Parameters(known=tuple(_parameters(cell)), cell=cell.index) if cell else Parameters()


def _parameters(cell: Cell) -> Iterator[Parameter]:
    try:
        tree = ast.parse(cell.source)
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        # The analysis reports it.
        return
    comments = dict(_comments(cell.source))
    # The last of several assignments counts.
    yield from {name: parameter for statement in tree.body for name, parameter in _assigned(statement, comments)}.values()


def _assigned(statement: ast.stmt, comments: Mapping[int, str]) -> Iterator[tuple[str, Parameter]]:
    if isinstance(statement, ast.Assign):
        targets, annotation = statement.targets, None
    elif isinstance(statement, ast.AnnAssign) and statement.value:
        targets, annotation = [statement.target], statement.annotation
    elif isinstance(statement, ast.AugAssign):
        targets, annotation = [statement.target], None
    else:
        return
    comment = re.fullmatch(r"#\s*(?:type:\s*(\S+)\s*)?(.*)", comments.get(statement.end_lineno or 0, "#"))
    declared = _declared(ast.unparse(annotation) if annotation else (comment[1] or "") if comment else "")
    for target in targets:
        if isinstance(target, ast.Name):
            span = Span(target.lineno, target.col_offset + 1, target.lineno, (target.end_col_offset or 0) + 1)
            doc = comment[2].strip() if comment else ""
            yield target.id, _parameter(target.id, None if isinstance(statement, ast.AugAssign) else statement.value, declared, doc, span)


def _parameter(name: str, value: ast.expr | None, declared: ParameterType | None, doc: str, span: Span) -> Parameter:
    try:
        default, seen = _constant(value)
    except _NotConstant:
        return Parameter(name=name, type=declared or _ANYTHING, computed=True, doc=doc, span=span)
    if declared and default is None:
        declared = declared._replace(optional=True)
    kind = declared if declared and declared.takes(default) else seen
    path_type = ast.unparse(value.func) if isinstance(value, ast.Call) else "Path" if kind.kind is Kind.PATH else ""
    return Parameter(name=name, type=kind, default=default, path_type=path_type, doc=doc, span=span)


def _constant(node: ast.expr | None) -> tuple[object, ParameterType]:
    """The value of an expression that is written down, as JSON has it, and its type."""
    if isinstance(node, ast.Call) and ast.unparse(node.func) in ("Path", "pathlib.Path", "PurePath", "pathlib.PurePath"):
        parts = [_plain(argument) for argument in node.args]
        if node.keywords or not parts or not all(isinstance(part, str) for part in parts):
            raise _NotConstant
        return "/".join(str(part).rstrip("/") for part in parts), ParameterType(Kind.PATH)
    value = _plain(node)
    if isinstance(value, list):
        kinds = {_kind(item) for item in value}
        kinds = {Kind.FLOAT} if kinds == {Kind.INTEGER, Kind.FLOAT} else kinds
        return value, ParameterType(kinds.pop() if len(kinds) == 1 else Kind.ANY, array=True)
    return value, ParameterType(_kind(value))


def _kind(value: object) -> Kind:
    return {bool: Kind.BOOLEAN, int: Kind.INTEGER, float: Kind.FLOAT, str: Kind.STRING}.get(type(value), Kind.ANY)


def _plain(node: ast.expr | None) -> object:
    """Text, numbers, lists and dicts, and the arithmetic of numbers."""
    if isinstance(node, ast.Constant) and (node.value is None or isinstance(node.value, bool | int | float | str)):
        if isinstance(node.value, float) and not math.isfinite(node.value):
            raise _NotConstant
        return node.value
    if isinstance(node, ast.List | ast.Tuple):
        return [_plain(item) for item in node.elts]
    if isinstance(node, ast.Dict):
        keys = [_plain(key) for key in node.keys]
        if not all(isinstance(key, str) for key in keys):
            raise _NotConstant
        return {str(key): _plain(value) for key, value in zip(keys, node.values, strict=True)}
    return _number(node)


def _number(node: ast.expr | None) -> int | float:
    if isinstance(node, ast.Constant) and isinstance(node.value, int | float) and not isinstance(node.value, bool):
        return node.value
    if isinstance(node, ast.UnaryOp) and isinstance(node.op, ast.USub | ast.UAdd):
        value = _number(node.operand)
        return -value if isinstance(node.op, ast.USub) else value
    if isinstance(node, ast.BinOp):
        return _computed(node.op, _number(node.left), _number(node.right))
    raise _NotConstant


def _computed(operation: ast.operator, left: float, right: float) -> int | float:
    try:
        if isinstance(operation, ast.Pow):
            if not 0 <= right <= _LARGEST_EXPONENT or abs(left) > _LARGEST_EXPONENT:
                raise _NotConstant
            result: float = left**right
        else:
            result = _ARITHMETIC[type(operation)](left, right)
    except (KeyError, ArithmeticError):
        raise _NotConstant from None
    if isinstance(result, float) and not math.isfinite(result):
        raise _NotConstant
    return result


def _declared(text: str) -> ParameterType | None:
    """The type that an annotation or a type comment names, if it is one that can be given."""
    text = re.sub(r"\s", "", text.strip("\"'"))
    optional = re.fullmatch(r"(?:typing\.)?Optional\[(.*)\]|(.*)\|None|None\|(.*)", text)
    if optional:
        inner = _declared(next(part for part in optional.groups() if part is not None))
        return inner._replace(optional=True) if inner else None
    array = re.fullmatch(r"(?:typing\.)?(?:[Ll]ist|[Tt]uple|Sequence)(?:\[(.*?)(?:,\.\.\.)?\])?", text)
    if array:
        inner = _declared(array[1] or "")
        return ParameterType(inner.kind if inner and not inner.array else Kind.ANY, array=True)
    kind = _KINDS.get(text.removeprefix("pathlib."))
    return ParameterType(kind) if kind else None


def _comments(source: str) -> Iterator[tuple[int, str]]:
    try:
        for token in tokenize.generate_tokens(StringIO(source).readline):
            if token.type == tokenize.COMMENT:
                yield token.start[0], token.string
    except (tokenize.TokenError, SyntaxError):
        return


def give(
    notebook: Notebook, parameters: Parameters, given: Mapping[str, object], free: Sequence[str]
) -> Outcome[tuple[Notebook, Parameters]]:
    """The notebook with a cell that binds the given values, and what is wrong with them.

    `free` are the names that cells read and none binds: they can be given as well.
    """
    if not given:
        return Outcome((notebook, parameters))
    known = {parameter.name: parameter for parameter in parameters.known}
    values = {name: _as_declared(value, known.get(name)) for name, value in given.items()}
    place = Place(parameters.cell, notebook.code_cells[parameters.cell].id) if parameters.cell >= 0 else Place()
    diagnostics = [found for name, value in values.items() for found in _wrong(name, value, known, free, place)]
    if parameters.cell < 0:
        message = f"no cell is tagged `{TAG}`: the values are bound before the first cell"
        diagnostics.append(Diagnostic(rule=rules.NO_PARAMETERS_CELL, message=message))
    cell = _injected_cell(notebook, parameters, values, known)
    made = replace(parameters, given=tuple(values.items()), injected=cell.index)
    return Outcome((_with_cell(notebook, cell), made), tuple(diagnostics))


def _as_declared(value: object, parameter: Parameter | None) -> object:
    """The word of a command line, where the notebook asks for text."""
    if isinstance(value, Word):
        return value.text if parameter and parameter.type.kind is Kind.STRING and not parameter.type.array else value.value
    return value


def _wrong(name: str, value: object, known: Mapping[str, Parameter], free: Sequence[str], place: Place) -> Iterator[Diagnostic]:
    parameter = known.get(name)
    if parameter is None and name not in free:
        near = difflib.get_close_matches(name, (*known, *free), 1, 0.5)
        advice = f"did you mean `{near[0]}`?" if near else f"it takes: {', '.join((*known, *free)) or 'nothing'}"
        yield Diagnostic(rule=rules.UNKNOWN_PARAMETER, message=f"the notebook takes no parameter `{name}`", help=advice)
    elif parameter and not parameter.type.takes(value):
        yield Diagnostic(
            rule=rules.PARAMETER_TYPE,
            message=f"`{name}` takes {_in_words(parameter.type)}, not {json.dumps(value, default=str)}",
            place=place._replace(span=parameter.span),
            label="declared here",
            help="give `True` or `False`" if parameter.type.kind is Kind.BOOLEAN else "",
        )


def _in_words(kind: ParameterType) -> str:
    words = {
        Kind.INTEGER: ("a whole number", "whole numbers"),
        Kind.FLOAT: ("a number", "numbers"),
        Kind.STRING: ("text", "texts"),
        Kind.BOOLEAN: ("true or false", "truth values"),
        Kind.PATH: ("a path", "paths"),
        Kind.ANY: ("a value", "values"),
    }[kind.kind]
    return (f"a list of {words[1]}" if kind.array else words[0]) + (" or nothing" if kind.optional else "")


def _injected_cell(notebook: Notebook, parameters: Parameters, values: Mapping[str, object], known: Mapping[str, Parameter]) -> Cell:
    before = notebook.code_cells[parameters.cell] if parameters.cell >= 0 else None
    taken = {cell.id for cell in notebook.cells}
    identifier = next(name for name in (INJECTED_TAG, *(f"{INJECTED_TAG}-{n}" for n in range(len(taken) + 1))) if name not in taken)
    lines = [f"{name} = {_python(value, known.get(name))}\n" for name, value in values.items()]
    return Cell(
        id=CellId(identifier),
        index=before.index + 1 if before else 0,
        position=before.position + 1 if before else 0,
        kind=CellKind.CODE,
        source="".join(["# Parameters\n", *lines]),
        tags=(INJECTED_TAG,),
        metadata={"tags": [INJECTED_TAG]},
        in_file=-1,
    )


def _python(value: object, parameter: Parameter | None = None) -> str:
    """The value as Python source, as papermill writes it."""
    if isinstance(value, str):
        text = '"' + value.encode("unicode_escape").decode("ascii").replace('"', '\\"') + '"'
        return f"{parameter.path_type}({text})" if parameter and parameter.path_type else text
    if isinstance(value, list | tuple):
        return f"[{', '.join(_python(item) for item in value)}]"
    if isinstance(value, dict):
        return "{" + ", ".join(f"{_python(str(key))}: {_python(item)}" for key, item in value.items()) + "}"
    if isinstance(value, float) and not math.isfinite(value):
        return f"float('{value}')"
    return repr(value)


def _with_cell(notebook: Notebook, new: Cell) -> Notebook:
    cells = [*notebook.cells[: new.position], new, *notebook.cells[new.position :]]
    index, numbered = 0, list[Cell]()
    for position, cell in enumerate(cells):
        code = cell.kind is CellKind.CODE
        numbered.append(replace(cell, position=position, index=index if code else -1))
        index += code
    raw: dict[str, Any] = {
        "cell_type": "code",
        "id": new.id,
        "metadata": dict(new.metadata),
        "source": new.source,
        "execution_count": None,
        "outputs": [],
    }
    template = notebook.document["cells"]
    document = {**notebook.document, "cells": [*template[: new.position], raw, *template[new.position :]]}
    return replace(notebook, cells=tuple(numbered), document=document)
