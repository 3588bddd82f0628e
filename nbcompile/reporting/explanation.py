"""Why a cell needs another, why two must stay together, and what is not known of it: in words, with source lines."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from nbcompile.model.diagnostic import Rule, Span
from nbcompile.model.facts import CellFacts
from nbcompile.model.graph import CHANNEL, FILE, DataflowGraph, Edge, EdgeKind
from nbcompile.model.notebook import Cell, Notebook
from nbcompile.model.workflow import ScatterProposal


def explain_rule(rule: Rule) -> str:
    """A code's page."""
    return f"{rule.code} {rule.name} ({rule.severity.value})\n\n{rule.summary}\n\n{rule.explanation}"


def explain_cell(notebook: Notebook, facts: Sequence[CellFacts], graph: DataflowGraph, index: int, name: str = "") -> str:
    """Everything that ties one cell to others, or what ties it to them through one name."""
    teller = _Teller(notebook, facts, graph)
    lines = [f"cell {index} ({graph.cells[index].cell})"]
    for title, told in (
        ("needs", teller.needs(index, name)),
        ("makes", teller.makes(index, name)),
        ("stays together with", teller.together(index) if not name else []),
        ("not known", teller.unknown(index) if not name else []),
    ):
        found = list(told)
        lines += ["", f"{title}:", *found] if found else []
    if len(lines) == 1:
        lines.append(f"\nnothing ties it to another cell{f' through `{name}`' if name else ''}")
    return "\n".join(lines) + "\n"


def explain_scatters(notebook: Notebook, index: int, proposals: Sequence[ScatterProposal]) -> str:
    """Over what a cell could run in shards, and how to say so; or what its rounds need of each other."""
    cell, lines = notebook.code_cells[index], list[str]()
    for one in proposals:
        lines += ["", f"{'does not' if one.against else 'could'} run in shards of `{one.name}`:"]
        lines += [f"      {index}:{doubt.span.line}  {_text(cell, doubt.span)}   # {doubt.reason}" for doubt in one.against]
        if not one.against:
            lines.append(f"      {index}:{one.span.line}  {_text(cell, one.span)}   # its rounds need nothing of each other")
            lines.append(f"      asked for by  # nbc: scatter={one.name}  on a line of its own; worth it where rounds take long")
    return "\n".join(lines) + "\n" if lines else ""


class _Teller:
    """Finds the lines that explain an edge."""

    def __init__(self, notebook: Notebook, facts: Sequence[CellFacts], graph: DataflowGraph) -> None:
        self.cells = notebook.code_cells
        self.facts = facts
        self.graph = graph

    def needs(self, index: int, name: str) -> Iterator[str]:
        """Which earlier cells, for what, and where both ends stand."""
        for edge in self.graph.edges:
            if edge.target == index and name in ("", _bare(edge.name)):
                yield f"  {_subject(edge)} from cell {edge.source}"
                yield from self._made_here(edge.source, edge)
                yield from self._used_here(index, edge)

    def makes(self, index: int, name: str) -> Iterator[str]:
        """Which later cells wait for what this one makes."""
        targets: dict[str, list[int]] = {}
        for edge in self.graph.edges:
            if edge.source == index and name in ("", _bare(edge.name)):
                targets.setdefault(_subject(edge), []).append(edge.target)
        for subject, cells in targets.items():
            yield f"  {subject} for cell{'s' if len(cells) > 1 else ''} {', '.join(map(str, cells))}"

    def together(self, index: int) -> Iterator[str]:
        """The cells that must run in the same process."""
        for first, second, reason in self.graph.fusions:
            if index in (first, second):
                yield f"  cell {second if first == index else first}: {reason}"

    def unknown(self, index: int) -> Iterator[str]:
        """What could not be seen through, and what would settle it."""
        facts = self.facts[index]
        if facts.opaque:
            yield f"  {facts.opaque}: it is taken to read and write everything"
            yield "      settled by  # nbc: pure  in the cell, if it touches nothing but what its text shows"
        for span, reason, remedy in facts.unknowns:
            yield self._line(index, span, reason)
            if remedy:
                yield f"      settled by  {remedy}"

    def _made_here(self, source: int, edge: Edge) -> Iterator[str]:
        facts = self.facts[source]
        changes = [change for change in facts.changes if change.name == edge.name]
        spans = [(change.span, change.reason) for change in changes]
        if edge.kind is EdgeKind.ALIAS:
            spans = [(made.span, "here it comes to share an object that is changed later") for made in facts.definitions[:1]]
            spans = spans or [(change.span, f"{change.reason}, and it may share objects with that") for change in facts.changes[:1]]
        if facts.opaque and not changes and edge.kind in (EdgeKind.ALIAS, EdgeKind.MUTATION):
            yield f"      {source}    {facts.opaque}"
            return
        if edge.kind is EdgeKind.VALUE or not spans:
            made = [one for one in facts.definitions if one.name == edge.name]
            spans = [(one.span, "bound here" if one.certain else "perhaps bound here") for one in made] or spans
        spans += [(one.span, "") for one in facts.effects if one.mode != "read" and _matches(edge, one.channel, one.subject)]
        yield from (self._line(source, span, label) for span, label in spans[:2])
        if edge.kind is EdgeKind.MUTATION and changes and all(change.guessed for change in changes):
            yield "      a guess; settled by  # nbc: pure  on that line, if it changes nothing"

    def _used_here(self, target: int, edge: Edge) -> Iterator[str]:
        facts = self.facts[target]
        spans = [(use.span, _through(use.via)) for use in facts.uses if use.name == edge.name]
        spans += [(change.span, change.reason) for change in facts.changes if change.name == edge.name and not spans]
        spans += [(one.span, "") for one in facts.effects if _matches(edge, one.channel, one.subject)]
        if not spans and edge.kind not in (EdgeKind.CHANNEL, EdgeKind.FILE, EdgeKind.CONTROL):
            yield "      passed on: it may share an object that this cell changes"
        yield from (self._line(target, span, label) for span, label in spans[:2])

    def _line(self, index: int, span: Span, label: str) -> str:
        return f"      {index}:{span.line}  {_text(self.cells[index], span)}{f'   # {label}' if label else ''}"


def _text(cell: Cell, span: Span) -> str:
    lines = cell.source.splitlines()
    return lines[span.line - 1].strip() if span.line <= len(lines) else ""


def _through(via: Sequence[str]) -> str:
    return f"read through {' > '.join(f'`{name}`' for name in via)}" if via else ""


def _bare(name: str) -> str:
    return name.removeprefix(CHANNEL).removeprefix(FILE)


def _subject(edge: Edge) -> str:
    if edge.kind is EdgeKind.CONTROL:
        return "its good end"
    words = {
        EdgeKind.CHANNEL: "the state of ",
        EdgeKind.FILE: "the file ",
        EdgeKind.MUTATION: "the changed ",
        EdgeKind.ALIAS: "the shared ",
    }
    return f"{words.get(edge.kind, '')}`{_bare(edge.name)}`"


def _matches(edge: Edge, channel: str, subject: str) -> bool:
    if edge.kind is EdgeKind.FILE:
        return channel == "files" and edge.name == FILE + subject
    return edge.kind is EdgeKind.CHANNEL and edge.name == CHANNEL + channel
