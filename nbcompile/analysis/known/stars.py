"""What `from module import *` binds, of the standard library and of the libraries that the table of known calls describes.

`stars.tsv` has a line for each module, written by `tests/known/stars.py`; docs/reference/known-calls.md has its format.
"""

from __future__ import annotations

import functools
from importlib.resources import files
from typing import NamedTuple

DATA = "stars.tsv"


class Star(NamedTuple):
    """A name, the path of what it is bound to, and whether all versions of the module bind it."""

    name: str
    path: str
    sure: bool


def star(module: str) -> tuple[Star, ...] | None:
    """The names that a star imports from a module; nothing if it is not listed."""
    line = _lines().get(module)
    if line is None:
        return None
    always, sometimes = line.split("\t")
    return tuple(_star(module, text, sure=sure) for names, sure in ((always, True), (sometimes, False)) for text in names.split())


def _star(module: str, text: str, *, sure: bool) -> Star:
    name, _, path = text.partition("=")
    return Star(name, path or f"{module}.{name}", sure)


@functools.cache
def _lines() -> dict[str, str]:
    text = files(__package__).joinpath(DATA).read_text("utf-8")
    split = (line.partition("\t") for line in text.splitlines() if not line.startswith("#"))
    return {module: rest for module, _, rest in split}
