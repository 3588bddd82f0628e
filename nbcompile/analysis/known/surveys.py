"""The surveys: which attributes the objects of libraries keep when they are first read, as found in the libraries' source.

`surveys.tsv` has a line for each library, written by `tests/known/survey.py`; docs/reference/known-calls.md has its format.
It is read when a notebook first imports a library of which the table of known calls says nothing.
"""

from __future__ import annotations

import functools
from importlib.resources import files

DATA = "surveys.tsv"


def kept_attributes(library: str) -> frozenset[str]:
    """What some object of a library, named by its top-level module, or of one that it builds on keeps when it is first read."""
    found = frozenset[str]()
    if library in _lines():
        builds_on, names = _line(library)
        found = names.union(*(_line(name)[1] for name in builds_on))
    return found


@functools.cache
def _line(library: str) -> tuple[tuple[str, ...], frozenset[str]]:
    _, builds_on, names = _lines()[library].split("\t")
    return tuple(builds_on.split()), frozenset(names.split())


@functools.cache
def _lines() -> dict[str, str]:
    text = files(__package__).joinpath(DATA).read_text("utf-8")
    split = (line.partition("\t") for line in text.splitlines() if not line.startswith("#"))
    return {library: rest for library, _, rest in split}
