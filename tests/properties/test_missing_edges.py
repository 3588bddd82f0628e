"""A graph that lacks one of its edges gives a run that verify reports, unless the cell never looked at what it was not sent."""

import sys
from dataclasses import replace

import pytest

from nbcompile import api
from nbcompile.api import jobs
from nbcompile.api.verification import Observer
from nbcompile.model.plan import Granularity
from nbcompile.model.settings import Settings
from nbcompile.model.verification import Exactness
from nbcompile.verify.judge import judge

pytestmark = pytest.mark.slow

NOTEBOOKS = {
    "aliases": """\
# %%
a = [1]
# %%
b = {'a': a}
# %%
a.append(2)
# %%
b['a'].append(3)
print(a is b['a'])
# %%
print(a, b)
""",
    "functions": """\
# %%
import math
n = 3
found = []
# %%
def root(x):
    found.append(x)
    return math.sqrt(x + n)
# %%
class Box:
    def __init__(self, x): self.x = root(x)
# %%
box = Box(6)
# %%
n = n + 10
# %%
print(box.x, root(1), found, Box(3).x)
""",
    "branches": """\
# %%
import random
random.seed(3)
# %%
x = random.randint(0, 9)
total = 0
# %%
if x > 20:
    total = 5
# %%
y = random.random()
# %%
for step in range(3):
    total += step
# %%
print(x, y, total, step)
# %%
del step
# %%
z = x + total
""",
}


def without(program, cell, needs=(), replays=()):
    """The program with a cell that lacks these versions and definitions."""
    graph = program.graph
    changed = graph.cells[cell]
    changed = replace(
        changed,
        needs=tuple(one for one in changed.needs if one not in needs),
        replays=tuple(one for one in changed.replays if one not in replays),
    )
    return replace(program, graph=replace(graph, cells=(*graph.cells[:cell], changed, *graph.cells[cell + 1 :])))


def mutants(program):
    for cell in program.graph.cells:
        for version in cell.needs:
            yield cell.index, version.name.removeprefix("channel:"), without(program, cell.index, needs=(version,))
        statements = {statement.id: statement for facts in program.facts for statement in facts.statements}
        for lost in cell.replays:
            # What another replayed statement uses when it runs is run again with it, whether or not it is listed.
            used = {name for other in cell.replays if other != lost for name in statements[other].uses}
            if not used.intersection(statements[lost].binds):
                yield cell.index, " ".join(statements[lost].binds), without(program, cell.index, replays=(lost,))


@pytest.mark.parametrize("name", NOTEBOOKS)
def test_every_missing_edge_is_reported_or_harmless(name, lasting_parent, tmp_path, monkeypatch):
    path = tmp_path / f"{name}.py"
    path.write_text(NOTEBOOKS[name], "utf-8")
    program = api.analyze(path)
    settings = Settings(python=sys.executable, jobs=2)
    plain = Observer(path, settings, Exactness.EXACT, tmp_path, lambda _: None).compiled(Granularity.NOTEBOOK, "plain")
    reads = {cell.index: {*cell.reads, *cell.channels} for cell in api.profile(path, settings).cells}
    reported = 0
    for number, (cell, lost, mutant) in enumerate(mutants(program)):
        (tmp_path / str(number)).mkdir()
        observer = Observer(path, settings, Exactness.EXACT, tmp_path / str(number), lambda _: None)
        with monkeypatch.context() as patch:
            patch.setattr(jobs, "analyze", lambda *_, mutant=mutant: mutant)
            compiled = observer.compiled(Granularity.CELL)
        judged = judge([plain, compiled], lambda: plain, Exactness.EXACT, program.graph)
        # Where guards are there, they find it first, and the run is repaired.
        found = bool(judged.differences or compiled.guards)
        reported += found
        assert found or not reads.get(cell, set()).intersection(lost.split()), (cell, lost)
    assert reported > 5
