"""Charts of altair know each other by the very text that says where their data are. Some lines stand for altair, which nobody installed."""

import pytest

from nbcompile.runtime.shared_texts import SharedText, label_where_charts_are, labelled, text_labelled, with_label
from tests.unit.runtime.chain import run_chain, texts

ALTAIR = """
class Chart:
    def __init__(self, data):
        self._args, self._kwds = (), {"data": data, "mark": "point"}
    def __or__(self, other):
        return self._kwds["data"] is other._kwds["data"]
"""
# What is bound before, which charts two later cells make, and whether they have their data in common.
CHARTS = {
    "an address that has a name": ("source = 'a file.json'", "source", "source", True),
    "one that was worked out": ("source = ' '.join(['a', 'file.json'])", "source", "source", True),
    "addresses of several": ("sources = ['a file.json', 'another file.json']", "sources[0]", "sources[1]", False),
    "one that has two names": ("source = 'a file.json'; again = source", "source", "again", True),
    "one that is written twice": ("", "'a file.json'", "'a file.json'", False),
    "the data of another chart": ("first = altair.Chart('a file.json')", "first._kwds['data']", "first._kwds['data']", True),
    "one that is asked for anew": ("name = 'a'", "name + ' file.json'", "name + ' file.json'", False),
    "a table": ("table = {'a': [1, 2]}", "table", "table", True),
}


@pytest.mark.slow
@pytest.mark.parametrize("name", CHARTS)
def test_charts_have_their_data_in_common(name, tmp_path, monkeypatch):
    package = tmp_path / "site-packages" / "altair"
    package.mkdir(parents=True)
    (package / "__init__.py").write_text(ALTAIR)
    monkeypatch.syspath_prepend(str(package.parent))
    bound, one, other, is_common = CHARTS[name]
    asked = f"print(one | other, one | one, one | altair.Chart({one}))"
    cells = ("import altair", bound, f"one = altair.Chart({one})", f"other = altair.Chart({other})", "", asked)
    # A list that is sent again has other texts for those who get it.
    is_again = name not in ("one that is written twice", "one that is asked for anew", "addresses of several")
    assert texts(run_chain(cells, tmp_path / "chain"))[-1] == f"{is_common} True {is_again}\n"


@pytest.fixture
def labelling():
    label_where_charts_are(["import altair as alt"])
    yield
    label_where_charts_are([])


def test_texts_in_a_container_have_labels(labelling):
    sources = {"one": " ".join(["a", "file"]), "other": " ".join(["another", "file"])}
    labelled(sources, "sources@1")
    labelled(list(sources.values()), "again@2")
    assert [with_label(text).label for text in sources.values()] == ["sources@1 0", "sources@1 1"]
    assert with_label(" ".join(["a", "file"])) == "a file"


@pytest.mark.parametrize("order", [("chart", "text"), ("text", "chart")])
def test_a_text_is_the_one_of_a_chart_in_whichever_order_they_are_read(order, labelling):
    name = "-".join(order)
    ways = {"chart": lambda text: text_labelled(f"{name}@1", text), "text": lambda text: labelled(text, f"{name}@1")}
    first, second = (ways[way](" ".join(["the", name])) for way in order)
    assert first is second


def test_texts_have_no_labels_where_nobody_makes_charts():
    text = " ".join(["nobody's", "file"])
    assert labelled(text, "text@1") is text
    assert not isinstance(with_label(text), SharedText)
