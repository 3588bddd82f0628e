"""Which versions leave a step in shards, which carry files, and how the shards of a step go together."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from nbcompile.model.graph import DataflowGraph, Version
from nbcompile.model.plan import Cut, ShardPort, Step, StepId, StepScatter
from nbcompile.model.workflow import CellScatter, Port, PortKind, Serializer, Split, StepDeclaration, WorkflowDeclaration
from nbcompile.planning.names import file_stem
from nbcompile.planning.packing import packed_versions


@dataclass(frozen=True, slots=True)
class Sending:
    """What is special about what cells send each other: the scattered cells, and versions whose files go with them.

    `by_shard` says which version a cell is given in shards under a name, and `found` which names stand for files that are
    found after a cell. `unmade` are scattered names of cells that nothing in the notebook binds, so that no step could cut them;
    `torn` are names that a cell would leave otherwise if it ran in shards, with the cells that read them.
    `packed` says which versions cells are sent packed, and by whose code.
    """

    scatters: Mapping[int, CellScatter] = field(default_factory=dict)
    carried: frozenset[Version] = frozenset()
    by_shard: Mapping[tuple[int, str], Version] = field(default_factory=dict)
    found: frozenset[tuple[int, str]] = frozenset()
    unmade: tuple[tuple[int, str], ...] = ()
    torn: tuple[tuple[Version, int], ...] = ()
    packed: Mapping[tuple[int, Version], tuple[Serializer, ...]] = field(default_factory=dict)

    def is_cut(self, version: Version, reader: int) -> bool:
        """Whether a cell gets a version in shards that the maker cuts for it."""
        names = self.scatters[reader].names if reader in self.scatters else ()
        return any(self.by_shard[reader, name] == version for name in names) and not self.is_chained(reader)

    def is_sent(self, version: Version, reader: int) -> bool:
        """Whether a version leaves its step as a payload for a cell of another: as a whole, or as what the shards of its own cell made."""
        return not self.is_cut(version, reader) or version.cell in self.scatters

    def is_chained(self, cell: int) -> bool:
        """Whether a scattered cell takes the shards of a scattered cell before it as they are, without the whole between them.

        Such shards may be empty, and then the cell leaves what its names had before.
        """
        scatter = self.scatters.get(cell)
        if (
            scatter is None
            or scatter.gathering.rebound
            or len(scatter.axes) != 1
            or any(split.num or split.size != 1 for split in scatter.axes[0])
        ):
            return False
        versions = [self.by_shard[cell, name] for name in scatter.names]
        above = self.scatters.get(versions[0].cell)
        if above is None or len(above.axes) != 1 or any(version.cell != above.cell for version in versions):
            return False
        return not any(version.name in (*above.gathering.kept, *above.gathering.last) for version in versions)


NOTHING_SPECIAL = Sending()


def plan_sending(graph: DataflowGraph, workflow: WorkflowDeclaration, scatters: Sequence[CellScatter]) -> Sending:
    """What the declarations say about sending, in terms of versions."""
    steps = {declared.cell: declared.step for declared in workflow.cells if declared.step}
    by_cell = {scatter.cell: scatter for scatter in scatters}
    needs = {cell.index: {version.name: version for version in cell.needs} for cell in graph.cells if cell.index in by_cell}
    by_shard = {
        (index, name): needs[index][source]
        for index, scatter in by_cell.items()
        for name, source in _sources(scatter, steps.get(index)).items()
        if source in needs[index]
    }
    unmade = tuple((index, name) for index, scatter in by_cell.items() for name in scatter.names if (index, name) not in by_shard)
    torn = tuple(_torn(graph, by_cell))
    whole = {*dict(unmade), *(version.cell for version, _ in torn)}
    applied = {index: scatter for index, scatter in by_cell.items() if index not in whole}
    found = frozenset((cell, port.name) for cell, step in steps.items() for port in step.outputs if _is_pattern(port))
    by_shard = {key: version for key, version in by_shard.items() if key[0] in applied}
    packed = packed_versions(graph, steps, by_cell)
    return Sending(applied, frozenset(_carried(graph, steps)), by_shard, found, unmade, torn, packed)


def _torn(graph: DataflowGraph, scatters: Mapping[int, CellScatter]) -> Iterator[tuple[Version, int]]:
    """The versions that shards could not leave as the whole cell does, and the first cell that reads each."""
    torn = {Version(name, scatter.cell) for scatter in scatters.values() for name in scatter.gathering.torn}
    for cell in graph.cells if torn else ():
        for version in cell.needs:
            if version in torn:
                torn.remove(version)
                yield version, cell.index


def _sources(scatter: CellScatter, step: StepDeclaration | None) -> dict[str, str]:
    """The variables that the scattered names of a cell come from: a declared input may have another name."""
    declared = {port.name: port.value_from for port in (step.inputs if step else ()) if port.value_from}
    return {name: declared.get(name, name) for name in scatter.names}


def _is_pattern(port: Port) -> bool:
    return port.kind is PortKind.FILE and isinstance(port.value, str)


def _carried(graph: DataflowGraph, steps: Mapping[int, StepDeclaration]) -> set[Version]:
    carried: set[Version] = set()
    for cell in graph.cells:
        step = steps.get(cell.index)
        if step is None:
            continue
        read = {port.value_from for port in step.inputs if port.kind is PortKind.FILE and port.value_from}
        made = {port.name for port in step.outputs if port.kind is PortKind.FILE}
        carried.update(version for version in cell.needs if version.name in read)
        carried.update(version for group in cell.makes for version in group if version.name in made)
    return carried


def cuts_of(step: StepId, cells: Sequence[int], sending: Sending) -> tuple[Cut, ...]:
    """The cuts that a step saves: one for each version and way of cutting, however many cells take it."""
    found: dict[str, Cut] = {}
    for scatter in sending.scatters.values():
        if sending.is_chained(scatter.cell):
            continue
        for split in (split for axis in scatter.axes for split in axis):
            version = sending.by_shard[scatter.cell, split.name]
            if version.cell in cells and scatter.cell not in cells:
                cut = Cut(cut_id(step, version, split), version, split.size, split.num, version in sending.carried)
                found.setdefault(cut.id, cut)
    return tuple(found.values())


def cut_id(step: StepId, version: Version, split: Split) -> str:
    """The stem of the files of a cut."""
    return f"{step}.{file_stem(version.name)}-{version.cell}-{f'in{split.num}' if split.num else f'by{split.size}'}"


def scatter_of(cell: int, sending: Sending, steps: Sequence[Step]) -> StepScatter:
    """How the shards of a scattered cell go together."""
    scatter = sending.scatters[cell]
    owners = {cell: step for step in steps for cell in step.cells}

    def port(split: Split) -> ShardPort:
        version = sending.by_shard[cell, split.name]
        maker = owners[version.cell]
        whole = next((payload.id for payload in maker.payloads if version in payload.versions), "")
        return ShardPort(split.name, version, whole if sending.is_chained(cell) else cut_id(maker.id, version, split))

    axes = tuple(tuple(port(split) for split in axis) for axis in scatter.axes)
    gathering, paths = scatter.gathering, tuple(name for index, name in sorted(sending.found) if index == cell)
    fates = {"kept": gathering.kept, "last": gathering.last, "alike": gathering.alike, "joined": gathering.joined}
    return StepScatter(axes=axes, **fates, paths=paths, shows=gathering.shows)


def only_alone(sending: Sending, parts: Sequence[Sequence[int]]) -> Sending:
    """The same for the scattered cells that are a step of their own: others run whole."""
    alone = {cells[0] for cells in parts if len(cells) == 1}
    kept = {cell: scatter for cell, scatter in sending.scatters.items() if cell in alone}
    by_shard = {key: version for key, version in sending.by_shard.items() if key[0] in kept}
    return Sending(kept, sending.carried, by_shard, sending.found, packed=sending.packed)
