"""The bytes of a `.ipynb` file -> Notebook.

Cells are read from the JSON itself; nbformat is loaded only to upgrade files of format 3. Outputs are
dropped at once: they are untrusted, often large, and never looked at.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections import Counter
from collections.abc import Iterator, Mapping
from importlib import import_module
from typing import Any

from nbcompile.frontend.kale import with_known_tags
from nbcompile.model.diagnostic import Diagnostic, Outcome, Place, Rule, Span
from nbcompile.model.notebook import Cell, CellId, CellKind, Notebook
from nbcompile.rules import reading

_CELL_ID = re.compile(r"[A-Za-z0-9_-]{1,64}")
# In JSON an escape can be half a character, which has no UTF-8 form: names, ids and tags would fail where they are written.
_LONE_SURROGATE = re.compile(r"\\u[dD][89a-fA-F]")
_FIRST_FORMAT_WITH_IDS = (4, 5)


def read_notebook(data: bytes, name: str) -> Outcome[Notebook]:
    """The notebook in `data`; `name` is the file's stem. A file that is none gives an empty notebook and an error."""
    try:
        document = _upgraded(_parse(data))
    except _Rejected as rejected:
        return Outcome(Notebook(name=name, cells=()), (rejected.diagnostic,))
    return notebook_from(document, name)


def notebook_from(document: dict[str, Any], name: str) -> Outcome[Notebook]:
    """The notebook in a JSON document of format 4."""
    try:
        _expect_python(document)
        return _notebook(document, name)
    except _Rejected as rejected:
        return Outcome(Notebook(name=name, cells=()), (rejected.diagnostic,))


def text_of(data: bytes) -> str | Diagnostic:
    """The bytes as text, or what is wrong with them."""
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = data.count(b"\n", 0, error.start) + 1
        message, advice = f"byte {error.start} is not UTF-8", "save the notebook as UTF-8"
        return Diagnostic(rule=reading.NOT_UTF8, message=message, help=advice, place=Place(span=Span(line, 1, line, 1)))


class _Rejected(Exception):
    """Carries a diagnostic out of nested readers."""

    def __init__(self, diagnostic: Diagnostic) -> None:
        super().__init__(diagnostic.message)
        self.diagnostic = diagnostic


def _rejected(rule: Rule, message: str, help: str, span: Span | None = None) -> _Rejected:  # noqa: A002
    return _Rejected(Diagnostic(rule=rule, message=message, help=help, place=Place(span=span)))


def _parse(data: bytes) -> dict[str, Any]:
    text = text_of(data)
    if isinstance(text, Diagnostic):
        raise _Rejected(text)
    try:
        document = json.loads(text)
        if _LONE_SURROGATE.search(text):
            document = _encodable(document)
    except json.JSONDecodeError as error:
        place = Span(error.lineno, error.colno, error.lineno, error.colno + 1)
        advice = "restore the last good version, or resolve the conflict markers in it"
        raise _rejected(reading.NOT_JSON, f"not JSON: {error.msg.lower()}", advice, place) from None
    except ValueError:
        # Python reads no integer of thousands of digits, and neither does Jupyter.
        raise _not_a_notebook("a number in it has too many digits to be read") from None
    except RecursionError:
        advice = "write generated data to a file of its own"
        raise _rejected(reading.TOO_DEEP, "the JSON is nested too deep", advice) from None
    if not isinstance(document, dict):
        raise _not_a_notebook("the document is not an object")
    return document


def _encodable(value: Any) -> Any:  # noqa: ANN401 - it is what the JSON holds
    if isinstance(value, str):
        return value.encode("utf-8", "replace").decode("utf-8")
    if isinstance(value, list):
        return [_encodable(item) for item in value]
    if isinstance(value, dict):
        return {_encodable(key): _encodable(item) for key, item in value.items()}
    return value


def _not_a_notebook(why: str) -> _Rejected:
    return _rejected(reading.NOT_A_NOTEBOOK, f"no notebook: {why}", "name a .ipynb file that Jupyter wrote")


def _upgraded(document: dict[str, Any]) -> dict[str, Any]:
    """The document in format 4; nbformat does the work for format 3."""
    major = document.get("nbformat")
    if not isinstance(major, int) or isinstance(major, bool):
        raise _not_a_notebook("it has no format number")
    if major == 4:
        return document
    if major != 3:
        advice = "save it with a current Jupyter (format 4)"
        raise _rejected(reading.UNSUPPORTED_FORMAT, f"notebook format {major} is not read", advice)
    _prepare_upgrade(document)
    # Loaded by name: only a file of format 3 pays for nbformat.
    nbformat = import_module("nbformat")
    try:
        upgraded = nbformat.convert(nbformat.from_dict(document), 4)
    except (KeyError, TypeError, ValueError, AttributeError, nbformat.ValidationError) as error:
        raise _not_a_notebook(f"it cannot be upgraded from format 3 ({error})") from None
    result: dict[str, Any] = json.loads(json.dumps(upgraded))
    # Converting invents random ids; ours come from the content, so that a build is repeatable.
    for cell in result.get("cells", ()):
        cell.pop("id", None)
    result["nbformat_minor"] = 0
    return result


def _prepare_upgrade(document: dict[str, Any]) -> None:
    """Drop outputs and join the lines of every text, as nbformat does when it reads format 3 itself."""
    sheets = document.get("worksheets", [])
    if not isinstance(sheets, list) or not all(isinstance(sheet, dict) and isinstance(sheet.get("cells"), list) for sheet in sheets):
        raise _not_a_notebook("a worksheet has no list of cells")
    for cell in (cell for sheet in sheets for cell in sheet["cells"] if isinstance(cell, dict)):
        cell.pop("outputs", None)
        if cell.get("cell_type") == "code":
            cell["outputs"] = []
        for key in ("input", "source"):
            if isinstance(cell.get(key), list) and all(isinstance(line, str) for line in cell[key]):
                cell[key] = "".join(cell[key])


def _expect_python(document: Mapping[str, Any]) -> None:
    metadata = _mapping(document.get("metadata"))
    kernel, language = _mapping(metadata.get("kernelspec")), _mapping(metadata.get("language_info"))
    named = language.get("name") or kernel.get("language")
    if isinstance(named, str) and named and not re.fullmatch(r"i?python\d*", named, re.IGNORECASE):
        advice = "choose a Python kernel and save the notebook, if its cells are Python"
        raise _rejected(reading.OTHER_LANGUAGE, f"the notebook's language is {named[:40]!r}, not Python", advice)


def _notebook(document: dict[str, Any], name: str) -> Outcome[Notebook]:
    listed = document.get("cells")
    if not isinstance(listed, list):
        raise _not_a_notebook("it has no list of cells")
    # What an earlier run was given is no part of the notebook.
    places = [place for place, raw in enumerate(listed) if not _is_injected(raw)]
    raw_cells = with_known_tags([listed[place] for place in places], _mapping(document.get("metadata")))
    sources = [_source(raw, place) for place, raw in zip(places, raw_cells, strict=True)]
    minor = document.get("nbformat_minor")
    has_ids = isinstance(minor, int) and (4, minor) >= _FIRST_FORMAT_WITH_IDS
    ids, repaired = _stable_ids(raw_cells, sources)
    cells = tuple(_cells(raw_cells, sources, ids, places))
    metadata = _mapping(document.get("metadata"))
    notebook = Notebook(
        name=name,
        cells=cells,
        kernel=_text(_mapping(metadata.get("kernelspec")).get("name")),
        python_version=_text(_mapping(metadata.get("language_info")).get("version")),
        metadata=metadata,
        document=_template({**document, "cells": raw_cells}, ids, sources),
    )
    return Outcome(notebook, tuple(_findings(notebook, repaired if has_ids else ())))


def _source(raw: Any, position: int) -> str:  # noqa: ANN401 - it is what the JSON holds
    if not isinstance(raw, dict):
        raise _not_a_notebook(f"`cells[{position}]` is not an object")
    source = raw.get("source", "")
    if isinstance(source, list) and all(isinstance(line, str) for line in source):
        source = "".join(source)
    if not isinstance(source, str):
        raise _not_a_notebook(f"the source of `cells[{position}]` is not text")
    return source


def _stable_ids(raw_cells: list[Any], sources: list[str]) -> tuple[list[CellId], tuple[int, ...]]:
    """An id for each cell, and the positions of the cells that did not bring a usable one."""
    given = [raw.get("id") for raw in raw_cells]
    valid = [isinstance(value, str) and _CELL_ID.fullmatch(value) is not None for value in given]
    taken: set[str] = set()
    ids: list[CellId] = []
    repaired: list[int] = []
    seen: Counter[str] = Counter()
    reserved = {value for value, good in zip(given, valid, strict=True) if good}
    for position, source in enumerate(sources):
        identifier = given[position]
        if not valid[position] or identifier in taken:
            repaired.append(position)
            identifier = _id_from_content(source, seen, reserved | taken)
        taken.add(identifier)
        ids.append(CellId(identifier))
    return ids, tuple(repaired)


def _id_from_content(source: str, seen: Counter[str], taken: set[str]) -> str:
    while True:
        seen[source] += 1
        digest = hashlib.sha256(f"{seen[source]}\0{source}".encode()).hexdigest()[:8]
        if digest not in taken:
            return digest


def _is_injected(raw: Any) -> bool:  # noqa: ANN401 - it is what the JSON holds
    tags = _mapping(raw.get("metadata")).get("tags") if isinstance(raw, dict) and raw.get("cell_type") == "code" else None
    return isinstance(tags, list) and "injected-parameters" in tags


def _cells(raw_cells: list[dict[str, Any]], sources: list[str], ids: list[CellId], places: list[int]) -> Iterator[Cell]:
    index = 0
    for position, (raw, source, identifier, place) in enumerate(zip(raw_cells, sources, ids, places, strict=True)):
        kind = {"code": CellKind.CODE, "markdown": CellKind.MARKDOWN}.get(_text(raw.get("cell_type")), CellKind.RAW)
        metadata = _mapping(raw.get("metadata"))
        tags = metadata.get("tags")
        yield Cell(
            id=identifier,
            index=index if kind is CellKind.CODE else -1,
            position=position,
            kind=kind,
            source=source,
            tags=tuple(tag for tag in tags if isinstance(tag, str)) if isinstance(tags, list) else (),
            metadata=metadata,
            in_file=place,
        )
        index += kind is CellKind.CODE


def _template(document: Mapping[str, Any], ids: list[CellId], sources: list[str]) -> dict[str, Any]:
    """The notebook without its results, as format 4.5."""
    cells: list[dict[str, Any]] = []
    for raw, identifier, source in zip(document["cells"], ids, sources, strict=True):
        kind = raw.get("cell_type")
        kept = {key: raw[key] for key in ("attachments",) if kind != "code" and key in raw}
        metadata = {key: value for key, value in _mapping(raw.get("metadata")).items() if key != "execution"}
        cell = {**kept, "cell_type": kind, "id": identifier, "metadata": metadata, "source": source}
        cells.append({**cell, "execution_count": None, "outputs": []} if kind == "code" else cell)
    return {"cells": cells, "metadata": _mapping(document.get("metadata")), "nbformat": 4, "nbformat_minor": 5}


def _findings(notebook: Notebook, repaired: tuple[int, ...]) -> Iterator[Diagnostic]:
    for position in repaired:
        cell = notebook.cells[position]
        yield Diagnostic(
            rule=reading.CELL_ID,
            message=f"`cells[{cell.in_file}]` has no id of its own; `{cell.id}` was made from its source",
            place=Place(cell.index, cell.id),
            help="save the notebook with a current Jupyter",
        )
    if not notebook.code_cells:
        yield Diagnostic(rule=reading.EMPTY_NOTEBOOK, message="the notebook has no code cell")


def _mapping(value: Any) -> dict[str, Any]:  # noqa: ANN401
    return value if isinstance(value, dict) else {}


def _text(value: Any) -> str:  # noqa: ANN401
    return value if isinstance(value, str) else ""
