"""A difference is put down to a cell, told from what a notebook does differently each time, and from what was announced."""

from dataclasses import replace
from pathlib import Path

import pytest

from nbcompile.api import analyze_bytes, plan
from nbcompile.model.plan import Granularity
from nbcompile.model.run import Value
from nbcompile.model.settings import Settings
from nbcompile.model.verification import Aspect, Exactness, Observation, Picture, Subject, Verdict, around_difference
from nbcompile.reporting.verification import verification_text
from nbcompile.reporting.verification_page import verification_html
from nbcompile.verify.judge import judge, named_cells
from tests.golden.notebooks import notebook_bytes

PROGRAM = analyze_bytes(notebook_bytes("# %%\nx = [1]\n# %%\ny = x + [2]\n# %%\nz = y\n"), "nb")
PLAN = plan(PROGRAM, Settings(granularity=Granularity.CELL))


def text(shown):
    return ({"output_type": "stream", "name": "stdout", "text": shown},)


PLAIN = Observation(name="plain", cells=(text("0"), text("1"), text("2")), values={"y": Value("list", "d1"), "x": Value("list", "d0")})
CELL = replace(PLAIN, name="cell")


def verified(other, again=PLAIN, named=None):
    judged = judge([PLAIN, other], lambda: again, Exactness.EXACT, PROGRAM.graph)
    return judged.verification(Path("nb.ipynb"), named or {}, PLAN, ("", "", ""))


def test_equal_runs_need_no_second_plain_run():
    def fail():
        raise AssertionError("not wanted")

    judged = judge([PLAIN, CELL], fail, Exactness.EXACT, PROGRAM.graph)
    assert judged.differences == ()
    assert verified(CELL).verdict is Verdict.EQUAL


def test_a_variable_is_put_down_to_its_last_maker():
    found = verified(replace(CELL, values={**PLAIN.values, "y": Value("list", "other")}))
    assert [one.subject for one in found.differences] == [Subject(Aspect.VALUE, 1, "y")]
    assert found.verdict is Verdict.DIFFERENT
    assert len(found.silent) == 1


def test_what_plain_runs_do_differently_is_no_difference():
    again = replace(PLAIN, cells=(text("0"), text("another time"), text("2")))
    unsteady = replace(CELL, cells=(text("0"), text("a third time"), text("2")))
    found = verified(unsteady, again)
    assert (found.verdict, found.unsteady) == (Verdict.UNSTEADY, (Subject(Aspect.OUTPUT, 1, "stdout"),))
    worse = verified(replace(unsteady, cells=(*unsteady.cells[:2], text("wrong"))), again)
    assert [one.subject.cell for one in worse.differences] == [2]


def test_what_a_cell_draws_may_be_the_same_twice_by_chance():
    alike = replace(PLAIN, cells=(text("0"), text("another time"), text("2")))
    other = replace(alike, values={**PLAIN.values, "y": Value("list", "drawn")})
    drawn = replace(CELL, values={**PLAIN.values, "y": Value("list", "drawn as well")})

    def judged(*later):
        runs = iter(later)
        return judge([PLAIN, drawn], lambda: next(runs), Exactness.EXACT, PROGRAM.graph)

    assert Subject(Aspect.VALUE, 1, "y") in judged(alike, other).unsteady
    assert not judged(alike, other).differences
    # What all plain runs agree on is a difference, whatever else the cell shows.
    assert [one.subject.name for one in judged(alike, alike, alike).differences] == ["y"]


CHANCY = {
    "measured": "import time\nstart = time.time()\n# %%\ntime.time() - start",
    "measured before": "import time\ntook = time.time() - time.time()\n# %%\nprint(took)",
    "side by side": "from concurrent.futures import ThreadPoolExecutor\n# %%\nThreadPoolExecutor().map(print, [1, 2])",
}


@pytest.mark.parametrize("name", CHANCY)
def test_what_a_cell_measures_or_starts_may_be_the_same_twice_by_chance(name):
    program = analyze_bytes(notebook_bytes(f"# %%\n{CHANCY[name]}\n# %%\n1\n"), "nb")
    measured = [replace(PLAIN, cells=((), text(f"0.{number}"), ())) for number in (1, 1, 2)]

    def judged(*later):
        runs = iter(later)
        other = replace(CELL, cells=((), text("0.3"), ()))
        return judge([measured[0], other], lambda: next(runs), Exactness.EXACT, program.graph)

    assert judged(*measured[1:]).unsteady == (Subject(Aspect.OUTPUT, 1, "stdout"),)
    assert [one.subject.cell for one in judged(*measured[:1] * 3).differences] == [1]


ORDERS = {
    "lines": ("one\ntwo\n", "two\none\n", True),
    "within a line": ("one\ntwo\n", "twoone\n\n", True),
    "long": ("".join(f"line {number}\n" for number in range(999)), "".join(f"line {number}\n" for number in reversed(range(999))), True),
    "something else": ("one\ntwo\n", "one\ntow\nx", False),
    "another number": ("total 12\n", "total 21\n", False),
    "something else far behind": (f"b a{' ' * 5000}result 1", f"a b{' ' * 5000}result 2", False),
}


@pytest.mark.parametrize("name", ORDERS)
def test_threads_write_in_any_order(name):
    program = analyze_bytes(notebook_bytes(f"# %%\n{CHANCY['side by side']}\n# %%\n1\n"), "nb")
    shown, other, is_order = ORDERS[name]
    plain, compiled = (replace(PLAIN, cells=((), text(one), ())) for one in (shown, other))
    assert bool(judge([plain, compiled], lambda: plain, Exactness.EXACT, program.graph).unsteady) == is_order
    assert judge([plain, compiled], lambda: plain, Exactness.EXACT, PROGRAM.graph).differences


def test_a_finding_announces_a_difference_and_what_comes_of_it():
    other = replace(CELL, cells=(text("0"), text("wrong"), text("wrong, too")))
    assert len(verified(other).silent) == 2
    assert verified(other, named={1: "NB1 unknown"}).silent == ()
    assert [one.subject.cell for one in verified(other, named={2: "NB1 unknown"}).silent] == [1]


def test_a_finding_announces_what_comes_of_results_that_nobody_compared():
    program = analyze_bytes(notebook_bytes("# %%\nx = [1]\n# %%\nprint(x)\n# %%\nx.clear()\n# %%\nprint(x)\n"), "nb")
    sources = tuple(cell.source for cell in program.notebook.code_cells)
    plain = Observation(name="plain", cells=((), text("[1]"), (), text("[]")), values={"x": Value("list", "d")})
    other = replace(plain, name="cell", cells=((), text("[2]"), (), text("[3]")))

    def silent(named, again=plain):
        judged = judge([plain, other], lambda: again, Exactness.EXACT, program.graph)
        found = judged.verification(Path("nb.ipynb"), named, plan(program, Settings(granularity=Granularity.CELL)), sources)
        return [one.subject.cell for one in found.silent]

    assert silent({}) == [1, 3]
    # What `x` was after cell 0 is not seen at the end; what it was after cell 2 is, and is equal.
    assert silent({0: "NB1 unknown"}) == [3]
    assert silent({0: "NB1 unknown"}, replace(plain, values={"x": Value("list", "another time")})) == []


def test_a_name_that_nobody_knew_is_put_down_to_what_binds_any():
    program = analyze_bytes(notebook_bytes("# %%\nx = 1\n# %%\nfrom somewhere import *\n# %%\nx\n"), "nb")
    plain = Observation(name="plain", cells=((), (), ()), values={"found": Value("int", "d")})
    judged = judge([plain, replace(plain, name="cell", values={})], lambda: plain, Exactness.EXACT, program.graph)
    assert [one.subject.cell for one in judged.differences] == [1]


def test_a_name_that_was_not_there_names_its_cell():
    error = {"output_type": "error", "ename": "NameError", "evalue": "name 'x' is not defined", "traceback": []}
    found = verified(replace(CELL, cells=(text("0"), (error,), text("2")), failed=1, problem="NameError: name 'x' is not defined"))
    assert "cell 0 binds" in found.first.cause


def test_reports_show_both_sides_and_no_markup_of_the_notebook():
    found = verified(replace(CELL, cells=(text("<script>"), *PLAIN.cells[1:])))
    assert "plain     0\n" in verification_text(found)
    assert "compiled  <script>\n" in verification_text(found)
    page = verification_html(found)
    assert "&lt;script&gt;" in page
    assert "<script" not in page


def test_pictures_of_both_sides_are_shown_if_they_are_not_too_large():
    def shown(run, number):
        output = {"output_type": "display_data", "data": {"image/png": f"png pixels {number}"}}
        pictures = (Picture("image/png", 9, f"UElYRUxT{number}"), Picture('image/"x', 9_000_000, ""))
        return replace(run, cells=((output,), *run.cells[1:]), pictures=(pictures,))

    judged = judge([shown(PLAIN, 1), shown(CELL, 2)], lambda: shown(PLAIN, 1), Exactness.EXACT, PROGRAM.graph)
    page = verification_html(judged.verification(Path("nb.ipynb"), {}, PLAN, ("", "", "")))
    assert 'src="data:image/png;base64,UElYRUxT1"' in page
    assert 'src="data:image/png;base64,UElYRUxT2"' in page
    assert "image/&quot;x, 9000000 bytes: too large to be shown here" in page
    assert "png pixels 2" in page
    assert "img-src data:" in page


def test_every_cell_that_draws_without_a_seed_is_named():
    cells = "# %%\nimport random\na = random.random()\n# %%\nb = random.random()\n# %%\nrandom.seed(1)\n# %%\nc = random.random()\n"
    program = analyze_bytes(notebook_bytes(cells), "nb")
    assert list(named_cells(program.diagnostics, program.facts)) == [0, 1]


def test_long_texts_are_shown_from_where_they_differ():
    rows = "".join(f"row {number}\n" for number in range(1000))
    plain, compiled = around_difference(rows, rows.replace("row 700\n", "row seven hundred\n"), 80)
    assert plain.startswith("…")
    assert plain.endswith("…")
    assert "row 700\nrow 701" in plain
    assert "row seven hundred\nrow 701" in compiled
    assert around_difference("a", "b", 80) == ("a", "b")
    assert around_difference("a" * 100, "a" * 90, 40) == (f"…{'a' * 20}", f"…{'a' * 10}")
