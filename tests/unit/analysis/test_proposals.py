"""Loops that are proved independent, and such as only look so."""

import pytest
from click.testing import CliRunner

from nbcompile import api
from nbcompile.cli import cli
from tests.golden.notebooks import notebook_bytes

INDEPENDENT = {
    "collected": ("", "ys = [x * x for x in xs]"),
    "by a function of the notebook": ("def f(x):\n    return x + 1", "ys = []\nfor x in xs:\n    ys.append(f(x))"),
    "in branches": ("", "ys = []\nfor x in xs:\n    if x % 2:\n        ys.append(x)"),
    "by key": ("", "d = {}\nfor x in xs:\n    d[x % 2] = x"),
    "two lists": ("n = 3", "ys, zs = [], []\nfor x in xs:\n    y = x * n\n    ys.append(y)\n    zs.append(-y)"),
    "a name that a comprehension binds for itself": (
        "",
        "ys = []\nfor x in xs:\n    d = {p: 0 for p in range(x)}\n    for p in range(x):\n        d[p] += 1\n    ys.append(d)",
    ),
    "a name that a lambda binds for itself": ("", "ys = []\nfor x in xs:\n    f = lambda p: p + 1\n    p = f(x)\n    ys.append(p)"),
    "read from files": ("", "ys = []\nfor x in xs:\n    with open(f'{x}.txt') as file:\n        ys.append(file.read())"),
}
DEPENDENT = {
    "a sum": ("", "total = 0\nfor x in xs:\n    total += x"),
    "a running sum": ("", "ys = []\ntotal = 0\nfor x in xs:\n    total += x\n    ys.append(total)"),
    "the one before": ("", "ys = []\nlast = 0\nfor x in xs:\n    ys.append(x - last)\n    last = x"),
    "the number of a round": ("", "ys = []\nfor i, x in enumerate(xs):\n    ys.append((i, x))"),
    "the list so far": ("", "ys = []\nfor x in xs:\n    ys.append(len(ys))"),
    "what a comprehension goes over": ("p = ()", "ys = []\nfor x in xs:\n    q = [p for p in p]\n    p = (x,)\n    ys.append(q)"),
    "a default of a lambda": ("p = 0", "ys = []\nfor x in xs:\n    f = lambda p=p: p\n    p = f() + x\n    ys.append(p)"),
    "a break": ("", "ys = []\nfor x in xs:\n    if x == 2:\n        break\n    ys.append(x)"),
    "a default": ("def f(x, seen=[]):\n    seen.append(x)\n    return len(seen)", "ys = [f(x) for x in xs]"),
    "an attribute of a class": (
        "class A:\n    n = 0\n    def __init__(self):\n        A.n += 1\n        self.k = A.n",
        "ys = [A().k for x in xs]",
    ),
    "a closure": (
        "def make():\n    n = 0\n    def f(x):\n        nonlocal n\n        n += x\n        return n\n    return f\nf = make()",
        "ys = [f(x) for x in xs]",
    ),
    "a global": ("n = 0\ndef f(x):\n    global n\n    n += 1\n    return n", "ys = [f(x) for x in xs]"),
    "an iterator": ("left = iter('abcd')", "ys = [next(left) for x in xs]"),
    "a name bound on the way": ("n = 0", "ys = [n := n + x for x in xs]"),
    "a bound method": ("", "ys = []\nput = ys.append\nfor x in xs:\n    put(x)"),
    "a property": (
        "class P:\n    n = 0\n    @property\n    def next(self):\n        self.n += 1\n        return self.n\np = P()",
        "ys = [p.next for x in xs]",
    ),
    "an array": ("import numpy as np\na = np.zeros(3)", "ys = []\nfor x in xs:\n    a += x\n    ys.append(a.sum())"),
    "a generator of random numbers": ("import numpy as np\nrng = np.random.default_rng(0)", "ys = [rng.normal() for x in xs]"),
    "random numbers": ("import random\nrandom.seed(1)", "ys = [random.random() for x in xs]"),
    "the clock": ("import time", "ys = [time.time() for x in xs]"),
    "a database": (
        "import sqlite3\ndb = sqlite3.connect(':memory:')",
        "ys = []\nfor x in xs:\n    db.execute('insert into t values (1)')\n    ys.append(x)",
    ),
    "a figure": ("import matplotlib.pyplot as plt", "ys = []\nfor x in xs:\n    plt.plot([x])\n    ys.append(len(plt.gca().lines))"),
    "files": ("", "ys = []\nfor x in xs:\n    open('last.txt', 'w').write(str(x))\n    ys.append(x)"),
    "a library that nobody knows": ("import strange", "ys = [strange.f(x) for x in xs]"),
    "commands": ("", "ys = []\nfor x in xs:\n    ys.append(x)\n!ls"),
    "identity": ("rows = [[1], [2]]\nfirst = rows[0]", "ys = [row is first for row in rows]"),
    "items that may be one": ("row = []\nrows = [row, row]", "ys = []\nfor row in rows:\n    row.append(1)\n    ys.append(len(row))"),
    "items of which nothing is known": ("import json\ndata = json.loads('[1]')", "ys = [one for one in data]"),
    "nothing is made": ("", "for x in xs:\n    print(x)"),
}


def proposals(above, cell):
    program = api.analyze_bytes(notebook_bytes(f"# %% a\nxs = list(range(4))\n{above}\n# %% b\n{cell}\n# %% c\nprint(1)\n"), "n")
    return api.propose_scatters(program, 1)


@pytest.mark.parametrize(("above", "cell"), INDEPENDENT.values(), ids=INDEPENDENT)
def test_independent_rounds_are_proposed(above, cell):
    assert [(one.name, one.against) for one in proposals(above, cell)] == [("xs", ())]


@pytest.mark.parametrize(("above", "cell"), DEPENDENT.values(), ids=DEPENDENT)
def test_what_is_not_proved_is_not_proposed_and_says_why(above, cell):
    found = proposals(above, cell)
    assert found
    assert all(one.against for one in found)


def test_a_cell_that_is_scattered_is_not_proposed_again():
    assert proposals("", "# nbc: scatter=xs\nys = [x for x in xs]") == ()


def test_the_command_names_the_annotation_or_what_is_in_the_way(tmp_path):
    path = tmp_path / "n.py"
    path.write_text("# %%\nxs = [1, 2]\n\n# %%\nys = [x + 1 for x in xs]\n\n# %%\nt = 0\nfor x in xs:\n    t += x\n", "utf-8")
    told = CliRunner().invoke(cli, ["explain", str(path), "1"]).output
    assert "could run in shards of `xs`:" in told
    assert "# nbc: scatter=xs" in told
    told = CliRunner().invoke(cli, ["explain", str(path), "2"]).output
    assert "does not run in shards of `xs`:\n      2:3  t += x   # `t` goes from one round to the next" in told
    assert "in shards" not in CliRunner().invoke(cli, ["explain", str(path), "2", "xs"]).output
