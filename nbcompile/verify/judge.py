"""Observations -> Verification: what is a difference, what the notebook itself does differently each time, and who had warned."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from nbcompile.model.diagnostic import Diagnostic
from nbcompile.model.facts import CellFacts, FactsKind
from nbcompile.model.graph import FILE, DataflowGraph, EdgeKind, last_makers
from nbcompile.model.plan import Plan
from nbcompile.model.profile import MissedFlow
from nbcompile.model.verification import Aspect, Difference, Exactness, Observation, Subject, Verdict, Verification
from nbcompile.verify.compare import compare
from nbcompile.verify.masking import rule_names

_GENERATORS = frozenset(("random", "numpy.random", "torch.random"))
# How many more plain runs are made at most to tell chance from a difference.
_MOST_PLAIN_RUNS = 3


@dataclass(frozen=True, slots=True)
class Judgement:
    """What comparing the runs came to, before it is known who had warned."""

    runs: tuple[Observation, ...]
    exactness: Exactness
    graph: DataflowGraph
    differences: tuple[Difference, ...]
    unsteady: tuple[Subject, ...]

    def verification(self, notebook: Path, named: Mapping[int, str], plan: Plan, sources: tuple[str, ...]) -> Verification:
        """The whole account. `named` are cells that findings had named, `plan` is the one at cell granularity."""
        # What the environment lacks is said before any cell runs, too.
        named = {**{cell: message for run in self.runs for cell, message in run.guards if message.startswith("NB3")}, **named}
        ordinary = {cell.index for cell in self.graph.cells if cell.kind in (FactsKind.ORDINARY, FactsKind.OPAQUE)}
        alone = {step.cells[0] for step in plan.steps if len(step.cells) == 1}
        differing = {one.subject.cell for one in self.differences} | {subject.cell for subject in self.unsteady}
        announced = _spread(named, differing, self.graph)
        return Verification(
            notebook=notebook,
            verdict=Verdict.DIFFERENT if self.differences else Verdict.UNSTEADY if self.unsteady else Verdict.EQUAL,
            exactness=self.exactness,
            runs=self.runs,
            differences=tuple(replace(one, announced=announced.get(one.subject.cell, "")) for one in self.differences),
            unsteady=self.unsteady,
            sources=sources,
            named=tuple(sorted(named)),
            ordinary=len(ordinary),
            alone=len(alone & ordinary),
            rules=rule_names(),
        )


def judge(runs: Sequence[Observation], again: Callable[[], Observation], exactness: Exactness, graph: DataflowGraph) -> Judgement:
    """Compare every later run with the first, the plain one. `again` makes another plain run, wanted only where something differs."""
    plain = runs[0]
    differences = tuple(one for run in runs[1:] for one in compare(plain, run, exactness))
    unsteady = _unsteady(differences, lambda: compare(plain, again(), exactness), graph) if differences else ()
    guards = {(run.name, cell): message for run in runs for cell, message in run.guards}
    return Judgement(
        tuple(runs),
        exactness,
        graph,
        tuple(_explained(one, graph, guards) for one in differences if one.subject not in unsteady),
        tuple(_placed(one, graph) for one in unsteady),
    )


def _unsteady(differences: Sequence[Difference], differ: Callable[[], Sequence[Difference]], graph: DataflowGraph) -> tuple[Subject, ...]:
    """What differs between plain runs, of which `differ` makes another one.

    Of what a cell draws or measures, two runs may have something in common by chance: where a cell has something unsteady, looks at
    the clock or starts something beside it, or uses what such a cell has made, a difference of it counts as one only when more plain
    runs agree.
    """
    beside = _cells_touching("concurrency", graph)
    # What runs side by side writes in the order that the machine has it in, also within a line.
    found = dict.fromkeys(one.subject for one in differences if one.reordered and _placed(one.subject, graph).cell in beside)
    chancy = beside | _cells_touching("time", graph) | _cells_touching("entropy", graph)
    for _ in range(_MOST_PLAIN_RUNS):
        found.update(dict.fromkeys(one.subject for one in differ()))
        cells = _with_users(({_placed(one, graph).cell for one in found} - {-1}) | chancy, graph)
        if not any(one.subject not in found and _placed(one.subject, graph).cell in cells for one in differences):
            break
    return tuple(found)


def _cells_touching(channel: str, graph: DataflowGraph) -> set[int]:
    return {cell.index for cell in graph.cells if any(effect.channel == channel for effect in cell.effects)}


def _with_users(cells: set[int], graph: DataflowGraph) -> set[int]:
    """These cells, and those that use what they have made."""
    found = set(cells)
    for edge in sorted(graph.edges, key=lambda edge: edge.target):
        if edge.source in found and edge.kind is EdgeKind.VALUE:
            found.add(edge.target)
    return found


def with_causes(judged: Judgement, missed: Sequence[MissedFlow]) -> Judgement:
    """The judgement with what a traced run says of differences that nothing else explains."""
    words = {one.target: _missed_words(one) for one in reversed(missed)}
    differences = [replace(one, cause=one.cause or words.get(one.subject.cell, "")) for one in judged.differences]
    return replace(judged, differences=tuple(differences))


def _missed_words(flow: MissedFlow) -> str:
    how = "changes the object behind" if flow.changed else "binds"
    return f"cell {flow.source} {how} `{flow.name}`, which cell {flow.target} reads; the graph has no such edge"


def named_cells(diagnostics: Sequence[Diagnostic], facts: Sequence[CellFacts]) -> dict[int, str]:
    """The cells that a finding names before the run, and what it says.

    Two plain runs may shuffle a short list alike by chance, so that cells that draw without a seed are named wherever they stand.
    """
    found = {one.place.cell_index: f"{one.rule.code} {one.message}" for one in diagnostics if one.place.cell_index >= 0}
    seeded: set[str] = set()
    for cell in facts:
        for effect in sorted((one for one in cell.effects if one.channel in _GENERATORS), key=lambda one: one.span):
            if effect.mode == "write":
                seeded.add(effect.channel)
            elif effect.mode == "draw" and effect.channel not in seeded:
                found.setdefault(cell.index, f"the generator of `{effect.channel.partition('.')[0]}` is drawn from and was never seeded")
    for cell in facts:
        if any(effect.channel == "references" for effect in cell.effects):
            found.setdefault(cell.index, "it asks for addresses, references or the memory of objects, which every process has its own of")
    for cell in facts:
        why = cell.opaque or next((unknown.reason for unknown in cell.unknowns), "")
        if why:
            found.setdefault(cell.index, why)
    return found


def _placed(subject: Subject, graph: DataflowGraph) -> Subject:
    """Variables and files are put down to the cell that makes them last; one that nobody knows to the first that may bind any name."""
    name = FILE + subject.name if subject.aspect is Aspect.FILE else subject.name
    if subject.cell >= 0:
        return subject
    opaque = (cell.index for cell in graph.cells if cell.kind is FactsKind.OPAQUE and subject.aspect is Aspect.VALUE)
    return subject._replace(cell=last_makers(graph).get(name, next(opaque, -1)))


def _explained(difference: Difference, graph: DataflowGraph, guards: Mapping[tuple[str, int], str]) -> Difference:
    subject = _placed(difference.subject, graph)
    cause = guards.get((difference.side, subject.cell), "") or next(_missing_names(difference, graph), "")
    return replace(difference, subject=subject, cause=cause)


def _missing_names(difference: Difference, graph: DataflowGraph) -> Iterator[str]:
    """A cell that fails for want of a name that an earlier cell binds: there is no edge."""
    cell = difference.subject.cell
    for earlier in reversed(graph.cells[: max(cell, 0)]):
        for name in earlier.defines:
            words = f"name '{name}' is not defined"
            if words in difference.compiled and words not in difference.plain:
                yield f"cell {cell} reads `{name}`, which cell {earlier.index} binds; the graph has no such edge"


def _spread(named: Mapping[int, str], differing: set[int], graph: DataflowGraph) -> dict[int, str]:
    """Findings announce a difference at their cell, and at the cells that use its results: those that differ, or that nobody compared.

    A list that is shuffled without a seed and then sorted into another is not seen as the shuffle left it.
    """
    spread, last = dict(named), last_makers(graph)
    for edge in sorted(graph.edges, key=lambda edge: edge.target):
        differs = edge.source in differing or last.get(edge.name) != edge.source
        if edge.source in spread and differs and edge.kind is not EdgeKind.CONTROL:
            spread.setdefault(edge.target, spread[edge.source])
    return spread
