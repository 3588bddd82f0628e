"""Scatter and gather give what the whole gives, or there is a doubt that says why not."""

import ast
import contextlib
import copy
import io
import itertools
from collections import OrderedDict, defaultdict

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from nbcompile.analysis.rounds import RESULT, gathering
from nbcompile.runtime.problem import StepProblem
from nbcompile.runtime.shards import Cut, cut_value, join_values

cuts = st.builds(Cut, size=st.integers(1, 5), num=st.just(0)) | st.builds(Cut, size=st.just(1), num=st.integers(1, 5))
numbers = st.lists(st.integers(-9, 9), max_size=12)


def same(one, other):
    if isinstance(one, np.ndarray):
        return one.dtype == other.dtype and one.shape == other.shape and bool((one == other).all())
    if isinstance(one, pd.DataFrame | pd.Series | pd.Index):
        return type(one) is type(other) and one.equals(other) and (isinstance(one, pd.Index) or one.index.equals(other.index))
    return type(one) is type(other) and one == other


MAKERS = {
    "list": list,
    "tuple": tuple,
    "range": lambda items: range(len(items)),
    "array": lambda items: np.array(items, dtype="int64"),
    "rows": lambda items: np.array([[item, item] for item in items], dtype="float64").reshape(-1, 2),
    "table": lambda items: pd.DataFrame({"a": items, "b": [str(item) for item in items]}),
    "column": lambda items: pd.Series(items, name="a", dtype="int64"),
    "index": lambda items: pd.Index(items, dtype="int64"),
    "mapping": lambda items: {number: item for number, item in enumerate(items)},  # noqa: C416
    "ordered": lambda items: OrderedDict(enumerate(items)),
    "default": lambda items: defaultdict(list, enumerate(items)),
}


@given(st.sampled_from(list(MAKERS)), numbers, cuts)
def test_a_value_is_its_shards_joined(kind, items, cut):
    value = MAKERS[kind](items)
    shards = cut_value("x", value, cut)
    assert len(shards) == max(1, min(cut.num, len(items)) if cut.num else -(-len(items) // cut.size))
    assert max(map(len, shards)) - min(map(len, shards)) <= 1 or not cut.num
    assert same(join_values("x", shards), value)


@pytest.mark.parametrize("value", [{1, 2}, 3, None, (item for item in ""), np.array(3)])
def test_what_has_no_order_is_not_cut(value):
    with pytest.raises(StepProblem, match="cannot be cut"):
        cut_value("x", value, Cut())


def test_what_shards_make_alike_is_kept_and_what_differs_is_a_problem():
    assert join_values("x", [3, 3, 3]) == 3
    assert join_values("x", ["a", "a"]) == "a"
    assert join_values("x", [{"a": 1, "c": 3}, {"b": 2, "c": 3}]) == {"a": 1, "c": 3, "b": 2}
    for parts in ([1, 2], ["a", "b"], [1, None], [{"a": 1}, {"a": 2}], [[1], (2,)]):
        with pytest.raises(StepProblem, match="cannot be joined"):
            join_values("x", parts)


STATEMENTS = [
    "n = 3",
    "labels = ['a', 'b']",
    "ys = []",
    "ys, zs = [], []",
    "total = 0",
    "seen = set()",
    "table = {}",
    "ys = [x + 1 for x in xs]",
    "zs = [x * w for x in xs for w in ws]",
    "zs = [x * w for w in ws for x in xs]",
    "pairs = list(zip(xs, vs))",
    "pairs = [(x, vs[i]) for i, x in enumerate(xs)]",
    "pairs = [(i, x) for i, x in enumerate(xs)]",
    "squares = list(map(abs, xs))",
    "for x in xs:\n    print(x)",
    "for x in xs:\n    y = x * n\n    ys.append(y)",
    "for x, v in zip(xs, vs):\n    ys.append(x + v)",
    "for i, x in enumerate(xs):\n    ys.append(x + vs[i])",
    "for i, x in enumerate(xs):\n    ys.append(i)",
    "for x in xs:\n    total += x",
    "for x in xs:\n    total = total + x",
    "for x in xs:\n    seen.add(x)",
    "for x in xs:\n    table[x] = x * 2",
    "for x in xs:\n    table[n] = x",
    "for x in xs:\n    ys.append(len(ys))",
    "for x in xs:\n    if x > 0:\n        ys.append(x)",
    "for x in xs:\n    ys += [x, x]",
    "for x in xs:\n    for w in ws:\n        zs.append((x, w))",
    "for w in ws:\n    for x in xs:\n        zs.append((x, w))",
    "for x in xs:\n    print('row')\n    for w in ws:\n        print(x, w)",
    "zs = []",
    "ys.append(n)",
    "for w in ws:\n    table[w] = n",
    "count = len(xs)",
    "largest = max(xs, default=0)",
    "print('start')",
    "print(xs)",
    "ys = sorted(ys)",
    "first = ys[:1]",
    "for x in xs:\n    if x > 1:\n        big = x",
    "for x in xs:\n    if x > 1:\n        n = x",
    "best = None\nfor x in xs:\n    if x > 1:\n        best = x",
    "for x in xs:\n    if x == 2:\n        break\n    ys.append(x)",
    "for x in xs:\n    if x == 2:\n        continue\n    ys.append(x)",
    "for x in xs:\n    try:\n        y = 6 // x\n    except ZeroDivisionError:\n        y = 0\n    ys.append(y)",
    "for x in xs:\n    table.setdefault(n, x)",
    "for x in xs:\n    table.setdefault(n, []).append(x)",
    "table = {n: x for x in xs}",
    "for i, x in enumerate(xs):\n    print(x)",
    "for x in xs:\n    for j in range(x):\n        print(j)",
    "alias = xs",
    "for x in reversed(xs):\n    ys.append(x)",
    "for x in xs:\n    ys.append(xs)",
    "last = x",
    "def f(a):\n    return a + n",
    "ys = [f(x) for x in xs]",
    "for i in range(len(xs)):\n    ys.append(xs[i] + vs[i])",
    "for i in range(len(xs)):\n    ys.append(i)",
    "pairs = [xs[i] for i in range(len(xs))]",
    "for k, v in ds.items():\n    table[k] = v + n",
    "for k in ds:\n    ys.append(ds[k])",
    "zs = [v for v in ds.values()]",
    "table = {k: v for k, v in ds.items() if v}",
    "for k in ds.keys():\n    print(k)",
    "for x in xs:\n    for j in range(x):\n        ys.append(j)",
    "for x in xs:\n    if x > 1:\n        ys.append(x)\n    else:\n        table[x] = n",
    "for x in xs:\n    try:\n        ys.append(6 // x)\n    except ZeroDivisionError:\n        pass\n    finally:\n        zs.append(x)",
    "for x in xs:\n    match x:\n        case 1:\n            ys.append(x)\n        case y if y > 2:\n            table[y] = x",
    "for x in xs:\n    try:\n        6 // x\n    except ZeroDivisionError as n:\n        ys.append(0)",
    "for x in xs:\n    while x > 2:\n        x -= 1\n        ys.append(x)",
    "for x in xs:\n    if len(ys) < 2:\n        ys.append(x)",
    "for x in xs:\n    if x in table:\n        continue\n    table[x] = n",
    "for x in xs:\n    if x not in seen:\n        ys.append(x)\n    seen.add(x)",
    "for x in xs:\n    for w in ws:\n        if x > w:\n            zs.append((x, w))",
    "for x in xs:\n    if x:\n        for w in ws:\n            zs.append((x, w))",
    "for x in xs:\n    for y in xs:\n        ys.append((x, y))",
    "ys = [n := n + x for x in xs]",
    "for x in xs:\n    n += x\n    ys.append(n)",
    "for x in xs:\n    m = len(xs)\n    ys.append(m)",
]
SCATTERS = [[["xs"]], [["xs", "vs"]], [["xs"], ["ws"]], [["xs", "vs"], ["ws"]], [["ds"]], [["xs", "ds"]]]
KINDS = {"ds": "dict"}


def run(source, names):
    namespace, shown = copy.deepcopy(dict(names)), io.StringIO()
    with contextlib.redirect_stdout(shown):
        exec(source, namespace)  # noqa: S102 - it is what a cell does
    del namespace["__builtins__"]
    return namespace, shown.getvalue()


@given(
    st.lists(st.sampled_from(STATEMENTS), min_size=1, max_size=5),
    st.sampled_from(SCATTERS),
    st.lists(st.integers(0, 3), min_size=1, max_size=5),
    cuts,
)
def test_without_a_doubt_the_shards_give_what_the_whole_gives(statements, axes, items, cut):
    source = "\n".join(statements)
    whole = {"xs": items, "vs": [-item for item in items], "ws": [2, 5], "ds": dict(enumerate(items))}
    given_names = {**whole, "ys": [], "zs": [], "total": 0, "seen": set(), "table": {}, "n": 1}
    found = gathering(ast.parse(source), axes, given_names, kinds=KINDS)
    if found.doubts:
        return
    try:
        expected, shown = run(source, given_names)
    except (NameError, TypeError, AttributeError):
        return
    # The inner axes go round in whole shards, so that only the outermost may be cut as one likes.
    shards = [
        [
            dict(zip(names, parts, strict=True))
            for parts in zip(*(cut_value(name, whole[name], Cut() if number else cut) for name in names), strict=True)
        ]
        for number, names in enumerate(axes)
    ]
    if cut.num > len(items) or (len(axes) > 1 and cut.bounds(len(items)) != Cut().bounds(len(items))):
        return
    results = [
        run(source, {**given_names, **{name: part for axis in combination for name, part in axis.items()}})
        for combination in itertools.product(*shards)
    ]
    assert "".join(text for _, text in results) == shown
    for name in found.joined:
        if name != RESULT:
            assert join_values(name, [namespace[name] for namespace, _ in results], collected=True) == expected[name], name
    for name in found.kept:
        if not callable(expected.get(name)):
            assert all(namespace.get(name) == expected.get(name) for namespace, _ in results), name
    for name in found.last:
        left = [namespace[name] for namespace, _ in results if name in namespace]
        assert left[-1:] == ([expected[name]] if name in expected else []), name
    unknown = expected.keys() - given_names.keys() - {*found.joined, *found.kept, *found.last, *found.torn}
    assert unknown <= {"f"}


def doubts(source, *axes):
    return [doubt.reason for doubt in gathering(ast.parse(source), axes).doubts]


def test_what_two_loops_collect_in_one_list_is_in_doubt():
    loop = "for x in xs:\n    ys.append(x)"
    assert doubts(f"ys = []\n{loop}", ["xs"]) == []
    for first in (loop, "ys = [x for x in xs]", "ys = list(map(abs, xs))"):
        assert doubts(f"ys = []\n{first}\n{loop}", ["xs"]) == ["`ys` goes from one round to the next"], first


def test_what_every_shard_puts_into_a_list_is_not_collected():
    for same in ("ys.append(n)", "for w in ws:\n    ys.append(w)"):
        assert doubts(f"ys = []\n{same}\nfor x in xs:\n    ys.append(x)", ["xs"]) == ["`ys` goes from one round to the next"], same


def test_what_is_collected_in_branches_is_joined():
    branches = (
        "if x:\n        ys.append(x)",
        "with open(x) as f:\n        ys.append(f)",
        "for y in x:\n        if y:\n            ys.append(y)",
    )
    for body in branches:
        found = gathering(ast.parse(f"ys = []\nfor x in xs:\n    {body}"), [["xs"]])
        assert (found.joined, found.doubts) == (("ys",), ()), body


def test_what_is_made_of_what_goes_on_from_round_to_round_is_torn():
    for body in ("n += x\n    ys.append(n)", "ys.append(n)\n    n += x", "if len(ys) < 3:\n        ys.append(x)", "ys.append(len(xs))"):
        found = gathering(ast.parse(f"ys = []\nfor x in xs:\n    {body}"), [["xs"]], {"n"})
        assert ("ys" in found.torn, found.joined) == (True, ()), body


def test_what_a_loop_counts_with_is_that_of_the_last_shard_even_where_there_is_a_doubt():
    found = gathering(ast.parse("for w in ws:\n    for x in xs:\n        zs.append((x, w))"), [["xs"]])
    assert (found.last, bool(found.doubts)) == (("w", "x"), True)


def test_rows_of_a_table_are_gone_through_and_its_columns_are_not():
    kinds = {"t": "pandas.DataFrame"}
    for source in ("for i, row in t.iterrows():\n    ys.append(row.a)", "ys = [row.a for row in t.itertuples(index=False)]"):
        assert not gathering(ast.parse(f"ys = []\n{source}"), [["t"]], kinds=kinds).doubts
    for source in ("for column in t:\n    ys.append(column)", "ys = [name for name, values in t.items()]"):
        assert gathering(ast.parse(f"ys = []\n{source}"), [["t"]], kinds=kinds).doubts


def test_plain_loops_are_without_doubt():
    assert doubts("ys = [f(x) for x in xs]", ["xs"]) == []
    assert doubts("ys = []\nfor x in xs:\n    y = f(x)\n    ys.append(y)\nys", ["xs"]) == []
    assert doubts("for i, c in enumerate(cs):\n    open(ms[i])\n    for p in ps:\n        g(p)", ["ps"], ["cs", "ms"]) != []
    assert doubts("for p in ps:\n    for i, c in enumerate(cs):\n        g(p, ms[i])", ["ps"], ["cs", "ms"]) == []
