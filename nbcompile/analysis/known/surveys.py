"""The surveys of libraries: which attributes their objects keep when they are first read, and which functions change what they are given.

`surveys.tsv` has a line for each library, written by `tests/known/survey.py`; docs/reference/known-calls.md has its format.
It is read when a notebook first imports a library of which the table of known calls says nothing.
"""

from __future__ import annotations

import functools
from importlib.resources import files
from typing import NamedTuple

from nbcompile.analysis.known import Target

DATA = "surveys.tsv"


class _Survey(NamedTuple):
    """What was found of a library; of its functions, the arguments that they change, as text."""

    builds_on: tuple[str, ...]
    attributes: frozenset[str]
    functions: dict[str, str]


def kept_attributes(library: str) -> frozenset[str]:
    """What some object of a library, named by its top-level module, or of one that it builds on keeps when it is first read."""
    found = frozenset[str]()
    if library in _lines():
        survey = _survey(library)
        found = survey.attributes.union(*(_survey(name).attributes for name in survey.builds_on))
    return found


def leaves_arguments(path: str) -> bool:
    """Whether a function or class of a library was looked at, and none of its name changes what it is given."""
    library, _, name = path.partition(".")
    return library in _lines() and name.rpartition(".")[2] not in _survey(library).functions


def changed_arguments(path: str) -> tuple[Target, ...]:
    """What a function or class of a library, at a path, changes of what it is given; of which module it is does not count."""
    library, _, name = path.partition(".")
    arguments = _survey(library).functions.get(name.rpartition(".")[2], "") if library in _lines() else ""
    return tuple(map(_argument, arguments.split(","))) if arguments else ()


def _argument(text: str) -> Target:
    position, _, keyword = text.rpartition("/")
    return Target(int(position) if position else None, keyword)


@functools.cache
def _survey(library: str) -> _Survey:
    _, builds_on, names, functions = _lines()[library].split("\t")
    split = (one.partition(":") for one in functions.split())
    return _Survey(tuple(builds_on.split()), frozenset(names.split()), {name: arguments for name, _, arguments in split})


@functools.cache
def _lines() -> dict[str, str]:
    text = files(__package__).joinpath(DATA).read_text("utf-8")
    split = (line.partition("\t") for line in text.splitlines() if not line.startswith("#"))
    return {library: rest for library, _, rest in split}
