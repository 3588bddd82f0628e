"""A page of a report: one file without scripts or outside references, readable years later and without a network."""

from __future__ import annotations

import html
from collections.abc import Iterable, Sequence
from importlib.resources import files


def page(title: str, parts: Iterable[str]) -> str:
    """The page as HTML."""
    style = files("nbcompile.reporting").joinpath("run_report.css").read_text("utf-8")
    return _PAGE.format(title=escaped(title), style=style, body="\n".join(parts))


def section(title: str, parts: Iterable[str]) -> str:
    """A part with a heading, if there is anything in it."""
    body = "\n".join(parts)
    return f"<section><h2>{escaped(title)}</h2>\n{body}</section>" if body else ""


def table(head: Sequence[str], rows: Iterable[Sequence[str]], numeric: Sequence[int] = ()) -> str:
    """A table; columns counted in `numeric` are numbers."""

    def row(cells: Sequence[str], tag: str) -> str:
        marks = ("" if place not in numeric else ' class="number"' for place in range(len(cells)))
        return "<tr>" + "".join(f"<{tag}{mark}>{escaped(cell)}</{tag}>" for cell, mark in zip(cells, marks, strict=True)) + "</tr>"

    body = "\n".join(row(cells, "td") for cells in rows)
    return f'<div class="wide"><table><thead>{row(head, "th")}</thead><tbody>\n{body}\n</tbody></table></div>'


def escaped(value: str) -> str:
    """Text as HTML."""
    return html.escape(value, quote=True)


_PAGE = """<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta http-equiv="Content-Security-Policy" content="default-src 'none'; style-src 'unsafe-inline'; img-src data:">
<title>{title}</title>
<style>{style}</style>
</head>
<body>
{body}
</body>
</html>
"""
