"""Facts + declarations + syntax trees -> which cells are cut along which names, and what speaks against it."""

from __future__ import annotations

import ast
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import replace
from typing import NamedTuple

from nbcompile.analysis.apart import facts_apart
from nbcompile.analysis.lengths import known_length
from nbcompile.analysis.rounds import empty_collectors, gathering, without_collecting
from nbcompile.model.diagnostic import Diagnostic, Outcome, Place, Span
from nbcompile.model.facts import CellFacts, Change
from nbcompile.model.source import ParsedCell
from nbcompile.model.workflow import CellScatter, Doubt, Gathering, Scatter, ScatterMethod, Split, StepDeclaration, WorkflowDeclaration
from nbcompile.rules import workflow as rules
from nbcompile.rules.steps import SHARDS_OF_UNEQUAL_NUMBER

_CHECK = "check with `nbcompile verify` that the shards give what the whole cell gives"
# Values of these types have no parts, or none in an order that lasts.
_UNCUT = ("set", "frozenset", "int", "float", "complex", "bool", "NoneType", "function", "iterator", "generator")
_RANDOM = ("random", "numpy.random", "torch.random")


def scattered_cells(
    facts: Sequence[CellFacts], workflow: WorkflowDeclaration, cells: Sequence[ParsedCell]
) -> Outcome[tuple[CellScatter, ...]]:
    """The cells with a scatter, in notebook order."""
    diagnostics: list[Diagnostic] = []
    trees = {parsed.cell.index: parsed.tree for parsed in cells if parsed.tree}
    cut: list[CutCell] = []
    for cell in facts:
        declared = workflow.of(cell.index)
        step = declared.step if declared else None
        scatter = _scatter_of(cell, step)
        if scatter is None:
            continue
        place = Place(cell.index, cell.cell)
        kinds = dict(_kinds(scatter, step, facts[: cell.index]))
        uncut = next((split for split in scatter.splits if kinds.get(split.name) in _UNCUT), None)
        if uncut is not None:
            diagnostics.append(_not_cut(place, uncut, kinds[uncut.name]))
            continue
        axes = _axes(scatter)
        if axes is None:
            diagnostics.append(_no_axes(place, step))
            continue
        diagnostics += _uneven(axes, step, facts[: cell.index], trees, place)
        cut.append(cut_cell(cell, axes, kinds, facts[: cell.index], trees))
    apart = facts_apart(cells, {one.cell.index: one.statements() for one in cut if one.tree})
    found: list[CellScatter] = []
    for one in cut:
        place = Place(one.cell.index, one.cell.cell)
        seen = one.gathering(apart.get(one.cell.index, ()))
        diagnostics += (*_doubts(seen, place), *_unknown_at_the_end(seen, place, facts[one.cell.index + 1 :]))
        found.append(CellScatter(cell=one.cell.index, axes=one.axes, gathering=seen))
    return Outcome(tuple(found), tuple(diagnostics))


def _scatter_of(cell: CellFacts, step: StepDeclaration | None) -> Scatter | None:
    if step and step.scatter:
        return step.scatter
    return Scatter(items=tuple(Split(name=name) for name in cell.scatter)) if cell.scatter else None


def _axes(scatter: Scatter) -> tuple[tuple[Split, ...], ...] | None:
    """The scatter as a product of axes; nothing where it is not one."""
    parts = [((item,),) if isinstance(item, Split) else _axes(item) for item in scatter.items]
    whole = [part for part in parts if part is not None]
    if len(whole) < len(parts):
        return None
    if scatter.method is ScatterMethod.CARTESIAN or len(whole) == 1:
        return tuple(axis for part in whole for axis in part)
    if any(len(part) > 1 for part in whole):
        # Pairs of one thing with combinations of others: nobody could say which shard belongs to which.
        return None
    return (tuple(split for part in whole for split in part[0]),)


def _no_axes(place: Place, step: StepDeclaration | None) -> Diagnostic:
    return Diagnostic(
        rule=rules.UNCLEAR_SCATTER,
        message="a dotproduct goes through names in step, and a cartesian product within it has no step",
        place=place._replace(key=(*step.at, "scatter")) if step else place,
        help="put the cartesian product outside: names that belong together in an inner dotproduct",
    )


def _kinds(scatter: Scatter, step: StepDeclaration | None, above: Sequence[CellFacts]) -> Iterator[tuple[str, str]]:
    """The types of the scattered names, where they are known."""
    sources = {port.name: port.value_from for port in (step.inputs if step else ()) if port.value_from}
    for split in scatter.splits:
        source = sources.get(split.name, split.name)
        made = next((one for cell in reversed(above) for one in reversed(cell.definitions) if one.name == source), None)
        if made is not None and made.type:
            yield split.name, made.type


def _uneven(
    axes: tuple[tuple[Split, ...], ...],
    step: StepDeclaration | None,
    above: Sequence[CellFacts],
    trees: Mapping[int, ast.Module],
    place: Place,
) -> Iterator[Diagnostic]:
    """Names that go in step and are known to be cut into different numbers of shards."""
    sources = {port.name: port.value_from for port in (step.inputs if step else ()) if port.value_from}
    for axis in axes:
        lengths = [(split, known_length(sources.get(split.name, split.name), above, trees)) for split in axis] if len(axis) > 1 else []
        known = [(split, split.shards(length)) for split, length in lengths if length is not None]
        other = next(((split, number) for split, number in known if number != known[0][1]), None)
        if other is not None:
            (first, number), (second, differs) = known[0], other
            yield Diagnostic(
                rule=SHARDS_OF_UNEQUAL_NUMBER,
                message=f"`{first.name}` has {number} shards and `{second.name}` has {differs}, and they go in step",
                place=place._replace(key=second.at),
                help="make them equally long, or combine them with `cartesian`",
            )


def _not_cut(place: Place, split: Split, kind: str) -> Diagnostic:
    what = "has no order to be cut in" if kind in ("set", "frozenset") else "has no parts"
    return Diagnostic(
        rule=rules.SCATTER_NOT_APPLIED,
        message=f"the scatter is not applied: `{split.name}` is of type `{kind}` and {what}",
        place=place._replace(key=split.at),
        help="scatter over a list, a tuple, a range, a dict, an array or a table",
    )


def taught_scatters(scatters: Sequence[CellScatter], facts: Sequence[CellFacts], taught: Sequence[CellFacts]) -> tuple[CellScatter, ...]:
    """The scatters with the changes that a run or a profile has seen: no shard has what all of them changed."""
    found: list[CellScatter] = []
    for scatter in scatters:
        known = {change.name for change in facts[scatter.cell].changes}.union(scatter.names)
        new = [change.name for change in taught[scatter.cell].changes if change.name not in known]
        found.append(replace(scatter, gathering=_torn(scatter.gathering, new)) if new else scatter)
    return tuple(found)


def _torn(seen: Gathering, names: Collection[str]) -> Gathering:
    joined, kept, last, alike = (
        tuple(name for name in fate if name not in names) for fate in (seen.joined, seen.kept, seen.last, seen.alike)
    )
    return seen._replace(joined=joined, kept=kept, last=last, alike=alike, torn=(*seen.torn, *names))


class CutCell(NamedTuple):
    """A cell that is cut, and what is known before it: `empty` are names that hold empty containers, `before` all that are bound."""

    cell: CellFacts
    tree: ast.Module | None
    axes: tuple[tuple[Split, ...], ...]
    kinds: Mapping[str, str]
    before: frozenset[str]
    empty: Mapping[str, str]

    @property
    def names(self) -> list[list[str]]:
        """The scattered names, axis by axis."""
        return [[split.name for split in axis] for axis in self.axes]

    def statements(self) -> list[ast.stmt]:
        """The statements of the cell without what its rounds collect."""
        return without_collecting(self.tree, self.names, self.before, self.empty, self.kinds) if self.tree else []

    def gathering(self, apart: Sequence[CellFacts]) -> Gathering:
        """What becomes of its results, given the facts of each of its statements."""
        if self.tree is None:
            return Gathering()
        changes = [(*one.changes, *_bound_by_functions(one, statement)) for one, statement in zip(apart, self.tree.body, strict=True)]
        seen = gathering(self.tree, self.names, self.before, self.empty, self.kinds, changes)
        return seen._replace(doubts=(*seen.doubts, *_doubts_of_effects(self.cell), *_doubts_of_sizes(self.axes)))


def _bound_by_functions(facts: CellFacts, statement: ast.stmt) -> Iterator[Change]:
    """The names that a statement binds through functions that it calls, which declare them `global`."""
    own = {part.id for part in ast.walk(statement) if isinstance(part, ast.Name) and isinstance(part.ctx, ast.Store)}
    read = {use.name for use in facts.uses}
    for made in facts.definitions:
        if made.name not in own and made.name in read:
            yield Change(made.name, made.span, "a function binds it anew")


def cut_cell(
    cell: CellFacts,
    axes: tuple[tuple[Split, ...], ...],
    kinds: Mapping[str, str],
    above: Sequence[CellFacts],
    trees: Mapping[int, ast.Module],
) -> CutCell:
    """A cell that is cut along these names; `trees` holds the syntax trees of all cells that have one."""
    before = frozenset(made.name for one in above for made in one.definitions)
    return CutCell(cell, trees.get(cell.index), axes, kinds, before, dict(_empty_before(cell, above, trees)))


def _empty_before(cell: CellFacts, above: Sequence[CellFacts], trees: Mapping[int, ast.Module]) -> Iterator[tuple[str, str]]:
    """The names that a cell changes and that one statement above it, and nothing else, has to do with: it makes an empty container."""
    for name in dict.fromkeys(change.name for change in cell.changes):
        cells = [one for one in above if name in _mentioned(one)]
        tree = trees.get(cells[0].index) if len(cells) == 1 else None
        statements = [part for part in tree.body if name in _names(part)] if tree else []
        if len(statements) == 1:
            yield from (found for found in empty_collectors(statements[0]) if found[0] == name)


def _mentioned(cell: CellFacts) -> set[str]:
    if cell.opaque:
        return {one.name for one in cell.changes}
    facts = (cell.definitions, cell.uses, cell.changes, cell.deletions)
    return {one.name for kind in facts for one in kind}


def _names(node: ast.AST) -> set[str]:
    return {part.id for part in ast.walk(node) if isinstance(part, ast.Name)}


def _doubts_of_effects(cell: CellFacts) -> Iterator[Doubt]:
    for effect in cell.effects:
        if effect.channel in _RANDOM:
            yield Doubt(effect.span, "it draws random numbers, and every shard draws the same")
        elif effect.channel == "files" and effect.mode == "append" and effect.subject != "./":
            yield Doubt(effect.span, f"it appends to `{effect.subject}`, and every shard starts from the same file")


def _doubts_of_sizes(axes: tuple[tuple[Split, ...], ...]) -> Iterator[Doubt]:
    """Below the first axis, a shard of several items meets those of the axis above one after the other."""
    outer = [split for axis in axes[:-1] for split in axis if split.num or split.size > 1]
    for split in outer:
        reason = f"`{split.name}` is cut into larger shards and meets others: results come shard by shard, not item by item"
        yield Doubt(Span(1, 1, 1, 1), reason)


def _doubts(seen: Gathering, place: Place) -> Iterator[Diagnostic]:
    for doubt in dict.fromkeys(seen.doubts):
        yield Diagnostic(
            rule=rules.SCATTER_IN_DOUBT,
            message=doubt.reason,
            place=place._replace(span=doubt.span),
            help=_CHECK,
        )
    if seen.unseen and not seen.doubts:
        message = "the cell runs commands, and nothing is known of what they do with a part of the whole"
        yield Diagnostic(rule=rules.SCATTER_UNSEEN, message=message, place=place, help=_CHECK)


def _unknown_at_the_end(seen: Gathering, place: Place, later: Sequence[CellFacts]) -> Iterator[Diagnostic]:
    """Names that shards do not leave as the whole cell does: a cell that others read runs whole, and of the others nobody knows."""
    read = {use.name for cell in later for use in cell.uses}
    names = ", ".join(f"`{name}`" for name in seen.torn if name not in read)
    if names:
        message = f"what {names} is after this cell is known of no shard, and no cell reads it"
        yield Diagnostic(
            rule=rules.UNKNOWN_AFTER_SHARDS, message=message, place=place, help="read it in a later cell: then this one runs whole"
        )
