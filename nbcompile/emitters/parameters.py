"""Parameters -> what the step that takes their values from outside is told of them."""

from __future__ import annotations

from collections.abc import Collection

from nbcompile.model.parameters import Kind, Parameters
from nbcompile.model.plan import Plan

WORKING_DIRECTORY = "./"


def file_parameters(parameters: Parameters, plan: Plan) -> dict[str, str]:
    """The files and directories that the notebook is given as the values of paths, and the names of these parameters.

    Whoever runs the workflow gives another file; the cells find it where the notebook has its own.
    """
    given = dict(parameters.given)
    defaults = {one.name: str(given.get(one.name, one.default)) for one in parameters.known if one.type.kind is Kind.PATH}
    paths = dict.fromkeys(path for step in plan.steps for path in step.files_in)
    paths.pop(WORKING_DIRECTORY, None)
    return {path: name for name, default in defaults.items() for path in paths if path.rstrip("/") == default.rstrip("/")}


def parameter_entries(parameters: Parameters, files: Collection[str]) -> list[dict[str, object]]:
    """What the step document says of the parameters that its cell takes from outside; those in `files` keep their own paths."""
    given = dict(parameters.given)
    return [
        {
            "name": one.name,
            "kind": one.type.kind.value,
            "array": one.type.array,
            "optional": one.type.optional or (given.get(one.name, one.default) is None),
            "computed": one.computed and one.name not in given,
        }
        for one in parameters.known
        if one.name not in files
    ]
