"""Verification -> a page that shows both runs side by side, cell by cell."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Sequence
from typing import Any

from nbcompile.model.verification import CellOutputs, Difference, Observation, Picture, Verdict, Verification
from nbcompile.reporting.page import escaped, page, section, table
from nbcompile.reporting.run_summary import duration
from nbcompile.reporting.verification import order, where

_STATES = {Verdict.EQUAL: "finished", Verdict.UNSTEADY: "finished", Verdict.DIFFERENT: "failed"}
_SHOWN = 20_000
_NAME_OF_PICTURE = 100


def verification_html(found: Verification) -> str:
    """The verification as one HTML page."""
    head = (
        f'<header><h1>{escaped(found.notebook.name)} <span class="state {_STATES[found.verdict]}">{found.verdict.value}</span></h1>'
        f'<p class="faint">compared {found.exactness.value}: '
        f"{found.alone} of {found.ordinary} cells that are no definitions stand alone, findings name {len(found.named)}</p></header>"
    )
    unsteady = [(where(one),) for one in sorted(found.unsteady, key=order)]
    parts = (
        head,
        section("Runs", [_runs(found.runs)]),
        section("Differences", [_differences(found.differences)] if found.differences else []),
        section("What plain runs do differently each time", [table(("where",), unsteady)] if unsteady else []),
        section("Side by side", _cells(found)),
        section("Not compared", [f"<p>{escaped(', '.join(found.rules))}</p>"]),
    )
    return page(f"{found.notebook.name}: {found.verdict.value}", parts)


def _runs(runs: Sequence[Observation]) -> str:
    rows = [
        (run.name, run.how, duration(run.seconds), str(run.steps), str(len(run.values)), str(len(run.files)), run.problem) for run in runs
    ]
    return table(("run", "how", "took", "steps", "variables", "files", "problem"), rows, numeric=(3, 4, 5))


def _differences(differences: Sequence[Difference]) -> str:
    rows = [
        (where(one.subject), one.side, one.plain, one.compiled, one.cause, one.announced or "nobody: it is silent")
        for one in sorted(differences, key=lambda one: order(one.subject))
    ]
    return table(("where", "run", "plain", "compiled", "probable cause", "announced by"), rows)


def _cells(found: Verification) -> Iterator[str]:
    """The cells that differ from both sides, the others once."""
    plain, others = found.runs[0], found.runs[1:]
    for cell, source in enumerate(found.sources):
        differing = [run for run in others if _of(run, cell) != _of(plain, cell)]
        mark = "" if not differing else ' <span class="state failed">differs</span>'
        columns = "".join(_column(run, cell) for run in (plain, *differing[:1]))
        yield f'<h3>cell {cell}{mark}</h3><pre class="faint">{escaped(source)}</pre>'
        yield f'<div class="{"sides" if differing else "side"}">{columns}</div>'


def _column(run: Observation, cell: int) -> str:
    pictures = run.pictures[cell] if cell < len(run.pictures) else ()
    return f"<div><pre>{escaped(_words(_of(run, cell)))}</pre>{''.join(map(_picture, pictures))}</div>"


def _picture(picture: Picture) -> str:
    what = escaped(f"{picture.mime}, {picture.size} bytes")
    if not picture.content:
        return f'<p class="faint">{what}: too large to be shown here</p>'
    return f'<img alt="{what}" src="data:{escaped(picture.mime)};base64,{escaped(picture.content)}">'


def _of(run: Observation, cell: int) -> CellOutputs:
    return run.cells[cell] if cell < len(run.cells) else ()


def _words(outputs: CellOutputs) -> str:
    text = "\n".join(map(_output, outputs)) or "(nothing)"
    return text if len(text) <= _SHOWN else text[:_SHOWN] + "…"


def _output(output: Any) -> str:  # noqa: ANN401 - nbformat
    if output["output_type"] == "stream":
        return str(output["text"])
    if output["output_type"] == "error":
        return "\n".join([f"{output['ename']}: {output['evalue']}", *output["traceback"]])
    data = {mime: _named(mime, shown) for mime, shown in output["data"].items()}
    return str(data["text/plain"]) if set(data) == {"text/plain"} else json.dumps(data, indent=1, ensure_ascii=False, sort_keys=True)


def _named(mime: str, shown: Any) -> Any:  # noqa: ANN401 - JSON
    """Of an encoded picture, which stands below, only what tells it from another."""
    if not mime.startswith("image/") or "svg" in mime or not isinstance(shown, str) or len(shown) <= _NAME_OF_PICTURE:
        return shown
    return f"SHA-256 {hashlib.sha256(shown.encode('utf-8', 'surrogatepass')).hexdigest()}"
