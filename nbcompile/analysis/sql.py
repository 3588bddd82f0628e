"""What a query in SQL reads and writes besides its database: files that it names, and variables of the notebook."""

from __future__ import annotations

import re

from nbcompile.analysis import files, strings
from nbcompile.analysis.known import Action
from nbcompile.analysis.values import Value
from nbcompile.analysis.visit import Call

_TABLE = re.compile(r"\b(?:from|join)\s+([a-z_]\w*)", re.IGNORECASE)
_QUERY = re.compile(r"\s*(?:attach|copy|create|describe|explain|export|from|import|insert|select|summarize|vacuum|with)\b", re.IGNORECASE)
_FILE = re.compile(r"(?:\b(to|into|attach(?:\s+database)?)\s+)?'([^'\n]+)'", re.IGNORECASE)
_MODES = {"to": "write", "into": "write", "attach": "append"}


def queried(call: Call, _: Action) -> None:
    """A row's `sql`."""
    read(call)


def read(call: Call) -> list[Value]:
    """What the texts among the arguments of a call name. Returns the files that are read, maybe only when the result is used.

    DuckDB looks for tables among the variables of its caller, and takes a text in the place of a table for the name of a file.
    """
    return [file for value in call.arguments.all() if type(value.const) is str for file in _read_text(call, value.const)]


def _read_text(call: Call, text: str) -> list[Value]:
    for name in _TABLE.findall(text):
        if call.frame.peek(name) is not None:
            strings.evaluate_text(call.frame, name, call.node)
    found = []
    for word, path in _FILE.findall(text) if _QUERY.match(text) else ():
        file, mode = Value("str", const=path), _MODES.get(word.lower().partition(" ")[0], "read")
        if files.is_name(call.frame, file):
            files.note(call.frame, call.node, file, mode)
            found += [file] if mode == "read" else []
    return found
