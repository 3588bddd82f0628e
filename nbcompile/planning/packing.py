"""Which versions are packed by code of the notebook before they are sent: those of ports with a serializer.

What a step declares of an output holds for everyone who is sent it, what it declares of an input for the step itself.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence

from nbcompile.model.graph import DataflowGraph, Version
from nbcompile.model.plan import Payload, Step, StepId, Unpacking
from nbcompile.model.workflow import Port, PortKind, Serializer, StepDeclaration
from nbcompile.planning.names import file_stem


def packed_versions(
    graph: DataflowGraph, steps: Mapping[int, StepDeclaration], scattered: Iterable[int]
) -> dict[tuple[int, Version], tuple[Serializer, ...]]:
    """For a cell and a version that it is sent packed, whose code packs it: the output's, the input's, or first one and then the other.

    What scattered cells make goes in shards, which are sent as they are; so do the shards that they are given.
    """
    made = {(cell, port.name): port.serializer for cell, step in steps.items() for port in _packed(step.outputs)}
    cut = {(cell, split.name) for cell, step in steps.items() if step.scatter for split in step.scatter.splits}
    taken = {
        (cell, port.value_from): port.serializer
        for cell, step in steps.items()
        for port in _packed(step.inputs)
        if port.value_from and (cell, port.name) not in cut
    }
    without = set(scattered)
    found: dict[tuple[int, Version], tuple[Serializer, ...]] = {}
    for cell in graph.cells:
        for version in cell.needs:
            if version.cell not in without:
                pair = (made.get((version.cell, version.name)), taken.get((cell.index, version.name)))
                if serializers := tuple(filter(None, pair)):
                    found[cell.index, version] = serializers
    return found


def _packed(ports: Iterable[Port]) -> Iterator[Port]:
    return (port for port in ports if port.kind is PortKind.NAME and port.serializer)


def of_step(cells: Iterable[int], packed: Mapping[tuple[int, Version], tuple[Serializer, ...]]) -> dict[Version, tuple[Serializer, ...]]:
    """What a step of these cells is sent packed: it is sent once, so that the first of its cells decides."""
    found: dict[Version, tuple[Serializer, ...]] = {}
    inside = tuple(cells)
    for cell in inside:
        found.update({v: s for (reader, v), s in packed.items() if reader == cell and v.cell not in inside and v not in found})
    return found


def packed_payloads(step: StepId, cells: Sequence[int], sent: Iterable[Mapping[Version, tuple[Serializer, ...]]]) -> tuple[Payload, ...]:
    """One payload for each version of these cells and each code that packs it; `sent` is what every step is sent packed."""
    wanted = dict.fromkeys((version, serializers[0]) for taken in sent for version, serializers in taken.items() if version.cell in cells)
    return tuple(
        Payload(id=f"{step}.{file_stem(version.name)}-packed{number}", cell=version.cell, versions=(version,), packed=serializer)
        for number, (version, serializer) in enumerate(wanted, 1)
    )


def unpackings(taken: Mapping[Version, tuple[Serializer, ...]], steps: Sequence[Step]) -> tuple[Unpacking, ...]:
    """How a step gets at what it is sent packed."""
    sources = {(payload.versions[0], payload.packed): payload.id for step in steps for payload in step.payloads if payload.packed}
    return tuple(Unpacking(version, sources[version, first], first, *others) for version, (first, *others) in taken.items())
