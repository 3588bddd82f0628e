"""What steps say in OUTPUTS.json, put together."""

from nbcompile.engines.outputs import values_in


def described(digest):
    return {"type": "int", "digest": digest, "shape": [], "floats": [], "opaque": []}


def test_a_final_value_is_that_of_the_last_cell_that_bound_it():
    # A step describes at its last cell what its first one has bound; a cell between them, in another step, binds the name anew.
    around = {"cells": [{"index": 8}, {"index": 12, "values": {"i": described("old"), "j": described("j")}, "bound_in": {"i": 8, "j": 12}}]}
    between = {"cells": [{"index": 10, "values": {"i": described("new")}}]}
    for steps in ([around, between], [between, around]):
        assert {name: value.digest for name, value in values_in(steps).items()} == {"i": "new", "j": "j"}
