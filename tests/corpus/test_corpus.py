"""The graph on a pinned sample of real notebooks: its gates, and the table of `docs/corpus.md`."""

import re
from pathlib import Path

import pytest

from tests.corpus.measure import NOTHING, half_of, score_notebook
from tests.corpus.sample import DIRECTORY, missing, read_sample

PAGE = Path(__file__).parents[2] / "docs" / "corpus.md"
TABLE = re.compile(r"(?<=<!-- table -->\n).*?(?=<!-- end -->)", re.DOTALL)
HEAD = """\
| half | notebooks | cells | edges | P | Rflow | Fmut | Fcall | Pclo | complete | cells not understood | lost edges of other cells |
|---|---|---|---|---|---|---|---|---|---|---|---|
"""
# What is asked of notebooks that nobody looked at.
GATES = {"P": 88, "Rflow": 99.5, "Fmut": 96, "Fcall": 99, "Pclo": 88}


def shares(tally):
    """What is scored, in per cent."""
    counted = tally.counted
    parts = {"P": ("tp", "p"), "Rflow": ("f", "t"), "Fmut": ("fm", "m"), "Fcall": ("fc", "c"), "Pclo": ("clo", "cp")}
    return {name: 100 * counted[part] / counted[whole] for name, (part, whole) in parts.items()}


def line(title, tally):
    """A row of the table."""
    scored = " | ".join(f"{share:.1f}" for share in shares(tally).values())
    named = f"{100 * tally.unknown / tally.cells:.1f} %"
    row = (title, tally.notebooks, f"{tally.cells:,}", tally.counted["t"], scored, tally.counted["full"], named, tally.unnamed)
    return f"| {' | '.join(map(str, row))} |\n"


@pytest.fixture(scope="module")
def halves():
    """The scores of both halves; the notebooks are got by `python -m tests.corpus.gather`."""
    sample = read_sample()
    if lacking := missing(sample, DIRECTORY):
        get = f"python -m tests.corpus.gather {DIRECTORY}"
        pytest.fail(f"{len(lacking)} of {len(sample)} pinned notebooks are not below {DIRECTORY}, as {lacking[0]}; get them: {get}")
    found = dict.fromkeys(("dev", "held"), NOTHING)
    for one in sample:
        found[half_of(one.name)] += score_notebook(DIRECTORY / "src" / one.path, one.truth())
    return found


@pytest.mark.corpus
def test_the_gates_hold_on_notebooks_that_nobody_looked_at(halves):
    held = halves["held"]
    found = shares(held)
    below = {name: f"{found[name]:.1f} < {gate}" for name, gate in GATES.items() if found[name] < gate}
    assert not below
    assert held.unknown <= 0.05 * held.cells


@pytest.mark.corpus
def test_the_table_is_what_is_measured(halves, accept):
    produced = HEAD + line("dev", halves["dev"]) + line("held out", halves["held"])
    page = PAGE.read_text("utf-8")
    if accept:
        PAGE.write_text(TABLE.sub(lambda _: produced, page), "utf-8")
    else:
        assert TABLE.search(page)[0] == produced
