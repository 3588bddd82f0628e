"""What a scatter becomes in a plan: cuts at those who make the names, shards at those who take them."""

import json

import pytest

from nbcompile import api
from nbcompile.api.jobs import foreseeing
from nbcompile.api.plans import plan_findings
from nbcompile.frontend.percent import read_percent
from nbcompile.model.guard import GuardBreak
from nbcompile.model.plan import Granularity
from nbcompile.model.settings import Settings


def planned(*cells):
    lines = []
    for cell in cells:
        text, step = cell if isinstance(cell, tuple) else (cell, None)
        lines += [f"# %% workflow={json.dumps({'step': step})}" if step is not None else "# %%", text, ""]
    program = api.analyze_notebook(read_percent("\n".join(lines).encode(), "n"), {})
    assert program.ok, program.diagnostics
    return program, api.plan(program, Settings(granularity=Granularity.CELL))


def scatter(*items, **others):
    return {"scatter": {"items": list(items), **others}}


def axes(step):
    return [[port.name for port in axis] for axis in step.scatter.axes]


def test_names_are_cut_where_they_are_made():
    _, plan = planned(
        "a = [1]\nb = [2]", "c = list(a)", ("[x for x in a]", scatter({"name": "a", "size": 2})), ("[x for x in c]", scatter("c"))
    )
    first, second, third, fourth = plan.steps
    assert [(cut.version.name, cut.size, cut.num, cut.carries) for cut in first.cuts] == [("a", 2, 0, False)]
    assert [cut.version.name for cut in second.cuts] == ["c"]
    # Only the cell that takes the whole is sent the whole.
    assert [version.name for version in first.outputs] == ["a"]
    assert second.outputs == ()
    assert {(link.payload, link.target) for link in plan.links} >= {(first.cuts[0].id, third.id), (second.cuts[0].id, fourth.id)}


def test_cuts_are_shared_and_differ_by_size():
    _, plan = planned("a = [1]", *[("[x for x in a]", scatter(item)) for item in ("a", {"name": "a", "size": 1}, {"name": "a", "num": 3})])
    assert [(cut.size, cut.num) for cut in plan.steps[0].cuts] == [(1, 0), (1, 3)]


@pytest.mark.parametrize(
    ("declared", "expected"),
    [
        (scatter("a"), [["a"]]),
        (scatter("a", "b"), [["a"], ["b"]]),
        (scatter("a", "b", method="dotproduct"), [["a", "b"]]),
        (scatter("a", {"items": ["b", "c"], "method": "dotproduct"}), [["a"], ["b", "c"]]),
        (scatter({"items": ["a", "b"], "method": "dotproduct"}, "c"), [["a", "b"], ["c"]]),
        (scatter("a", {"items": ["b", "c"]}), [["a"], ["b"], ["c"]]),
        (scatter("a", {"items": ["b", "c"], "method": "dotproduct"}, method="dotproduct"), [["a", "b", "c"]]),
        (scatter("a", {"items": ["b"]}, method="dotproduct"), [["a", "b"]]),
    ],
)
def test_a_scatter_is_a_product_of_axes(declared, expected):
    _, plan = planned("a = [1]\nb = [2]\nc = [3]", ("print(a, b, c)", declared))
    assert axes(plan.steps[1]) == expected


def test_a_dotproduct_over_a_cartesian_product_is_an_error():
    step = scatter("a", {"items": ["b", "c"]}, method="dotproduct")
    program = api.analyze_notebook(
        read_percent(f"# %%\na = b = c = [1]\n\n# %% workflow={json.dumps({'step': step})}\nprint(a, b, c)".encode(), "n"), {}
    )
    assert [found.rule.code for found in program.diagnostics if found.rule.severity == "error"] == ["NB430"]


UNEVEN = {
    "lists": ("a, b = [1, 2, 3], [1, 2]", {}, (3, 2)),
    "one made of another": ("n = range(4)\na = [str(i) for i in n]\nb = (1, 2, 3)", {}, (4, 3)),
    "larger shards": ("a = list(range(6))\nb = [1, 2, 3]", {"size": 3}, (2, 3)),
    "fewer shards": ("a = list(range(6))\nb = [1, 2, 3]", {"num": 4}, (4, 3)),
}


@pytest.mark.parametrize(("above", "cut", "numbers"), UNEVEN.values(), ids=UNEVEN)
def test_lists_that_are_known_to_be_uneven_are_told_before_anything_runs(above, cut, numbers):
    items = [{"name": "a", **cut}, "b"]
    text = f"# %%\n{above}\n\n# %% workflow={json.dumps({'step': scatter(*items, method='dotproduct')})}\n[x for x in zip(a, b)]\n"
    program = api.analyze_notebook(read_percent(text.encode(), "n"), {})
    (found,) = [one for one in program.diagnostics if one.rule.code == "NB583"]
    assert found.message == f"`a` has {numbers[0]} shards and `b` has {numbers[1]}, and they go in step"
    assert (program.ok, found.place.cell_index) == (False, 1)


@pytest.mark.parametrize(
    "above",
    [
        ("a, b = [1, 2], [3, 4]",),
        ("a, b = [1, 2], [3]", "b.append(4)"),
        ("a, b = [1, 2], [3]", "import json\nb = json.loads('[3, 4]')"),
        ("a, b = [1, 2], [3]\nb.append(4)",),
        ("a, b = [1, 2], [3]\nb += [4]",),
        ("a, b = [1, 2], [3, *range(1)]",),
        ("a, b = [1, 2], [x for x in (3, 4, 5) if x < 5]",),
        ("b = [3]\nc = b\nc.append(4)\na = [1, 2]",),
        ("b = [3]\ndef more():\n    b.append(4)\nmore()\na = [1, 2]",),
    ],
)
def test_lists_that_may_be_even_are_not_told(above):
    _, plan = planned(*above, ("[x for x in zip(a, b)]", scatter("a", "b", method="dotproduct")))
    assert plan.steps[-1].scatter


def test_shards_go_on_where_no_cell_needs_the_whole():
    chain = [("ys = [x + 1 for x in xs]", scatter("xs")), ("zs = [y + 1 for y in ys]", scatter("ys"))]
    _, plan = planned("xs = [1]", *chain)
    link = next(link for link in plan.links if link.target == plan.steps[2].id)
    assert link.shards
    assert link.payload == plan.steps[1].payloads[0].id
    assert plan.steps[1].cuts == ()
    _, other = planned("xs = [1]", chain[0], ("zs = [y + 1 for y in ys]", scatter({"name": "ys", "size": 2})))
    assert [cut.size for cut in other.steps[1].cuts] == [2]


def test_the_whole_is_gathered_for_who_needs_it():
    chain = [("ys = [x + 1 for x in xs]", scatter("xs")), ("zs = [y + 1 for y in ys]", scatter("ys"))]
    _, plan = planned("xs = [1]", *chain, "print(ys)")
    assert {(link.target, link.shards) for link in plan.links if link.payload == plan.steps[1].payloads[0].id} == {
        (plan.steps[2].id, True),
        (plan.steps[3].id, False),
    }


def test_files_go_with_the_names_that_stand_for_them():
    file_in = {"in": [{"type": "file", "valueFrom": "paths"}]}
    file_out = {"out": [{"name": "made", "type": "file", "value": "*.out"}]}
    _, plan = planned(
        "paths = sorted(['a', 'b'])",
        ("print(paths)", file_in),
        ("print(paths)", {**file_in, **scatter("paths"), **file_out}),
        "print(made)",
    )
    assert [(payload.carries, len(payload.versions)) for payload in plan.steps[0].payloads] == [(("paths",), 1)]
    assert [cut.carries for cut in plan.steps[0].cuts] == [True]
    assert [payload.carries for payload in plan.steps[2].payloads] == [("made",)]


def test_a_directive_scatters():
    _, plan = planned("xs = range(9)", "# nbc: scatter=xs\nys = []\nfor x in xs:\n    ys.append(x)\nn = 3\nlast = x", "print(ys, n)")
    assert axes(plan.steps[1]) == [["xs"]]
    assert plan.steps[1].scatter.kept == ("n",)


def test_a_cell_that_must_run_with_another_runs_whole():
    text = "# %%\nf = open('x')\nxs = [1]\n\n# %%\n# nbc: scatter=xs\nys = [f.read(x) for x in xs]\n"
    program = api.analyze_notebook(read_percent(text.encode(), "n"), {})
    plan = api.plan(program, Settings(granularity=Granularity.CELL))
    assert [step.scatter for step in plan.steps] == [None]


def test_a_scatter_over_what_no_cell_binds_is_told(tmp_path):
    step = {"in": [{"name": "xs", "type": "name", "value": [1, 2]}], **scatter("xs")}
    path = tmp_path / "n.py"
    path.write_text(f"# %% workflow={json.dumps({'step': step})}\nys = [x + 1 for x in xs]\n")
    found = [one for one in api.check(path).diagnostics if one.rule.code == "NB432"]
    assert [(one.place.cell_index, "`xs`" in one.message) for one in found] == [(0, True)]


def test_a_scatter_that_is_applied_is_not_told(tmp_path):
    path = tmp_path / "n.py"
    path.write_text(f"# %%\nxs = [1, 2]\n\n# %% workflow={json.dumps({'step': scatter('xs')})}\nys = [x + 1 for x in xs]\n")
    assert "NB432" not in {one.rule.code for one in api.check(path).diagnostics}


TORN = {
    "added up over the rounds": ("total = 0\nfor x in xs:\n    total += x", "total"),
    "bound in some rounds, and before": ("best = None\nfor x in xs:\n    if x > 1:\n        best = x", "best"),
    "bound in some rounds, and in a cell before": ("for x in xs:\n    if x > 1:\n        n = x", "n"),
    "the first under a key": ("first = {}\nfor x in xs:\n    first.setdefault(x % 2, x)", "first"),
    "lists under a key": ("lists = {}\nfor x in xs:\n    lists.setdefault(x % 2, []).append(x)", "lists"),
    "the number of a round": ("for i, x in enumerate(xs):\n    print(x)", "i"),
    "all that is left after a break": ("ys = []\nfor x in xs:\n    if x == 2:\n        break\n    ys.append(x)", "ys"),
    "taken together": ("n = len(xs)", "n"),
    "put into a list by a function": ("ys = []\ndef put(x):\n    ys.append(x)\nfor x in xs:\n    put(x)", "ys"),
    "a second name of a list": ("ys = []\nzs = ys\nfor x in xs:\n    ys.append(x)", "zs"),
    "what a method changes": ("from collections import deque\nq = deque()\nfor x in xs:\n    q.appendleft(x)", "q"),
    "an object of another cell": ("for x in xs:\n    counter.add(x)", "counter"),
    "what comes of an object that goes along": ("ys = [counter.add(x) for x in xs]", "ys"),
    "what comes of it in a loop": ("ys = []\nfor x in xs:\n    counter.add(x)\n    ys.append(counter.n)", "ys"),
    "what comes of it by a function": ("def f(x):\n    return counter.add(x)\nys = [f(x) for x in xs]", "ys"),
    "bound on the way": ("ys = [(n := n + x) for x in xs]", "ys"),
    "bound by a function": ("def f(x):\n    global n\n    n += x\n    return n\nys = [f(x) for x in xs]", "ys"),
    "stored into what is there": ("for x in xs:\n    filled[x] = 2 * x", "filled"),
}


ABOVE = """\
class Tally:
    n = 0
    def add(self, x):
        self.n += x
        return self.n

counter = Tally()
xs, n, filled = [1, 2, 3], 0, {1: None, 2: None, 3: None}"""


@pytest.mark.parametrize(("source", "name"), TORN.values(), ids=TORN)
def test_a_cell_runs_whole_for_those_who_read_what_shards_would_tear(source, name):
    for reader, scattered in ((f"print({name})", False), ("print(1)", True)):
        text = f"# %%\n{ABOVE}\n\n# %%\n# nbc: scatter=xs\n{source}\n\n# %%\n{reader}\n"
        program = api.analyze_notebook(read_percent(text.encode(), "n"), {})
        plan = api.plan(program, Settings(granularity=Granularity.CELL))
        assert [bool(step.scatter) for step in plan.steps if 1 in step.cells] == [scattered]
        assert [one.rule.code for one in plan_findings(program)] == ([] if scattered else ["NB432"])


@pytest.mark.parametrize(("source", "name"), TORN.values(), ids=TORN)
def test_what_shards_do_not_leave_is_told_where_nobody_reads_it(source, name):
    def unknown_at_the_end(program):
        found = [one for one in program.diagnostics if one.rule.code == "NB434"]
        return [(one.place.cell_index, f"`{name}`" in one.message) for one in found]

    program, plan = planned(ABOVE, f"# nbc: scatter=xs\n{source}", "print(xs)")
    assert plan.steps[1].scatter
    assert unknown_at_the_end(program) == [(1, True)]
    program, _ = planned(ABOVE, f"# nbc: scatter=xs\n{source}", f"print({name})")
    assert (1, True) not in unknown_at_the_end(program)


def test_what_is_collected_into_an_empty_list_of_an_earlier_cell_is_joined():
    program, plan = planned("xs = [1, 2, 3]\nys = []", "# nbc: scatter=xs\nfor x in xs:\n    ys.append(x)", "print(ys)")
    assert axes(plan.steps[1]) == [["xs"]]
    assert [one for one in program.diagnostics if one.rule.code == "NB431"] == []
    program, plan = planned("xs = [1, 2, 3]\nys = []", "ys.append(0)", "# nbc: scatter=xs\nfor x in xs:\n    ys.append(x)", "print(ys)")
    assert plan.steps[2].scatter is None


def gathering_of(*cells):
    program, _ = planned(*cells)
    return program.scatters[0].gathering


def test_what_every_shard_changes_alike_is_kept():
    found = gathering_of("xs = [1]\nlog = []", "# nbc: scatter=xs\nlog.append('start')\nys = [x for x in xs]", "print(log, ys)")
    assert (found.kept, found.joined, found.doubts) == (("log",), ("ys",), ())


def test_what_an_unknown_call_may_change_must_be_the_same_in_all_shards():
    cells = ["import strange\nxs = [1]\nsettings = strange.Settings()", "# nbc: scatter=xs\nys = [settings.adapt(x) for x in xs]"]
    found = gathering_of(*cells, "print(settings, ys)")
    assert (found.alike, found.joined) == (("settings",), ("ys",))
    assert [doubt.reason for doubt in found.doubts] == ["it changes `settings`, and a shard does not see what the others change"]


def test_a_cell_of_which_a_run_has_shown_more_runs_whole():
    cells = ["import strange\nxs = [1]\nlog = []", "# nbc: scatter=xs\nys = [strange.f(x, log) for x in xs]", "print(log, ys)"]
    program, plan = planned(*cells)
    assert plan.steps[1].scatter
    seen = GuardBreak("NB501", 1, "log", "", "")
    _, _, taught = foreseeing(program, Settings(granularity=Granularity.CELL), [seen])
    assert [step.scatter for step in taught.steps] == [None, None, None]
