"""Statements that set the state of a library, and are run again in every step that reads it."""

import pytest

from tests.unit.analysis.flows import program


@pytest.mark.parametrize(
    "statement",
    ["pd.set_option('display.width', 80)", "pd.options.display.width = 80", "import warnings\nwarnings.filterwarnings('ignore')"],
)
def test_it_is_replayed_and_fuses_nothing(statement):
    graph = program(f"import pandas as pd\n{statement}", "df = pd.DataFrame({'a': [1]})", "df.head()").graph
    assert graph.fusions == ()
    assert len(graph.cells[2].replays) >= 2


@pytest.mark.parametrize(
    "statement",
    [
        "logging.getLogger('a').setLevel(logging.ERROR)",
        "logging.getLogger('a').propagate = False",
        "logging.getLogger('a').handlers = []",
        "log = logging.getLogger('a')\nlog.setLevel('INFO')",
    ],
)
def test_what_is_asked_of_the_library_is_set(statement):
    graph = program(f"import logging\nimport mine\n{statement}", "x = mine.x()", "mine.f(x)").graph
    assert graph.fusions == ()
    assert len(graph.cells[2].replays) >= 3


def test_with_a_value_that_is_computed_its_state_is_sent():
    graph = program("import pandas as pd\nimport mine\npd.set_option('display.width', mine.width())", "pd.DataFrame()").graph
    assert graph.fusions == ()
    assert "channel:library:pandas.options@0" in map(str, graph.cells[1].needs)


def test_a_state_that_nobody_can_send_is_not():
    graph = program("import pandas as pd\nimport mine\npd.DataFrame.mine = mine.shown()", "pd.DataFrame()").graph
    assert [(one.first, one.second) for one in graph.fusions] == [(0, 1)]


def test_once_it_is_sent_it_is_not_set_again():
    graph = program(
        "import warnings, mine\nwarnings.simplefilter(mine.how())", "warnings.simplefilter('error')", "warnings.warn('a')"
    ).graph
    assert [str(one) for one in graph.cells[2].needs if one.name.startswith("channel:")] == ["channel:library:warnings@1"]


def test_with_a_constant_of_another_cell_it_takes_the_constant_along():
    graph = program("WIDTH = 80", "import pandas as pd\npd.set_option('display.width', WIDTH)", "pd.DataFrame()").graph
    assert graph.fusions == ()
    assert [str(one) for one in graph.cells[2].replays] == ["0.0", "1.0", "1.1"]


@pytest.mark.parametrize("use", ["total.compute()", "(total + 1).compute()", "print(total)", "total.part.first", "[total][0]"])
@pytest.mark.parametrize(
    ("bar", "setting"),
    [
        ("bar = lazy.Bar()", "bar.register()"),
        ("class Bar(lazy.Bar): pass\nbar = Bar()", "bar.register()"),
        ("", "lazy.config.set(bar=True)"),
    ],
)
def test_what_an_unknown_library_gave_asks_it_wherever_it_is_used(bar, setting, use):
    graph = program(f"import lazy\n{bar}\ntotal = lazy.ones(3).sum()", setting, use, "print(3)").graph
    together = {(one.first, one.second) for one in graph.fusions}
    assert (1, 2) in together or len(graph.cells[2].replays) >= 2
    assert all(3 not in pair for pair in together)


def test_classes_that_a_statement_adds_to_a_library_are_added_in_every_step_that_uses_it():
    graph = program("from makers import base, creator\ncreator.create('Best', base.Fitness, weights=(1.0,))", "creator.Best()").graph
    assert graph.fusions == ()
    assert [str(one) for one in graph.cells[1].replays] == ["0.0", "0.1"]


def test_what_an_unknown_library_gave_may_be_of_a_known_one():
    graph = program("import lazy\nimport xarray as xr\nxr.set_options(display_width=60)", "data = lazy.load()", "data").graph
    assert [str(one) for one in graph.cells[2].replays] == ["0.0", "0.1", "0.2"]


def test_settings_of_plots_under_a_name_that_a_star_may_have_bound():
    graph = program("from unknown_plots import *\npylab.rcParams['figure.figsize'] = 3, 2", "plt.plot([1, 2])").graph
    assert any(edge.name == "channel:matplotlib" for edge in graph.edges)
