"""A cell with a loop -> whether its rounds are proved to need nothing of each other, so that it could run in shards.

A scatter that an author declares is applied, and doubts are told. One that nobody asked for is proposed only where there is none.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator, Sequence

from nbcompile.analysis.apart import facts_apart
from nbcompile.analysis.channels import FILES
from nbcompile.analysis.scattered import cut_cell
from nbcompile.model.diagnostic import Span
from nbcompile.model.facts import CellFacts, FactsKind
from nbcompile.model.source import ParsedCell
from nbcompile.model.workflow import Doubt, Gathering, ScatterProposal, Split

_CUT = ("list", "tuple", "range", "dict", "collections.OrderedDict", "numpy.ndarray", "pandas.DataFrame", "pandas.Series")
# What draws, or shows something once.
_SHARED = frozenset(("matplotlib", "seaborn", "pylab", "plotly", "warnings", "logging"))
_CELL = Span(1, 1, 1, 1)


def propose_scatters(facts: Sequence[CellFacts], cells: Sequence[ParsedCell], index: int) -> tuple[ScatterProposal, ...]:
    """For each name of an earlier cell that a code cell goes through at its top level."""
    cell, tree = facts[index], cells[index].tree
    if tree is None or cell.scatter or cell.kind is not FactsKind.ORDINARY:
        return ()
    made = {one.name: one for earlier in facts[:index] for one in earlier.definitions}
    found = {name: span for name, span in _gone_through(tree) if name in made}
    proposals = []
    for name, span in found.items():
        kind = made[name].type if made[name].certain else ""
        if kind not in _CUT:
            why = f"of type `{kind}`, which is not cut into shards" if kind else "of a type that is not known here"
            proposals.append(ScatterProposal(name=name, span=span, against=(Doubt(span, f"`{name}` is {why}"),)))
            continue
        cut = cut_cell(cell, ((Split(name=name),),), {name: kind}, facts[:index], {one.cell.index: one.tree for one in cells if one.tree})
        seen = cut.gathering(facts_apart(cells, {index: cut.statements()})[index])
        against = (*seen.doubts, *_unproved(cell, name, seen, facts[index + 1 :]))
        if not against and not seen.joined:
            against = (Doubt(span, "its rounds collect nothing that shards would make"),)
        proposals.append(ScatterProposal(name=name, span=span, against=tuple(dict.fromkeys(against))))
    return tuple(proposals)


def _gone_through(tree: ast.Module) -> Iterator[tuple[str, Span]]:
    """The names that loops and comprehensions at the top of a cell go through, each the first time."""
    seen: set[str] = set()
    for statement in tree.body:
        iterables = [statement.iter] if isinstance(statement, ast.For) else []
        if isinstance(statement, ast.Assign | ast.Expr):
            iterables = [part.generators[0].iter for part in ast.walk(statement.value) if isinstance(part, ast.ListComp | ast.DictComp)]
        for node in (name for iterable in iterables for name in _names(iterable)):
            if node.id not in seen:
                seen.add(node.id)
                yield node.id, Span(node.lineno, node.col_offset + 1, node.lineno, node.col_offset + 1 + len(node.id))


def _names(node: ast.AST) -> list[ast.Name]:
    """The names in an expression that are no functions in it."""
    called = {id(part.func) for part in ast.walk(node) if isinstance(part, ast.Call)}
    return [part for part in ast.walk(node) if isinstance(part, ast.Name) and id(part) not in called]


def _unproved(cell: CellFacts, name: str, seen: Gathering, later: Sequence[CellFacts]) -> Iterator[Doubt]:
    """What a scatter that is declared is not asked, because its author knows."""
    if seen.unseen:
        yield Doubt(_CELL, "it runs commands, and nothing is known of what these do")
    yield from (Doubt(_CELL, f"no shard knows what `{torn}` is after the last round") for torn in seen.torn if not seen.doubts)
    yield from _of_effects(cell)
    yield from (Doubt(_CELL, f"what `{library}` keeps from one call to the next is not known") for library in cell.unknown_libraries)
    yield from (Doubt(unknown.span, unknown.reason) for unknown in cell.unknowns)
    yield from (Doubt(live.span, live.reason) for live in cell.live)
    changes = (change for change in cell.changes if change.name == name)
    yield from (Doubt(change.span, f"it changes what `{name}` holds, where two items may be one object") for change in changes)
    changed, joined = {change.name for one in later for change in one.changes}, set(seen.joined)
    for shared in (one for one in cell.sharing if one.compared and name in one.names):
        yield Doubt(_CELL, f"it can tell what `{'` and `'.join(shared.names)}` hold from copies")
    for shared in cell.sharing:
        if not changed.isdisjoint(shared.names) and not joined.isdisjoint(shared.names):
            yield Doubt(_CELL, f"`{'` and `'.join(shared.names)}` share an object that a later cell changes")


def _of_effects(cell: CellFacts) -> Iterator[Doubt]:
    for effect in cell.effects:
        if effect.channel == FILES and effect.mode != "read":
            yield Doubt(effect.span, "it writes files, and whether each round writes files of its own cannot be seen")
        elif effect.channel not in (FILES, "import"):
            yield Doubt(effect.span, f"it has to do with `{effect.channel}`, which the rounds share")
    for library in _SHARED.intersection(cell.libraries):
        yield Doubt(_CELL, f"it has to do with `{library}`, which the rounds share")
