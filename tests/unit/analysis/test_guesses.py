"""Calls of libraries that the table does not know."""

import pytest

from tests.unit.analysis.flows import edges, program


def test_what_an_object_was_given_does_not_hide_its_methods():
    found = edges("import lib\ndef f(x):\n    return x\ns = lib.Sampler(2, f)", "s.run(1)", "s.chain")
    assert "1 s 2" in found


def test_what_a_method_was_given_is_no_item_of_its_object():
    found = edges("import lib\nrows = lib.grid()\nxs = [1]", "rows[0].draw(xs)", "rows[0].set_title('t')", "print(xs)")
    assert "0 xs 3" in found
    assert "2 xs 3" not in found


def test_what_a_method_adds_can_be_had_back():
    assert "2 xs 3" in edges("import lib\nbag = lib.Bag()\nxs = lib.thing()", "bag.add(xs)", "bag[0].update(1)", "print(xs)")


@pytest.mark.parametrize("method", ["get_chain", "summary", "to_frame", "fit_report"])
def test_a_method_that_hands_out_calls_nothing(method):
    found = edges("import lib, math\ndef f(x):\n    return math.cos(x)", "s = lib.Sampler(f)", f"s.{method}()")
    assert "0 math 2" not in found


def test_what_is_made_of_code_goes_on_calling_it():
    cells = (
        "import lib\nk = 2",
        "def step(x):\n    return k * x",
        "plant = lib.system(step)",
        "loop = lib.connect([plant, lib.gain(3)])",
        "lib.simulate(loop)",
    )
    assert "0 k 4" in edges(*cells)


def test_an_alternative_constructor_makes_an_instance():
    cells = (
        "import lib\nclass Table(lib.Base):\n    def _repr_html_(self):\n        return style",
        "style = '<b>'",
        "t = Table.build(1).finish()\nt",
    )
    assert "1 style 2" in edges(*cells)


def test_a_value_among_the_members_of_a_class_is_no_method():
    cells = ("import lib\nclass Cost:\n    kind = lib.Fit.SQUARES\n    def __call__(self, x):\n        return x", "lib.minimize(Cost())")
    assert program(*cells).ok


def test_help_reads_the_name():
    assert "0 f 1" in edges("import lib\nf = lib.f", "?f.run")


@pytest.mark.parametrize("method", ["migrad", "identify_effect", "_refit", "set_limits"])
def test_an_unknown_verb_changes_its_object(method):
    assert "1 m 2" in edges("import lib\nm = lib.Model(3)", f"m.{method}()", "m.state")


@pytest.mark.parametrize("method", ["correlation", "cdf", "tolist", "value_counts", "plot", "Double", "__call__"])
def test_a_noun_or_a_method_as_data_have_it_does_not(method):
    assert "1 m 2" not in edges("import lib\nm = lib.Model(3)", f"m.{method}()", "m.state")


def test_what_a_constructor_was_given_is_no_attribute():
    found = edges("import lib\nxs = [1]", "m = lib.Model(xs)", "m.fixed[0] = 1", "print(xs)")
    assert "2 xs 3" not in found


def test_an_unknown_verb_may_change_the_models_it_is_given_but_not_data():
    found = edges("import lib\nm = lib.Model(3)\ng = lib.graph()\nxs = [1]", "m.identify(g, xs)", "print(g, xs)")
    assert "1 g 2" in found
    assert "1 xs 2" not in found


def test_a_function_may_change_a_model_that_runs_code():
    cells = ("import lib\ndef step(x):\n    return x", "plant = lib.system(step)", "lib.simulate(plant)", "plant.state")
    assert "2 plant 3" in edges(*cells)


def unknowns(*cells):
    return [[one.reason for one in cell.unknowns] for cell in program(*cells).facts]


def test_what_is_not_known_is_said_where_a_later_cell_would_see_it():
    cells = ["import lib\nm = lib.Model(3)", "lib.simulate(m)", "m.state"]
    assert unknowns(*cells) == [[], ["whether `simulate` changes what it is given is not known"], []]
    assert unknowns(*cells[:2]) == [[], []]
    assert unknowns(*cells[:2], "m = 1", "print(m)") == [[], [], [], []]
    assert unknowns(cells[0], "lib.simulate(m)  # nbc: pure", cells[2]) == [[], [], []]
