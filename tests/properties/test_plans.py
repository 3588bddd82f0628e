"""Whatever the graph, a plan is sound: every cell in one step, steps convex and in order, every need met."""

from hypothesis import given
from hypothesis import strategies as st

from nbcompile.model.facts import FactsKind
from nbcompile.model.graph import DataflowGraph, Edge, EdgeKind, Fusion, GraphCell, Version, dependencies, reachable, successors
from nbcompile.model.notebook import Cell, CellId, CellKind, Notebook
from nbcompile.model.plan import Granularity
from nbcompile.model.settings import Settings
from nbcompile.model.surroundings import Surroundings
from nbcompile.model.workflow import CellScatter, Split, WorkflowDeclaration
from nbcompile.planning.place import CellPlace
from nbcompile.planning.plan import Wishes, make_plan
from nbcompile.planning.scatter import plan_sending

SOURCES = ("x = 1", "for i in y:\n    z(i)", "model.fit(X)", "df.head()", "")


@st.composite
def programs(draw):
    """A notebook and a graph in which each cell makes one version and needs some earlier ones."""
    count = draw(st.integers(0, 12))
    cells, fusions, edges = [], [], []
    for index in range(count):
        needs = draw(st.lists(st.integers(0, index - 1), unique=True, max_size=4)) if index else []
        version = Version(f"v{index}", index)
        cells.append(
            GraphCell(
                cell=CellId(f"c{index}"),
                index=index,
                kind=FactsKind.ORDINARY,
                defines=(version.name,),
                needs=tuple(Version(f"v{maker}", maker) for maker in sorted(needs)),
                makes=((version,),),
            )
        )
        if index and draw(st.booleans()):
            fusions.append(Fusion(draw(st.integers(0, index - 1)), index, "they share a file handle"))
        if index and draw(st.booleans()):
            edges.append(Edge(draw(st.integers(0, index - 1)), index, "network", EdgeKind.CONTROL))
    notebook = Notebook(
        name="n",
        cells=tuple(
            Cell(id=CellId(f"c{i}"), index=i, position=i, kind=CellKind.CODE, source=draw(st.sampled_from(SOURCES))) for i in range(count)
        ),
    )
    return notebook, DataflowGraph(cells=tuple(cells), edges=tuple(edges), fusions=tuple(fusions))


@given(programs(), st.sampled_from(Granularity))
def test_a_plan_is_sound(program, granularity):
    notebook, graph = program
    plan = make_plan(graph, notebook, Settings(granularity=granularity), Surroundings(), Wishes()).value
    place = {step.id: number for number, step in enumerate(plan.steps)}
    owner = {cell: step for step in plan.steps for cell in step.cells}
    assert sorted(cell for step in plan.steps for cell in step.cells) == list(range(len(graph.cells)))
    assert len(place) == len(plan.steps)
    assert all(step.cells == tuple(sorted(step.cells)) for step in plan.steps)
    assert all(owner[fusion.first] is owner[fusion.second] for fusion in graph.fusions)
    assert all(place[link.source] < place[link.target] for link in plan.links)
    linked = {(link.source, link.target) for link in plan.links}
    for source, target in dependencies(graph):
        assert owner[source] is owner[target] or (owner[source].id, owner[target].id) in linked
    reach = reachable(successors(dependencies(graph), len(graph.cells)))
    for a in range(len(graph.cells)):
        for b in range(len(graph.cells)):
            between = [c for c in range(len(graph.cells)) if reach[a] >> c & 1 and reach[c] >> b & 1]
            assert owner[a] is not owner[b] or all(owner[c] is owner[a] for c in between)


@given(programs(), st.sampled_from(Granularity))
def test_what_a_step_needs_is_saved_and_sent(program, granularity):
    notebook, graph = program
    plan = make_plan(graph, notebook, Settings(granularity=granularity), Surroundings(), Wishes()).value
    for step in plan.steps:
        sent = {version for link in plan.links if link.target == step.id for version in link.versions}
        assert set(step.inputs) == sent
        assert all(version.cell not in step.cells for version in step.inputs)
    saved = {payload.id: set(payload.versions) for step in plan.steps for payload in step.payloads}
    assert all(set(link.versions) <= saved[link.payload] for link in plan.links if link.payload)


@given(programs())
def test_granularity_only_merges(program):
    notebook, graph = program
    fine, auto, whole = (
        make_plan(graph, notebook, Settings(granularity=g), Surroundings(), Wishes()).value
        for g in (Granularity.CELL, Granularity.AUTO, Granularity.NOTEBOOK)
    )
    assert len(whole.steps) <= 1 <= len(auto.steps) + 1 <= len(fine.steps) + 1
    owner = {cell: step.id for step in auto.steps for cell in step.cells}
    assert all(len({owner[cell] for cell in step.cells}) == 1 for step in fine.steps)


@given(programs(), st.lists(st.sampled_from(["local", "hpc"]), min_size=12, max_size=12), st.sets(st.integers(0, 11)))
def test_only_cells_of_one_place_share_a_step_for_the_price(program, targets, apart):
    notebook, graph = program
    places = tuple(CellPlace(target) for target, _ in zip(targets, graph.cells, strict=False))
    wishes = Wishes(places=places, apart=frozenset(apart))
    fine, auto = (
        make_plan(graph, notebook, Settings(granularity=g), Surroundings(), wishes).value for g in (Granularity.CELL, Granularity.AUTO)
    )
    must = {step.cells for step in fine.steps}
    for step in auto.steps:
        if step.cells not in must:
            assert len({places[cell].target for cell in step.cells}) == 1
            assert not apart.intersection(step.cells)
            assert {step.target} == {places[cell].target for cell in step.cells}


@given(programs(), st.sampled_from(Granularity), st.data())
def test_what_is_scattered_is_cut_and_sent(program, granularity, data):
    notebook, graph = program
    readers = [cell for cell in graph.cells if cell.needs]
    chosen = data.draw(st.lists(st.sampled_from(readers), unique=True)) if readers else []
    scatters = []
    for cell in chosen:
        names = data.draw(st.lists(st.sampled_from([version.name for version in cell.needs]), min_size=1, unique=True))
        splits = tuple(Split(name=name, size=data.draw(st.integers(1, 2))) for name in names)
        scatters.append(CellScatter(cell=cell.index, axes=data.draw(st.sampled_from([(splits,), tuple((split,) for split in splits)]))))
    wishes = Wishes(sending=plan_sending(graph, WorkflowDeclaration(), scatters))
    plan = make_plan(graph, notebook, Settings(granularity=granularity), Surroundings(), wishes).value
    alone = {step.cells[0] for step in plan.steps if len(step.cells) == 1}
    assert {step.cells[0] for step in plan.steps if step.scatter} == alone & {cell.index for cell in chosen}
    sources = {cut.id: {cut.version} for step in plan.steps for cut in step.cuts}
    sources |= {payload.id: set(payload.versions) for step in plan.steps for payload in step.payloads}
    for step in plan.steps:
        links = [link for link in plan.links if link.target == step.id]
        assert {version for link in links for version in link.versions} == set(step.inputs)
        for port in step.scatter.ports if step.scatter else ():
            assert [link.payload for link in links if port.version in link.versions] == [port.source]
            assert port.version in sources[port.source]
    # A chained cell takes the shards of a scattered one; nobody else does.
    for link in plan.links:
        scattered = {step.id: step.scatter for step in plan.steps}
        assert not link.shards or (scattered[link.source] and scattered[link.target])
