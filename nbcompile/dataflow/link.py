"""CellFacts in notebook order -> DataflowGraph: every use is linked to the version a kernel would find there.

A name has one version after each cell that binds it, changes its object or lets another name share it. A cell that may
leave a name as it was passes the old version on. What a step can get by running definition statements again is replayed.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

from nbcompile.dataflow.aliases import Aliases
from nbcompile.dataflow.channels import ChannelLinks, link_channels
from nbcompile.dataflow.control import control_edges
from nbcompile.dataflow.fusions import Fusions
from nbcompile.model.facts import CellFacts, DefinitionStatement, FactsKind, StatementId
from nbcompile.model.graph import DataflowGraph, Edge, EdgeKind, GraphCell, Version


def link(facts: Sequence[CellFacts]) -> DataflowGraph:
    """The graph of a notebook's cells."""
    state = _State(facts)
    drafts = [state.cell(cell) for cell in facts]
    channels = link_channels(facts, state.statements)
    for place, draft in enumerate(drafts):
        draft.needs += [version for version in _files_of_replays(draft, channels, place) if version not in channels.needs[place]]
    edges = [edge for draft in drafts for edge in draft.edges] + list(channels.edges)
    waits = [edge for draft in drafts for edge in draft.edges if Version(edge.name, edge.source) in draft.needs]
    edges += control_edges(facts, [*waits, *channels.edges])
    return DataflowGraph(
        cells=tuple(
            _graph_cell(cell, draft, channels.needs[place], channels.replays[place], channels.makes[place])
            for place, (cell, draft) in enumerate(zip(facts, drafts, strict=True))
        ),
        edges=tuple(sorted(edges, key=lambda edge: (edge.target, edge.source))),
        fusions=tuple(sorted({*state.fusions.found, *channels.fusions})),
        parameters=tuple(state.parameters),
        replayable=tuple(sorted(state.statements)),
    )


@dataclass(slots=True)
class _Draft:
    """One cell of the graph, as far as names go."""

    kind: FactsKind
    uses: list[str] = field(default_factory=list)
    needs: list[Version] = field(default_factory=list)
    replays: set[StatementId] = field(default_factory=set)
    made: tuple[tuple[Version, ...], ...] = ()
    edges: list[Edge] = field(default_factory=list)
    statements: list[StatementId] = field(default_factory=list)


class _Latest:
    """The newest version of a name: who made it, how, and which statement brings it again."""

    __slots__ = ("cell", "how", "statement")

    def __init__(self, cell: int, how: EdgeKind, statement: StatementId | None = None) -> None:
        self.cell = cell
        self.how = how
        self.statement = statement


class _State:
    """What is known of every name after the cells so far."""

    def __init__(self, facts: Sequence[CellFacts]) -> None:
        self.latest: dict[str, _Latest] = {}
        self.parameters: dict[str, None] = {}
        self.statements: dict[StatementId, tuple[StatementId, ...]] = {}
        self.imports: dict[str, list[StatementId]] = {}
        self.aliases = Aliases(facts)
        self.fusions = Fusions()
        self._live = _live_after(facts)
        self._mentioned = _mentioned(facts)
        # What a star has bound, and no cell mentions: only code that nobody sees may use it, and imports it again.
        self._unmentioned: dict[str, StatementId] = {}
        # The cells that surely deleted a name last.
        self._deleted: dict[str, int] = {}
        self._opaque: list[int] = []
        self._drafts: list[_Draft] = []

    def cell(self, facts: CellFacts) -> _Draft:
        """Link one more cell."""
        draft = _Draft(facts.kind)
        self._drafts.append(draft)
        sure = _certain(facts)
        self._statements(facts, draft)
        for name in sure:
            self.aliases.forget(name)
        self.aliases.learn(facts)
        written = self.aliases.written(facts)
        needed = self._needed(facts, sure, written)
        for name, how in needed.items():
            self._need(facts, draft, name, how)
        for name in self.fusions.take(facts, needed):
            if name not in needed and name in self.latest:
                self._need(facts, draft, name, EdgeKind.ALIAS)
        self._make(facts, draft, written, sure)
        for package in dict.fromkeys((*facts.packages, *facts.unknown_libraries, *facts.makers)):
            self._import_again(facts, draft, package)
        draft.uses = list(dict.fromkeys(use.name for use in facts.uses))
        return draft

    def _statements(self, facts: CellFacts, draft: _Draft) -> None:
        """Keep the definition statements whose own names can be had by replaying, too."""
        for statement in facts.statements:
            depends = self._depends(statement, facts)
            if depends is None:
                draft.kind = FactsKind.ORDINARY if draft.kind is FactsKind.DEFINITION else draft.kind
                continue
            self.statements[statement.id] = depends
            for package in statement.imports:
                self.imports.setdefault(package, []).append(statement.id)
            draft.statements.append(statement.id)

    def _depends(self, statement: DefinitionStatement, facts: CellFacts) -> tuple[StatementId, ...] | None:
        """The statements that must be run again before this one; nothing if it reads what only a value brings."""
        found: dict[StatementId, None] = {}
        own = dict(statement.own)
        for name in statement.uses:
            identifier = own.get(name)
            if identifier is None and name in self.latest:
                identifier = self.latest[name].statement
                if identifier is None:
                    return None
            elif identifier is None and (facts.kind is FactsKind.OPAQUE or self._may_be_bound(name)):
                return None
            if identifier is not None:
                if identifier not in self.statements:
                    return None
                found.update(dict.fromkeys((identifier, *self.statements[identifier])))
        return tuple(found)

    def _needed(self, facts: CellFacts, sure: set[str], written: list[str]) -> dict[str, EdgeKind | None]:
        """The names of which the cell needs the newest version; with a kind where that is not for reading it."""
        if facts.kind is FactsKind.OPAQUE:
            return dict.fromkeys(name for name in self.latest if name not in self._unmentioned)
        needed: dict[str, EdgeKind | None] = {}
        for use in facts.uses:
            needed[use.name] = None
        for name in written:
            if name not in sure:
                needed.setdefault(name, EdgeKind.ALIAS)
        live = self._live[facts.index]
        for name in _uncertain(facts):
            if name in self.latest and name in live:
                needed.setdefault(name, None)
        return needed

    def _need(self, facts: CellFacts, draft: _Draft, name: str, how: EdgeKind | None) -> None:
        latest = self.latest.get(name)
        if latest is None and self._may_be_bound(name) and how is None:
            latest = self.latest[name] = self._bound_unseen(name)
        if latest is None:
            if how is None:
                self.parameters[name] = None
            return
        draft.edges.append(Edge(latest.cell, facts.index, name, how or latest.how))
        if latest.statement is not None:
            draft.replays.update((latest.statement, *self.statements[latest.statement]))
        else:
            draft.needs.append(Version(name, latest.cell))
            self.fusions.use(name, latest.cell, facts.index)

    def _may_be_bound(self, name: str) -> bool:
        """Whether a cell that is not understood may have bound a name that nobody is known to bind: nobody has deleted it since."""
        return bool(self._opaque) and self._opaque[-1] >= self._deleted.get(name, 0)

    def _bound_unseen(self, name: str) -> _Latest:
        """The version of a name that one of the cells has bound which are not understood: each of them may hand on what it was given."""
        before: int | None = None
        for cell in self._opaque:
            if cell < self._deleted.get(name, 0):
                continue
            draft = self._drafts[cell]
            draft.made = (*draft.made, (Version(name, cell),))
            if before is not None:
                draft.edges.append(Edge(before, cell, name, EdgeKind.VALUE))
                draft.needs.append(Version(name, before))
                self.fusions.use(name, before, cell)
            before = cell
        return _Latest(self._opaque[-1], EdgeKind.VALUE)

    def _import_again(self, facts: CellFacts, draft: _Draft, package: str) -> None:
        """`graphics.gofplots` may be there because `import statsmodels.api` has loaded it, whatever that binds.

        What a library has made may do only what `import pyomo.environ` has registered.
        """
        for statement in self.imports.get(package, ()):
            if statement.cell < facts.index:
                draft.replays.update((statement, *self.statements[statement]))

    def _make(self, facts: CellFacts, draft: _Draft, written: list[str], sure: set[str]) -> None:
        made: dict[str, None] = {}
        if facts.kind is FactsKind.OPAQUE:
            made.update((name, None) for name in self.latest if name not in self._unmentioned)
            draft.replays.update(self._unmentioned.values())
            self._opaque.append(facts.index)
        changed = {change.name for change in facts.changes}
        for name in written:
            if name in self.latest and name not in sure:
                made[name] = None
        for name in made:
            self.latest[name] = _Latest(facts.index, EdgeKind.MUTATION if name in changed else EdgeKind.ALIAS)
        starred = {name: one.id for one in facts.statements if one.star and one.id in self.statements for name in one.binds}
        for definition in facts.definitions:
            statement = definition.statement if definition.statement in self.statements else None
            self._unmentioned.pop(definition.name, None)
            if definition.name in starred and definition.name not in self._mentioned:
                self._unmentioned[definition.name] = starred[definition.name]
            made[definition.name] = None
            self.latest[definition.name] = _Latest(facts.index, EdgeKind.VALUE, statement)
        for gone in facts.deletions:
            if gone.certain:
                self.latest.pop(gone.name, None)
                self._deleted[gone.name] = facts.index
            elif gone.name in self.latest:
                made[gone.name] = None
                self.latest[gone.name] = _Latest(facts.index, EdgeKind.VALUE)
        groups = (tuple(made),) if facts.kind is FactsKind.OPAQUE and made else self.aliases.groups(list(made))
        draft.made = tuple(tuple(Version(name, facts.index) for name in group) for group in groups)


def _files_of_replays(draft: _Draft, channels: ChannelLinks, place: int) -> Iterator[Version]:
    """The files that the statements need which a cell runs again, or may have to for the values that it is sent."""
    own = {*draft.replays, *channels.replays[place]}
    replays = [statement for statement in channels.files if statement in own or (draft.needs and statement.cell < place)]
    yield from dict.fromkeys(version for statement in replays for version in channels.files[statement])


def _certain(cell: CellFacts) -> set[str]:
    """The names that the cell binds or deletes on every path."""
    return {made.name for made in cell.definitions if made.certain} | {gone.name for gone in cell.deletions if gone.certain}


def _uncertain(cell: CellFacts) -> list[str]:
    """The names that the cell may leave as they were."""
    return [made.name for made in cell.definitions if not made.certain] + [gone.name for gone in cell.deletions if not gone.certain]


def _mentioned(facts: Sequence[CellFacts]) -> set[str]:
    """The names that some cell says: it reads, changes or deletes them, or binds them otherwise than by a star."""
    found: set[str] = set()
    for cell in facts:
        starred = {name for statement in cell.statements if statement.star for name in statement.binds}
        found.update(name for name in (made.name for made in cell.definitions) if name not in starred)
        for named in (cell.uses, cell.changes, cell.deletions):
            found.update(one.name for one in named)
    return found


def _live_after(facts: Sequence[CellFacts]) -> list[frozenset[str]]:
    """For each cell with uncertain bindings, the names that a later cell may read as they are after it."""
    live: set[str] = set()
    found: list[frozenset[str]] = []
    for cell in reversed(facts):
        uncertain = _uncertain(cell)
        found.append(frozenset(name for name in uncertain if name in live))
        live -= _certain(cell)
        live.update(use.name for use in cell.uses)
        live.update(change.name for change in cell.changes)
        live.update(name for shared in cell.sharing for name in shared.names)
        if cell.kind is FactsKind.OPAQUE:
            live.update(made.name for other in facts[: cell.index] for made in other.definitions)
    return found[::-1]


def _graph_cell(
    cell: CellFacts, draft: _Draft, needs: tuple[Version, ...], replays: tuple[StatementId, ...], makes: tuple[Version, ...]
) -> GraphCell:
    return GraphCell(
        cell=cell.cell,
        index=cell.index,
        kind=draft.kind,
        defines=tuple(dict.fromkeys(made.name for made in cell.definitions)),
        uses=tuple(draft.uses),
        mutates=tuple(dict.fromkeys(change.name for change in cell.changes)),
        deletes=tuple(gone.name for gone in cell.deletions),
        effects=cell.effects,
        aliases=tuple(dict.fromkeys(shared.names for shared in cell.sharing)),
        needs=(*draft.needs, *needs),
        replays=tuple(sorted({*draft.replays, *replays})),
        makes=(*draft.made, *((version,) for version in makes)),
        statements=tuple(draft.statements),
    )
