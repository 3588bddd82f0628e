"""Which statements run before any cell does."""

import json

import pytest

from nbcompile.api import analyze_bytes
from nbcompile.model.surroundings import Surroundings
from nbcompile.planning.warm import warm_imports

NOTHING = Surroundings()


def warmed(*sources, beside=NOTHING):
    return [one.text for one in imports_of(*sources, beside=beside)]


def imports_of(*sources, beside=NOTHING):
    cells = [{"cell_type": "code", "metadata": {}, "outputs": [], "execution_count": None, "source": source} for source in sources]
    program = analyze_bytes(json.dumps({"nbformat": 4, "nbformat_minor": 4, "metadata": {}, "cells": cells}).encode(), "demo")
    return warm_imports(program.facts, program.notebook, beside)


@pytest.mark.parametrize(
    ("sources", "expected"),
    [
        (["import json, os", "from math import pi as p"], ["import json, os", "from math import pi as p"]),
        (["import time; time.sleep(600)"], ["import time"]),
        (["import json; print(json.dumps(1)); import math"], ["import json", "import math"]),
        (["import (json"], []),
        (["open('json.py', 'w').write('')", "import json, math\nimport os"], ["import os"]),
        (["%%writefile pkg/__init__.py\nx = 1", "import pkg\nimport os"], ["import os"]),
        (["import os\nos.environ['A'] = '1'\nimport json"], ["import os"]),
    ],
)
def test_only_imports_run_early(sources, expected):
    assert warmed(*sources) == expected


def test_nothing_runs_early_where_imports_look_beside_the_notebook():
    assert warmed("import json", beside=Surroundings(mentions=((0, "matplotlibrc"),))) == []


def test_cells_that_would_see_what_a_later_import_adds():
    sources = ("import param, matplotlib", "len(matplotlib.colormaps)", "import seaborn as sns", "param.x", "from panel import pane")
    assert [one.seen_by for one in imports_of(*sources)] == [(), (0, 1, 2), (0, 1, 2, 3, 4)]
    assert [one.seen_by for one in imports_of("import matplotlib\nmatplotlib.colormaps\nimport cmocean")] == [(), (0,)]
    assert [one.seen_by for one in imports_of("import seaborn\nimport matplotlib\nmatplotlib.colormaps")] == [(), ()]
