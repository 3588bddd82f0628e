"""The text of a percent script (`.py` with `# %%` markers, as jupytext and editors write it) -> Notebook.

A marker may hold a title, `[markdown]` or `[raw]`, and metadata: `# %% Load [raw] tags=["x"]`. Magics stand in
comments, so that the file is plain Python; ids come from the content of the cells.
"""

from __future__ import annotations

import ast
import json
import re
from collections.abc import Iterator, Sequence
from importlib import import_module
from typing import Any, NamedTuple

from nbcompile.frontend.ipynb import notebook_from, text_of
from nbcompile.model.diagnostic import Diagnostic, Outcome, Place, Span
from nbcompile.model.notebook import Notebook
from nbcompile.rules import reading

_MARKER = re.compile(r"\s*#\s*(?:%%(?P<deeper>%*)(?:\s(?P<options>.*))?|<codecell>\s*|In\[[0-9 ]*\]:?\s*)")
_KIND = re.compile(r"\[(markdown|md|raw)\]")
_KEY = re.compile(r"(?:^|\s)([A-Za-z_][\w.-]*)\s*=\s*")
_HEADER_EDGE = re.compile(r"#\s?---\s*")
_QUOTE = re.compile(r"\\.|\"\"\"|'''|\"|'|#")
# `%magic`, `%%magic`, `!command`, `?name`, in any number of comments.
_MAGIC = re.compile(r"\s*(?:# ?)*(?:%{1,3}[A-Za-z]|[?!]\s*[A-Za-z.~$\\/{}])")
_ASSIGNED_MAGIC = re.compile(r"(?:# ?)*\s*[A-Za-z_]\w*\s*=\s*(?:%{1,3}|!)[A-Za-z]")
_HELP = re.compile(r"\s*(?:# )*\S*\?\s*")
_BARE_COMMAND = re.compile(r"(?:# ?)*(?:cat|cd|cp|mv|rm|rmdir|mkdir|copy|ddir|echo|ls|ldir|ren)(?:$|\s$|\s[^=,])")
_KEPT_AS_IT_IS = re.compile(r".*#\s*noescape\s*")
_DECODER = json.JSONDecoder()


class _Piece(NamedTuple):
    """The lines of one cell, without its marker; `first` is the file's line of the first one, from 1."""

    options: str
    lines: tuple[str, ...]
    first: int


class _Unreadable(Exception):
    def __init__(self, line: int, message: str) -> None:
        super().__init__(message)
        self.line, self.message = line, message


def read_percent(data: bytes, name: str) -> Outcome[Notebook]:
    """The notebook in a script; `name` is the file's stem. A file without a marker is none."""
    text = text_of(data)
    if isinstance(text, Diagnostic):
        return Outcome(Notebook(name=name, cells=()), (text,))
    lines = text.splitlines()
    try:
        metadata, start = _header(lines)
        pieces = tuple(_pieces(lines, start))
        if not metadata and not any(_MARKER.fullmatch(line) for line in lines):
            message, advice = "no notebook: it has no cell marker", "start each cell with a line `# %%`"
            return Outcome(Notebook(name=name, cells=()), (Diagnostic(rule=reading.NOT_A_NOTEBOOK, message=message, help=advice),))
        cells = [_cell(piece) for piece in pieces]
    except _Unreadable as error:
        place = Place(span=Span(error.line, 1, error.line, 1))
        return Outcome(Notebook(name=name, cells=()), (Diagnostic(rule=reading.CELL_MARKER, message=error.message, place=place),))
    return notebook_from({"cells": cells, "metadata": metadata, "nbformat": 4, "nbformat_minor": 4}, name)


def locate_percent_sources(text: str) -> tuple[tuple[int, ...], ...]:
    """For each cell the file's line, from 1, of each of its source lines."""
    lines = text.splitlines()
    try:
        _, start = _header(lines)
    except _Unreadable:
        return ()
    return tuple(tuple(range(piece.first, piece.first + len(piece.lines))) for piece in _pieces(lines, start))


def _header(lines: Sequence[str]) -> tuple[dict[str, Any], int]:
    """The notebook's metadata from the YAML comment at the top, and the number of the first line after it."""
    start = 1 if lines and lines[0].startswith("#!") else 0
    start += bool(lines[start:] and re.fullmatch(r"[ \t\f]*#.*?coding[:=].*", lines[start]))
    if not lines[start:] or not _HEADER_EDGE.fullmatch(lines[start]):
        return {}, 0
    for end in range(start + 1, len(lines)):
        if not lines[end].startswith("#"):
            break
        if _HEADER_EDGE.fullmatch(lines[end]):
            return _yaml([_uncommented(line) for line in lines[start + 1 : end]], start + 2), end + 1
    return {}, 0


def _yaml(lines: list[str], first: int) -> dict[str, Any]:
    # Loaded by name: only a script with a header pays for it.
    yaml = import_module("ruamel.yaml")
    try:
        top = yaml.YAML(typ="safe", pure=True).load("\n".join(lines))
    except yaml.error.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        raise _Unreadable(first + (mark.line if mark else 0), "the header is not YAML") from None
    jupyter = top.get("jupyter") if isinstance(top, dict) else None
    found: dict[str, Any] = json.loads(json.dumps(jupyter, default=str)) if isinstance(jupyter, dict) else {}
    return found


def _pieces(lines: Sequence[str], start: int) -> Iterator[_Piece]:
    """The cells in order; what stands before the first marker is a cell of its own."""
    opened, options, quote = start, "", ""
    for number in range(start, len(lines) + 1):
        marker = _MARKER.fullmatch(lines[number]) if number < len(lines) and not quote else None
        if marker or number == len(lines):
            kept = _without_space_between(lines[opened:number])
            if opened > start or any(line.strip() for line in kept):
                blank = 0 if opened > start else next(n for n, line in enumerate(kept) if line.strip())
                yield _Piece(options, kept[blank:], opened + blank + 1)
            opened, options = number + 1, (marker["options"] or "") if marker else ""
        elif number < len(lines):
            quote = _quote_after(lines[number], quote)


def _without_space_between(lines: Sequence[str]) -> tuple[str, ...]:
    """The lines without the one or two empty ones that separate cells."""
    end = len(lines)
    two = end > 2 and not lines[-1].strip() and not lines[-2].strip() and lines[-3].strip()
    return tuple(lines[: end - (2 if two else bool(end and not lines[-1]))])


def _quote_after(line: str, quote: str) -> str:
    """The kind of triple quote that is open at the end of the line, given that at its start."""
    inner = ""
    for found in _QUOTE.finditer(line):
        mark = found[0]
        if quote or inner:
            if mark == (quote or inner):
                quote = inner = ""
        elif mark == "#":
            break
        elif len(mark) == 3:
            quote = mark
        elif len(mark) == 1:
            inner = mark
    return quote


def _cell(piece: _Piece) -> dict[str, Any]:
    kind, metadata = _options(piece)
    language = metadata.pop("language", "")
    if kind != "code":
        return {"cell_type": kind, "metadata": metadata, "source": "\n".join(_text(piece.lines))}
    cell: dict[str, Any] = {"cell_type": "code", "metadata": metadata, "outputs": [], "execution_count": None}
    if language and language != "python":
        arguments = str(metadata.pop("magic_args", ""))
        magic = f"%%{language} {arguments}".strip()
        return {**cell, "source": "\n".join([magic, *(_uncommented(line) for line in piece.lines)])}
    return {**cell, "source": "\n".join(_with_magics(piece.lines))}


def _options(piece: _Piece) -> tuple[str, dict[str, Any]]:
    """The kind of the cell and its metadata, from what follows the marker; the rest of the line is a title."""
    brace, key = piece.options.find("{"), _KEY.search(piece.options)
    metadata_at = min([at for at in (brace, key.start() if key else -1) if at >= 0], default=len(piece.options))
    title, text = piece.options[:metadata_at], piece.options[metadata_at:].strip()
    found = _KIND.search(title)
    kind = {"markdown": "markdown", "md": "markdown", "raw": "raw"}[found[1]] if found else "code"
    return kind, _metadata(text, piece.first - 1)


def _metadata(text: str, line: int) -> dict[str, Any]:
    if text.startswith("{"):
        value = _value(text, line)
        if not isinstance(value, dict):
            raise _Unreadable(line, "the metadata of the cell marker is not an object")
        return value
    found: dict[str, Any] = {}
    while text:
        key = _KEY.match(text)
        if key is None:
            raise _Unreadable(line, f"`{text[:40]}` in the cell marker is no `key=value`")
        try:
            value, end = _DECODER.raw_decode(text, key.end())
        except ValueError:
            following = _KEY.search(text, key.end())
            end = following.start() if following else len(text)
            value = _value(text[key.end() : end], line)
        found[key[1]] = value
        text = text[end:].strip()
    return found


def _value(text: str, line: int) -> Any:  # noqa: ANN401 - any JSON
    try:
        return json.loads(text)
    except (ValueError, RecursionError):
        pass
    try:
        # What was written as Python, with single quotes.
        return json.loads(json.dumps(ast.literal_eval(text.strip())))
    except (ValueError, TypeError, SyntaxError, RecursionError, MemoryError):
        raise _Unreadable(line, f"`{text[:40]}` in the cell marker is not JSON") from None


def _text(lines: Sequence[str]) -> list[str]:
    """The text of a markdown or raw cell, from comments or from a string."""
    whole = "\n".join(lines).strip()
    quoted = re.fullmatch(r"(?s)[rR]?(\"\"\"|''')\n?(.*?)\n?\1", whole)
    return quoted[2].splitlines() if quoted else [_uncommented(line) for line in lines]


def _uncommented(line: str) -> str:
    return line[2:] if line.startswith("# ") else line.removeprefix("#")


def _with_magics(lines: Sequence[str]) -> Iterator[str]:
    """The lines with one comment sign taken from each magic and from the lines that continue it."""
    quote, continued = "", False
    for line in lines:
        if not quote and (continued or _is_magic(line)):
            indent = line[: len(line) - len(line.lstrip())]
            yield indent + _uncommented(line.lstrip())
            continued = line.rstrip().endswith("\\")
        else:
            yield line
        quote = _quote_after(line, quote)


def _is_magic(line: str) -> bool:
    if _KEPT_AS_IT_IS.fullmatch(line):
        return False
    return bool(_MAGIC.match(line) or _ASSIGNED_MAGIC.match(line) or _HELP.fullmatch(line) or _BARE_COMMAND.match(line))
