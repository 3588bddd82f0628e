"""The bytes of a `.py` file -> Notebook: a file of marimo, or a percent script."""

from __future__ import annotations

from nbcompile.frontend.ipynb import text_of
from nbcompile.frontend.marimo import is_marimo, locate_marimo_sources, read_marimo
from nbcompile.frontend.percent import locate_percent_sources, read_percent
from nbcompile.model.diagnostic import Outcome
from nbcompile.model.notebook import Notebook


def read_script(data: bytes, name: str) -> Outcome[Notebook]:
    """The notebook in a script; `name` is the file's stem."""
    text = text_of(data)
    return read_marimo(text, name) if isinstance(text, str) and is_marimo(text) else read_percent(data, name)


def locate_script_sources(text: str) -> tuple[tuple[int, ...], ...]:
    """For each cell the file's line, from 1, of each of its source lines."""
    return locate_marimo_sources(text) if is_marimo(text) else locate_percent_sources(text)
