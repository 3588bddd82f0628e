"""Parts to steps: what each step needs from others, what it saves for them, and the links between steps."""

from __future__ import annotations

from collections.abc import Container, Iterable, Sequence
from dataclasses import replace
from itertools import chain, count

from nbcompile.model.graph import FILE, DataflowGraph, Version, dependencies
from nbcompile.model.notebook import Notebook
from nbcompile.model.plan import Binding, Link, Payload, Step, StepId, Unpacking
from nbcompile.model.surroundings import Surroundings
from nbcompile.planning.names import file_stem, markdown_above, step_id, title_of
from nbcompile.planning.packing import of_step, packed_payloads, unpackings
from nbcompile.planning.partition import Part
from nbcompile.planning.scatter import Sending, cuts_of, scatter_of

# What a step leaves besides the values of variables: the files it wrote, what its cells showed, the last value of a shard.
_NO_VARIABLES = ("files", "outputs", "shown")


def make_steps(graph: DataflowGraph, notebook: Notebook, parts: Sequence[Part], beside: Surroundings, sending: Sending) -> tuple[Step, ...]:
    """One step per part."""
    owner = {cell: number for number, part in enumerate(parts) for cell in part.cells}
    packed = [of_step(part.cells, sending.packed) for part in parts]
    wanted = {
        version
        for cell in graph.cells
        for version in cell.needs
        if owner.get(version.cell) != owner[cell.index]
        and sending.is_sent(version, cell.index)
        and version not in packed[owner[cell.index]]
    }
    steps = [_step(graph, notebook, part, wanted, beside, sending) for part in parts]
    steps = [replace(step, payloads=(*step.payloads, *packed_payloads(step.id, step.cells, packed))) for step in steps]
    return tuple(_with_inputs(step, steps, sending, unpackings(taken, steps)) for step, taken in zip(steps, packed, strict=True))


def _with_inputs(step: Step, steps: Sequence[Step], sending: Sending, unpacks: tuple[Unpacking, ...]) -> Step:
    """The step with what it unpacks, with its shards, if it is a scattered cell, and with the cuts that others take from it."""
    step, cuts = replace(step, unpacks=unpacks), cuts_of(step.id, step.cells, sending)
    if step.cells[0] not in sending.scatters:
        return replace(step, cuts=cuts)
    return replace(step, cuts=cuts, scatter=scatter_of(step.cells[0], sending, steps))


def _step(graph: DataflowGraph, notebook: Notebook, part: Part, wanted: set[Version], beside: Surroundings, sending: Sending) -> Step:
    cells = [graph.cells[index] for index in part.cells]
    first = notebook.code_cells[part.cells[0]]
    heading, doc = markdown_above(notebook, first)
    made = next((name for cell in cells for name in cell.defines), "")
    title = title_of(first, heading, made)
    identifier = step_id(first, title)
    needed = dict.fromkeys(version for cell in cells for version in cell.needs if version.cell not in part.cells)
    given = [version.name.removeprefix(FILE) for version in needed if version.cell < 0 and version.name.startswith(FILE)]
    mentioned = [path for cell in sorted(_upstream(graph, part.cells)) for path in beside.mentioned_by(cell)]
    written = [
        version.name.removeprefix(FILE) for cell in cells for group in cell.makes for version in group if version.name.startswith(FILE)
    ]
    return Step(
        id=identifier,
        cells=part.cells,
        bindings=tuple(Binding(cell.index, cell.needs, cell.replays) for cell in cells),
        replays=tuple(sorted({statement for cell in cells for statement in cell.replays})),
        inputs=tuple(version for version in needed if version.cell >= 0),
        payloads=_payloads(identifier, [group for cell in cells for group in cell.makes], wanted, sending.carried),
        files_in=beside.there((*given, *mentioned, *beside.modules_until(part.cells[-1]))),
        files_out=tuple(dict.fromkeys(written)),
        folders=tuple(dict.fromkeys(path for cell, path in beside.folders if cell in part.cells)),
        label=title,
        doc=doc,
        why="; ".join(part.why),
    )


def _upstream(graph: DataflowGraph, cells: Iterable[int]) -> set[int]:
    """The cells, and those whose values or definitions reach them: a path may be made far from where it is opened."""
    seen, waiting = set[int](), list(cells)
    while waiting:
        cell = waiting.pop()
        if cell >= 0 and cell not in seen:
            seen.add(cell)
            waiting += [version.cell for version in graph.cells[cell].needs]
            waiting += [statement.cell for statement in graph.cells[cell].replays]
    return seen


def _payloads(
    step: StepId, groups: Iterable[tuple[Version, ...]], wanted: set[Version], carried: frozenset[Version]
) -> tuple[Payload, ...]:
    """One payload for each alias class of which another step needs a member."""
    taken = set(_NO_VARIABLES)
    payloads: list[Payload] = []
    for group in groups:
        sent = tuple(version for version in group if version in wanted and not version.name.startswith(FILE))
        if sent:
            name = _unlike(taken, file_stem(sent[0].name))
            taken.add(name.replace("-", "_"))
            carries = tuple(version.name for version in sent if version in carried)
            payloads.append(Payload(id=f"{step}.{name}", cell=sent[0].cell, versions=sent, carries=carries))
    return tuple(payloads)


def _unlike(taken: Container[str], name: str) -> str:
    """The name, numbered where it is taken. Ports of CWL have no hyphens, so that one with another sign there is taken as well."""
    names = chain((name,), (f"{name}-{number}" for number in count(2)))
    return next(one for one in names if one.replace("-", "_") not in taken)


def make_links(graph: DataflowGraph, steps: Sequence[Step]) -> tuple[Link, ...]:
    """What is sent from step to step; where one must only wait for the other, a link without versions."""
    owner = {cell: step for step in steps for cell in step.cells}
    waits: dict[StepId, dict[StepId, None]] = {step.id: {} for step in steps}
    for source, target in dependencies(graph):
        if owner[source] is not owner[target]:
            waits[owner[target].id][owner[source].id] = None
    by_id = {step.id: step for step in steps}
    return tuple(link for target in steps for source in waits[target.id] for link in _links(by_id[source], target))


def _links(source: Step, target: Step) -> tuple[Link, ...]:
    ports = target.scatter.ports if target.scatter else ()
    in_shards = {port.version for port in ports}
    needed = {version for version in target.inputs if version.cell in source.cells}
    unpacked = {one.version: one.source for one in target.unpacks}
    sent = [
        (
            payload.id,
            tuple(v for v in payload.versions if v in needed - in_shards and unpacked.get(v, "") == (payload.id if payload.packed else "")),
        )
        for payload in source.payloads
    ]
    sent.append((f"{source.id}.files", tuple(version for version in target.inputs if version in needed and version.name.startswith(FILE))))
    links = [Link(source.id, target.id, payload, versions) for payload, versions in sent if versions]
    cut = {cut.id for cut in source.cuts}
    links += [Link(source.id, target.id, port.source, (port.version,), port.source not in cut) for port in ports if port.version in needed]
    return tuple(links) or (Link(source.id, target.id, "", ()),)
