"""Scattered cells on the local engine, a process for every few shards, give what one process gives, where there is no doubt."""

import ast
import itertools
import json
import os
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from hypothesis import HealthCheck, assume, given, note, settings
from hypothesis import strategies as st

from nbcompile import api
from nbcompile.analysis.rounds import gathering
from nbcompile.reporting.verification import verification_text
from tests.cell_by_cell import differences
from tests.properties.test_scatter import SCATTERS, STATEMENTS

pytestmark = pytest.mark.slow

MAKERS = (
    "list(range({n}))",
    "tuple(range({n}))",
    "range({n})",
    "np.arange({n})",
    "np.arange({n}.0).reshape(-1, 1)[::-1]",
    "pd.Series(np.arange({n}), index=list('abcdefgh')[:{n}])",
    "'abcdefgh'[:{n}]",
)
EMPTY = "ys, zs, table = [], [], {}"
ways = st.fixed_dictionaries({"size": st.integers(1, 4)}) | st.fixed_dictionaries({"num": st.integers(1, 4)}) | st.just({})


def without_doubt(axes):
    """Cells of up to two statements that go through all of these names, and that no doubt is cast on."""
    for statements in itertools.chain(itertools.product(STATEMENTS, repeat=1), itertools.product(STATEMENTS, repeat=2)):
        source = "\n".join((EMPTY, *statements))
        read = {node.id for node in ast.walk(ast.parse(source)) if isinstance(node, ast.Name)}
        if read.issuperset(name for names in axes for name in names) and not gathering(ast.parse(source), axes).doubts:
            yield axes, source


BLOCKS = [block for axes in SCATTERS for block in without_doubt(axes)]


def declared(axes, way):
    """The scatter: names of one axis in step, the first axis cut as said."""
    parts = [[{"name": name, **(way if not number else {})} for name in names] for number, names in enumerate(axes)]
    items = [part[0] if len(part) == 1 else {"items": part, "method": "dotproduct"} for part in parts]
    return json.dumps({"version": "v1.0", "step": {"scatter": {"items": items}}})


@st.composite
def notebooks(draw):
    """A notebook in which two cells are scattered over values of some type, and one shows what they made."""
    length, makers = draw(st.integers(1, 5)), st.sampled_from(MAKERS)
    cells = [f"import numpy as np\nimport pandas as pd\nxs = {draw(makers)}\nvs = {draw(makers)}\nws, n = [2, 5], 1".format(n=length)]
    for _ in range(2):
        axes, source = draw(st.sampled_from(BLOCKS))
        cells.append(f"workflow={declared(axes, draw(ways))}\n{source}")
    shown = "\n".join(f"print({name!r}, type({name}), {name})" for name in ("xs", "ys", "zs", "table", "n"))
    return "# %%\n" + cells[0] + "".join(f"\n# %% {cell}" for cell in cells[1:]) + f"\n# %%\n{shown}\n"


@settings(max_examples=int(os.environ.get("NBCOMPILE_EXAMPLES", "15")), deadline=None, suppress_health_check=list(HealthCheck))
@given(notebooks())
def test_shards_on_the_engine_give_what_one_process_gives(lasting_parent, text):
    with TemporaryDirectory() as folder:
        path = Path(folder) / "scattered.py"
        path.write_text(text, "utf-8")
        # Facts of the whole notebook may bring another doubt: below the first axis, larger shards come one after the other.
        assume(all(found.rule.code != "NB431" for found in api.analyze(path).diagnostics))
        found = differences(path)
    note(text)
    note(verification_text(found))
    assert found.silent == ()
