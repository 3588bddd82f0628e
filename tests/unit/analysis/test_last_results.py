"""`_` is what was shown last: a cell that may show nothing leaves what an earlier one showed."""

import pytest

from tests.unit.analysis.flows import program

CELLS = ["h = display('a', display_id=True)", "[3]"]


@pytest.mark.parametrize(
    ("between", "makers"),
    [("h.update('b')", {1, 2}), ("[4]", {2}), ("print('x')", {1})],
)
def test_the_cells_that_may_have_shown_it_stay_with_its_reader(between, makers):
    found = program(*CELLS, between, "print(_)").graph.fusions
    assert {one.first for one in found if one.second == 3} == makers
