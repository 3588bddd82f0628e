"""Charts of altair know each other by the very text that says where their data are. Some lines stand for altair, which nobody installed."""

import pytest

from nbcompile.runtime.shared_texts import label_texts, with_label
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
    cells = ("import altair", bound, f"one = altair.Chart({one})", f"other = altair.Chart({other})", "", "print(one | other, one | one)")
    assert texts(run_chain(cells, tmp_path / "chain"))[-1] == f"{is_common} True\n"


def test_texts_in_a_container_have_labels():
    sources = {"one": " ".join(["a", "file"]), "other": " ".join(["another", "file"])}
    label_texts(sources, "sources@1")
    label_texts(list(sources.values()), "again@2")
    assert [with_label(text, "text@3").label for text in sources.values()] == ["sources@1 0", "sources@1 1"]
    assert with_label(" ".join(["a", "file"]), "text@3") == "a file"
