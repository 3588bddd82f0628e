"""Scattered steps through the step runtime: cut in the step that makes a name, run in shards, gathered as if run whole."""

import itertools
import json
import os
from pathlib import Path

import pytest

from nbcompile import api
from nbcompile.emitters.steps import step_files
from nbcompile.frontend.percent import read_percent
from nbcompile.model.graph import FILE
from nbcompile.model.plan import Granularity
from nbcompile.model.settings import Settings
from tests.unit.runtime.chain import import_what_cells_import, run_forked

pytestmark = pytest.mark.slow
SPANS = 2


class Run:
    """The steps of a notebook run one after the other, scattered ones in spans of two shards."""

    def __init__(self, text, directory):
        import_what_cells_import()
        program = api.analyze_notebook(read_percent(text.encode(), "n"), {})
        assert program.ok, program.diagnostics
        self.plan = api.plan(program, Settings(granularity=Granularity.CELL))
        self.directory, self.shown, self.codes = directory, {}, {}
        for file in step_files(self.plan, program.facts, program.graph, program.notebook, program.workflow):
            (directory / f"{file.step}.json").write_bytes(file.content)
        kept = Path.cwd()
        os.chdir(directory)
        try:
            for step in self.plan.steps:
                self.codes[step.cells] = self.run_step(step)
                if self.codes[step.cells] == 9:
                    break
                self.shown[step.cells[0]] = json.loads((directory / f"{step.id}.outputs.json").read_text("utf-8"))
        finally:
            os.chdir(kept)

    def run_step(self, step):
        links = [link for link in self.plan.links if link.target == step.id and link.payload and not link.versions[0].name.startswith(FILE)]
        sources = {port.source for port in step.scatter.ports} if step.scatter else set()
        given = [word for link in links if link.payload not in sources for word in ("--payload", f"{link.payload}.nbc")]
        outputs = f"{step.id}.outputs.json"
        if not step.scatter:
            return run_forked(["step", f"{step.id}.json", outputs, *given], outputs)
        made = []
        for first in itertools.count(0, SPANS):
            name = f"{step.id}.{first}.json"
            words = ["--shards", ".", "--span", str(first), str(first + SPANS)]
            if first and first >= self.count(step):
                break
            made += ["--outputs", name]
            if run_forked(["step", f"{step.id}.json", name, *given, *words], name) not in (0, 3):
                return 9
        return run_forked(["gather", f"{step.id}.json", outputs, *made, "--shards", "."], outputs)

    def count(self, step):
        total = 1
        for axis in step.scatter.axes:
            total *= len(list(self.directory.glob(f"{axis[0].source}.*.nbc")))
        return total

    def texts(self, cell):
        outputs = self.shown[cell]["cells"][0]["outputs"]
        return [output.get("text") or output.get("data", {}).get("text/plain") or output["evalue"] for output in outputs]


@pytest.fixture
def run(tmp_path):
    return lambda *cells: Run("\n\n".join(cells), tmp_path)


def scattered(source, *items, **others):
    return f"# %% workflow={json.dumps({'step': {'scatter': {'items': list(items), **others}}})}\n{source}"


def test_shards_are_joined_and_shown_as_the_whole(run):
    done = run(
        "# %%\nxs = list(range(5))\nw = 10",
        scattered("ys = []\nfor x in xs:\n    print(x)\n    ys.append(x * w)\nys", "xs"),
        "# %%\nprint(ys, type(ys))",
    )
    assert done.texts(1) == ["0\n1\n2\n3\n4\n", "[0, 10, 20, 30, 40]"]
    assert done.texts(2) == ["[0, 10, 20, 30, 40] <class 'list'>\n"]
    assert done.shown[1]["cells"][0]["execution_count"] == 2


@pytest.mark.parametrize(
    ("made", "loop", "item"),
    [
        ("(1, 2, 3)", "tuple(x + 1 for x in xs)", "xs"),
        ("range(7)", "[x for x in xs]", {"name": "xs", "size": 4}),
        ("np.arange(6.0)", "np.array([x + 1 for x in xs])", {"name": "xs", "num": 3}),
        ("np.asfortranarray(np.arange(60000.0).reshape(-1, 3))", "[row.sum() for row in xs]", {"name": "xs", "num": 3}),
        ("[]", "[x for x in xs]", "xs"),
    ],
)
def test_the_gathered_value_is_that_of_the_whole_cell(run, made, loop, item):
    source, compared = f"ys = {loop}", "print(type(ys).__name__, len(ys), list(ys[:9]), sum(ys))"
    done = run(f"# %%\nimport numpy as np\nxs = {made}", scattered(source, item), f"# %%\n{compared}")
    names = {}
    exec(f"import numpy as np\nxs = {made}\n{source}", names)  # noqa: S102 - it is what a cell does
    ys = names["ys"]
    assert done.texts(2) == [f"{type(ys).__name__} {len(ys)} {list(ys[:9])} {sum(ys)}\n"]


@pytest.mark.parametrize("limit", [0, 9])
def test_what_may_have_been_changed_counts_only_if_all_shards_leave_the_same(run, limit):
    given = f"# %%\nimport json, pickle\nfrom collections import deque\nxs = [1, 2, 3]\nlimit = json.loads('{limit}')"
    given += "\nsettings = pickle.loads(pickle.dumps(deque([7, 8])))"
    source = "ys = []\nfor x in xs:\n    ys.append(x)\n    if x > limit:\n        settings.rotate(x)"
    done = run(given, scattered(source, "xs"), "# %%\nprint(ys, settings)")
    assert done.plan.steps[1].scatter.alike == ("settings",)
    if limit:
        assert done.texts(2) == ["[1, 2, 3] deque([7, 8])\n"]
    else:
        assert done.codes[1,] == 9


def test_axes_meet_and_names_of_an_axis_go_in_step(run):
    pairs = {"items": ["b", "c"], "method": "dotproduct"}
    done = run(
        "# %%\na, b, c = ['x', 'y', 'z'], [1, 2], (3, 4)",
        scattered("r = [(p, q, c[i]) for p in a for i, q in enumerate(b)]", "a", pairs),
        "# %%\nprint(r)",
    )
    assert done.texts(2) == [f"{[(p, q, r) for p in 'xyz' for q, r in zip([1, 2], (3, 4), strict=True)]}\n"]


def test_lists_that_go_in_step_are_equally_long(run):
    done = run("# %%\na, b = [1, 2], sorted({1})", scattered("r = list(zip(a, b))", "a", "b", method="dotproduct"), "# %%\nprint(r)")
    assert done.codes[1,] == 9


def test_shards_go_on_to_the_next_scattered_cell_without_a_whole(run):
    done = run(
        "# %%\nxs = [1, 2, 3]",
        scattered("ys = [x + 1 for x in xs]", "xs"),
        scattered("zs = [y * 2 for y in ys]", "ys"),
        scattered("qs = [[z] for z in zs]", {"name": "zs", "size": 2}),
        "# %%\nprint(qs)",
    )
    assert done.texts(4) == ["[[4], [6], [8]]\n"]
    step = done.plan.steps[1]
    assert not (done.directory / f"{step.payloads[0].id}.nbc").exists()


def test_a_shard_sees_nothing_of_another(run):
    done = run(
        "# %%\nxs, seen = [1, 2, 3], []",
        scattered("seen.append(1)\nfor x in xs:\n    print(len(seen), 'y' in globals())\n    y = x", "xs"),
        "# %%\nprint(y)",
    )
    assert done.texts(1) == ["1 False\n" * 3]
    assert done.texts(2) == ["3\n"]


def test_a_shard_without_items_leaves_what_an_earlier_one_has_bound(run):
    loop = scattered("for x in xs:\n    y = x", {"name": "xs", "num": 2})
    assert run("# %%\nxs = [3]", loop, "# %%\nprint(x)").texts(2) == ["3\n"]


def test_of_two_values_under_one_key_the_later_counts(run):
    done = run(
        "# %%\nxs = [1, 2, 3, 4]",
        scattered("d = {}\nfor x in xs:\n    d[x % 2] = x\nd", "xs"),
        scattered("e = {x % 2: x for x in xs}\n{x % 3: x for x in xs}", "xs"),
        "# %%\nprint(d, e)",
    )
    assert done.texts(1) == ["{1: 3, 0: 4}"]
    assert done.texts(2) == ["{1: 4, 2: 2, 0: 3}"]
    assert done.texts(3) == ["{1: 3, 0: 4} {1: 3, 0: 4}\n"]


def test_a_name_that_some_rounds_bind_has_what_the_last_of_them_bound(run):
    loop = scattered("for x in xs:\n    if x > 2:\n        big = x\n    for y in range(x):\n        pass", "xs")
    assert run("# %%\nxs = [4, 3, 1, 0]", loop, "# %%\nprint(big, y, x)").texts(2) == ["3 0 0\n"]


def test_a_shard_more_than_there_are_items_does_not_bring_an_older_value_back(run):
    loop = scattered("ys = []\nfor x in xs:\n    ys.append(x)", {"name": "xs", "num": 4})
    assert run("# %%\nx, xs = 99, [1, 2]", loop, "# %%\nprint(x, ys)").texts(2) == ["2 [1, 2]\n"]


def test_an_error_ends_the_cell_where_it_would(run):
    done = run("# %%\nxs = [2, 1, 0, 3]", scattered("for x in xs:\n    print(6 // x)", "xs"))
    assert done.codes[1,] == 3
    assert done.texts(1) == ["3\n6\n", "integer division or modulo by zero"]


def test_tables_are_cut_by_rows(run):
    done = run(
        "# %%\nimport pandas as pd\nt = pd.DataFrame({'a': range(4), 'b': list('wxyz')}, index=[3, 5, 7, 9])",
        scattered("u = t.assign(c=t.a * 2)\nu", "t"),
        "# %%\nprint(u.index.tolist(), u.c.tolist(), u.dtypes.tolist())",
    )
    assert "3  0  w  0\n5  1  x  2\n7  2  y  4\n9  3  z  6" in done.texts(1)[0]
    assert done.texts(2)[0].startswith("[3, 5, 7, 9] [0, 2, 4, 6]")
