"""The notebook's parameters as typed inputs of a workflow, and how a step is told their values.

A value travels as a word of its own: `--given=int:n=` and the number. CWL shows nothing for what is false, empty or null; the step
knows the types, and takes it for that.
"""

from __future__ import annotations

import json
from collections.abc import Collection, Mapping
from typing import Any, NamedTuple

from nbcompile.emitters.cwl_tool import Word, port_name
from nbcompile.model.parameters import Kind, Parameter, Parameters

# What is no single CWL type goes as JSON text.
_TYPES = {
    Kind.INTEGER: "int",
    Kind.FLOAT: "double",
    Kind.STRING: "string",
    Kind.BOOLEAN: "boolean",
    Kind.PATH: "string",
    Kind.ANY: "string",
}
_SCHEMA_TYPES = {Kind.INTEGER: "integer", Kind.FLOAT: "number", Kind.STRING: "string", Kind.BOOLEAN: "boolean", Kind.PATH: "string"}


class ParameterInput(NamedTuple):
    """An input of the workflow for one parameter. `default` is as YAML has it, and missing where the notebook computes it."""

    port: str
    parameter: Parameter
    default: Any
    optional: bool

    @property
    def type(self) -> str:
        """The type as CWL writes it."""
        shown = self.parameter.type
        array = shown.array and shown.kind is not Kind.ANY
        return f"{_TYPES[shown.kind]}{'[]' if array else ''}{'?' if self.optional else ''}"


def parameter_inputs(parameters: Parameters, files: Collection[str], taken: Collection[str]) -> tuple[ParameterInput, ...]:
    """The inputs, under the names of the parameters unless these are `taken`, and without those that are `files`.

    Values that were given already are the defaults.
    """
    given = dict(parameters.given)
    return tuple(_input(parameter, given, taken) for parameter in parameters.known if parameter.name not in files)


def _input(parameter: Parameter, given: Mapping[str, Any], taken: Collection[str]) -> ParameterInput:
    name = port_name(parameter.name)
    default = given.get(parameter.name, parameter.default)
    known = not parameter.computed or parameter.name in given
    if parameter.type.kind is Kind.ANY and known and default is not None:
        default = json.dumps(default, ensure_ascii=False)
    optional = not known or parameter.type.optional or default is None
    return ParameterInput(f"parameter_{name}" if name in taken else name, parameter, default if known else None, optional)


def parameter_words(inputs: tuple[ParameterInput, ...]) -> list[Word]:
    """The words that tell a step the values."""
    words = [Word("--parameters")] if inputs else []
    for one in inputs:
        prefix = f"--given={_TYPES[one.parameter.type.kind]}:{one.parameter.name}="
        # An output of the step may have the name of the parameter.
        words.append(Word(port=f"given_{one.port}", type=one.type, source=one.port, prefix=prefix, joined=True))
    return words


def parameters_schema(inputs: tuple[ParameterInput, ...]) -> dict[str, Any]:
    """JSON Schema of what `inputs.yml` says of the parameters."""
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "type": "object",
        "properties": {one.port: _property(one) for one in inputs},
    }


def _property(one: ParameterInput) -> dict[str, Any]:
    kind = one.parameter.type
    single: dict[str, Any] = {"type": _SCHEMA_TYPES.get(kind.kind, "string")}
    schema = {"type": "array", "items": single} if kind.array and kind.kind is not Kind.ANY else single
    if one.optional:
        schema = {**schema, "type": [schema["type"], "null"]}
    default = {} if one.default is None and one.parameter.computed else {"default": one.default}
    return {**schema, **default, **({"description": one.parameter.doc} if one.parameter.doc else {})}
