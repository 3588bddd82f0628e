"""The graph and the plan as pictures: Mermaid text, SVG, and a page that needs nothing else.

Nodes stand in layers below everything they need (longest path), ordered within a layer by the mean place of their
neighbours (the barycentre heuristic of Sugiyama, Tagawa and Toda, 1981).
"""

from __future__ import annotations

import html as markup
from collections.abc import Iterable, Sequence
from typing import NamedTuple

from nbcompile.model.graph import DataflowGraph, EdgeKind, dependencies
from nbcompile.model.notebook import Notebook
from nbcompile.model.plan import Plan, Step
from nbcompile.model.text import bound_lines
from nbcompile.reporting.layout import Box, lay_out

_MOST_NAMES = 3
_MOST_LINES = 4
_LONGEST_LINE = 44


class Node(NamedTuple):
    """One box: `kind` is a style; `note` is what a pointer that rests on it shows."""

    id: str
    title: str
    lines: tuple[str, ...]
    kind: str
    note: str = ""


class Arrow(NamedTuple):
    """An arrow between two boxes, by their places."""

    source: int
    target: int
    label: str
    kind: str


class Drawing(NamedTuple):
    """What a picture shows, before it is laid out; `rows` are what the page lists below it, and `notes` are told in between."""

    title: str
    nodes: tuple[Node, ...]
    arrows: tuple[Arrow, ...]
    header: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]
    notes: tuple[str, ...] = ()


def draw_graph(graph: DataflowGraph, notebook: Notebook) -> Drawing:
    """Every cell and what it needs; definitions that are replayed have no arrows."""
    names: dict[tuple[int, int], list[str]] = {pair: [] for pair in dependencies(graph)}
    for cell in graph.cells:
        for version in cell.needs:
            if (version.cell, cell.index) in names:
                names[version.cell, cell.index].append(version.name)
    order = {(e.source, e.target) for e in graph.edges if e.kind is EdgeKind.CONTROL}
    arrows = tuple(Arrow(a, b, _some(made), "order" if not made and (a, b) in order else "flow") for (a, b), made in names.items())
    nodes = tuple(
        Node(
            f"c{cell.index}",
            f"cell {cell.index}",
            _first_lines(notebook.code_cells[cell.index].source),
            cell.kind.value,
            _facts_note(cell.defines, cell.uses),
        )
        for cell in graph.cells
    )
    rows = tuple((str(e.source), str(e.target), e.name, e.kind.value) for e in graph.edges)
    return Drawing(f"{notebook.name}: dataflow", nodes, arrows, ("cell", "is needed by", "for", "kind"), rows)


def draw_plan(plan: Plan, notebook: Notebook) -> Drawing:
    """Every step and what is sent between them; the critical path stands out."""
    place = {step.id: number for number, step in enumerate(plan.steps)}
    sent: dict[tuple[int, int], list[str]] = {}
    for link in plan.links:
        sent.setdefault((place[link.source], place[link.target]), []).extend(version.name for version in link.versions)
    path = list(zip(plan.critical_path, plan.critical_path[1:], strict=False))
    critical = {(place[a], place[b]) for a, b in path}
    arrows = tuple(
        Arrow(a, b, _some(names), "critical" if (a, b) in critical else "flow" if names else "order") for (a, b), names in sent.items()
    )
    nodes = tuple(
        Node(
            step.id,
            step.label or step.id,
            tuple(f"{index}: {_first_lines(notebook.code_cells[index].source, 1)[0]}" for index in step.cells[:_MOST_LINES])
            + _more(len(step.cells)),
            "critical" if step.id in plan.critical_path else "ordinary",
            f"{step.id}\n{_why(step)}".strip(),
        )
        for step in plan.steps
    )
    rows = tuple(
        (
            step.id,
            ", ".join(map(str, step.cells)),
            ", ".join(map(str, step.inputs)),
            ", ".join(map(str, step.outputs)),
            step.target,
            _why(step),
        )
        for step in plan.steps
    )
    return Drawing(
        f"{notebook.name}: plan", nodes, arrows, ("step", "cells", "inputs", "outputs", "target", "why together"), rows, bound_lines(plan)
    )


def mermaid(drawing: Drawing) -> str:
    """A Mermaid flowchart, as Markdown pages render it."""
    lines = ["flowchart TD"]
    lines += [
        f'  n{number}["{_mermaid(node.title)}<br/>{"<br/>".join(map(_mermaid, node.lines))}"]' for number, node in enumerate(drawing.nodes)
    ]
    lines += [
        f'  n{a.source} -->|"{_mermaid(a.label)}"| n{a.target}' if a.label else f"  n{a.source} --> n{a.target}" for a in drawing.arrows
    ]
    critical = [f"n{number}" for number, node in enumerate(drawing.nodes) if node.kind == "critical"]
    lines += [f"  style {name} stroke-width:3px" for name in critical]
    return "\n".join(lines) + "\n"


def svg(drawing: Drawing) -> str:
    """A picture that stands alone and follows the reader's light or dark colours."""
    layout = lay_out([(node.title, *node.lines) for node in drawing.nodes], [(a.source, a.target) for a in drawing.arrows])
    parts = [
        (
            f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {layout.width} {layout.height}" '
            f'width="{layout.width}" height="{layout.height}" role="img" class="nbc">'
        ),
        f"<title>{markup.escape(drawing.title)}</title><style>{_STYLE}</style>{_ARROW_HEAD}",
        *(_svg_arrow(arrow, route) for arrow, route in zip(drawing.arrows, layout.routes, strict=True)),
        *(_svg_node(node, box) for node, box in zip(drawing.nodes, layout.boxes, strict=True)),
        "</svg>",
    ]
    return "\n".join(parts) + "\n"


def html(drawing: Drawing) -> str:
    """A self-contained page: the picture, and a table of what it shows."""
    head = "".join(f"<th>{markup.escape(name)}</th>" for name in drawing.header)
    body = "\n".join("<tr>" + "".join(f"<td>{markup.escape(value)}</td>" for value in row) + "</tr>" for row in drawing.rows)
    notes = "\n".join(f"<p>{markup.escape(note)}</p>" for note in drawing.notes)
    return f"""<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>{markup.escape(drawing.title)}</title>
<style>{_PAGE_STYLE}</style>
</head>
<body>
<h1>{markup.escape(drawing.title)}</h1>
<div class="picture">
{svg(drawing)}</div>
{notes}
<div class="wide">
<table>
<thead><tr>{head}</tr></thead>
<tbody>
{body}
</tbody>
</table>
</div>
</body>
</html>
"""


def _svg_node(node: Node, box: Box) -> str:
    text = [f'<text x="{box.x + 12}" y="{box.y + 22}" class="title">{markup.escape(node.title)}</text>']
    text += [f'<text x="{box.x + 12}" y="{box.y + 42 + 17 * n}">{markup.escape(line)}</text>' for n, line in enumerate(node.lines)]
    frame = f'<rect x="{box.x}" y="{box.y}" width="{box.width}" height="{box.height}" rx="8"/>'
    note = f"<title>{markup.escape(node.note)}</title>" if node.note else ""
    return f'<g class="node {node.kind}">{note}{frame}{"".join(text)}</g>'


def _svg_arrow(arrow: Arrow, route: Sequence[tuple[float, float]]) -> str:
    (x, y), *rest = route
    curve = f"M{x:g} {y:g}"
    middle = route[len(route) // 2 - 1], route[len(route) // 2]
    for next_x, next_y in rest:
        bend = (next_y - y) / 2
        curve += f" C{x:g} {y + bend:g} {next_x:g} {next_y - bend:g} {next_x:g} {next_y:g}"
        x, y = next_x, next_y
    line = f'<path class="{arrow.kind}" d="{curve}" marker-end="url(#head)"/>'
    if not arrow.label:
        return line
    at_x, at_y = ((a + b) / 2 for a, b in zip(*middle, strict=True))
    return f'{line}<text class="label" x="{at_x:g}" y="{at_y:g}">{markup.escape(arrow.label)}</text>'


def _some(names: Iterable[str]) -> str:
    unique = tuple(dict.fromkeys(names))
    return ", ".join(unique[:_MOST_NAMES]) + (f" +{len(unique) - _MOST_NAMES}" if len(unique) > _MOST_NAMES else "")


def _more(count: int) -> tuple[str, ...]:
    return (f"… and {count - _MOST_LINES} more cells",) if count > _MOST_LINES else ()


def _first_lines(source: str, most: int = _MOST_LINES) -> tuple[str, ...]:
    lines = [line.rstrip() for line in source.splitlines() if line.strip() and not line.lstrip().startswith("#")]
    return tuple(line if len(line) <= _LONGEST_LINE else line[: _LONGEST_LINE - 1] + "…" for line in lines[:most]) or ("",)


def _facts_note(defines: tuple[str, ...], uses: tuple[str, ...]) -> str:
    return f"defines {', '.join(defines) or 'nothing'}\nuses {', '.join(uses) or 'nothing'}"


def _mermaid(text: str) -> str:
    """Mermaid reads entities with # instead of &."""
    return "".join(char if char.isalnum() or char in " _-.,:=()+*/…" else f"#{ord(char)};" for char in text)


_ARROW_HEAD = (
    '<defs><marker id="head" viewBox="0 0 10 10" refX="6" refY="5" markerWidth="7" markerHeight="7" orient="auto-start-reverse">'
    '<path d="M0 0 L10 5 L0 10 z" class="tip"/></marker></defs>'
)
_STYLE = """
.nbc{--paper:#ffffff;--ink:#1f2937;--faint:#6b7280;--box:#f3f4f6;--line:#9ca3af;--hot:#c2410c;--hotbox:#fff7ed;
font:13px ui-monospace,SFMono-Regular,Menlo,Consolas,monospace;max-width:100%;height:auto}
@media (prefers-color-scheme:dark){.nbc{--paper:#111827;--ink:#e5e7eb;--faint:#9ca3af;--box:#1f2937;--line:#6b7280;
--hot:#fb923c;--hotbox:#2b1d12}}
.nbc rect{fill:var(--box);stroke:var(--line)}.nbc text{fill:var(--ink);white-space:pre}.nbc .title{font-weight:600;
font-family:system-ui,sans-serif}
.nbc .definition rect{stroke-dasharray:4 3;fill:var(--paper)}.nbc .empty rect{opacity:.4}.nbc .opaque rect{stroke:var(--hot);
stroke-dasharray:2 2}
.nbc .critical rect{stroke:var(--hot);stroke-width:2;fill:var(--hotbox)}.nbc path{fill:none;stroke:var(--line);stroke-width:1.4}
.nbc path.critical{stroke:var(--hot);stroke-width:2.2}.nbc path.order{stroke-dasharray:5 4}.nbc .tip{fill:var(--line);stroke:none}
.nbc .label{font-size:11px;fill:var(--faint);text-anchor:middle;paint-order:stroke;stroke:var(--paper);stroke-width:4px}
"""
_PAGE_STYLE = """
:root{color-scheme:light dark}body{font:15px/1.5 system-ui,sans-serif;margin:2rem auto;max-width:72rem;padding:0 1rem;
background:Canvas;color:CanvasText}
h1{font-size:1.3rem}.picture,.wide{overflow-x:auto}.picture{margin:1rem 0 2rem}
table{border-collapse:collapse;width:100%;font-size:.87rem}
th{white-space:nowrap}th,td{text-align:left;padding:.35rem .6rem;border-bottom:1px solid color-mix(in srgb,CanvasText 18%,transparent);
vertical-align:top;overflow-wrap:anywhere;min-width:4.5rem}td:first-child{min-width:8rem}td:last-child{min-width:9rem}
"""


def _why(step: Step) -> str:
    """Why cells are together; that a cell is alone is seen."""
    return step.why if len(step.cells) > 1 else ""
