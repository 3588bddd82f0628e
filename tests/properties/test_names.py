"""Names as CPython resolves them: what generated cells really read and bind is what their facts say."""

import sys
from textwrap import indent

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.unit.analysis.flows import program

pytestmark = pytest.mark.skipif(sys.version_info >= (3, 14), reason="a dictionary of our own is no longer asked for globals")

NAMES = ("a", "b", "c", "d")
BEFORE = "import contextlib\na = b = c = d = 1"
names = st.sampled_from(NAMES)


class Namespace(dict):
    """Notes what is read before it was bound, and what is bound."""

    def watch(self):
        self.read, self.bound = set(), set()

    def __getitem__(self, name):
        value = dict.__getitem__(self, name)
        if name not in self.bound:
            self.read.add(name)
        return value

    def __setitem__(self, name, value):
        self.bound.add(name)
        dict.__setitem__(self, name, value)

    def __delitem__(self, name):
        if name in self and name not in self.bound:
            self.read.add(name)
        self.bound.add(name)
        dict.__delitem__(self, name)


expressions = st.recursive(
    names | st.just("2"),
    lambda inner: st.one_of(
        st.builds("({} + {})".format, inner, inner),
        st.builds("({} if {} else {})".format, inner, inner, inner),
        st.builds("({} and {})".format, inner, inner),
        st.builds("({} := {})".format, names, inner),
        st.builds("(lambda {}: {})({})".format, names, inner, inner),
        st.builds("(lambda x={}: x + {})()".format, inner, names),
        st.builds("sum([{0} for {0} in range({1}) if {2}])".format, names, names, names),
        st.builds("sum({0} + {2} for {0} in range({1}))".format, names, names, names),
        st.builds("len(f'{{{}}}')".format, names),
    ),
    max_leaves=3,
)


def block(statements):
    return indent("\n".join(statements), "    ")


def compound(inner):
    body = st.lists(inner, min_size=1, max_size=2).map(block)
    return st.one_of(
        st.builds("if {}:\n{}\nelse:\n{}".format, expressions, body, body),
        st.builds("for {} in range({}):\n{}".format, names, expressions, body),
        st.builds("for {} in ():\n{}".format, names, body),
        st.builds("try:\n{}\nexcept Exception as {}:\n{}".format, body, names, body),
        st.builds("try:\n    raise ValueError\nexcept ValueError as {}:\n{}".format, names, body),
        st.builds("with contextlib.nullcontext({}) as {}:\n{}".format, expressions, names, body),
        st.builds(
            "match {}:\n    case 1:\n{}\n    case {}:\n{}".format,
            expressions,
            body.map(lambda text: indent(text, "    ")),
            names,
            body.map(lambda text: indent(text, "    ")),
        ),
        st.builds("def f():\n{}\nf()".format, body),
        st.builds("def f():\n    global {}\n{}\nf()".format, names, body),
        st.builds(
            "def f({}=1):\n    def g():\n        nonlocal {}\n{}\n    g()\nf()".format,
            st.just("a"),
            st.just("a"),
            body.map(lambda text: indent(text, "    ")),
        ),
        st.builds("class K:\n{}".format, body),
    )


simple = st.one_of(
    st.builds("{} = {}".format, names, expressions),
    st.builds("{} += {}".format, names, expressions),
    st.builds("{}, *{} = [{}, 1]".format, names, names, expressions),
    st.builds("{}: int = {}".format, names, expressions),
    st.builds("del {}".format, names),
    st.builds("import os.path as {}".format, names),
    expressions,
)
statements = st.recursive(simple, compound, max_leaves=3)
cells = st.lists(st.lists(statements, min_size=1, max_size=4).map("\n".join), min_size=1, max_size=3)


def compiles(text):
    try:
        compile(text, "cell", "exec")
    except SyntaxError:
        return False
    return True


@pytest.mark.slow
@given(cells.filter(lambda texts: all(map(compiles, texts))))
@settings(max_examples=150, deadline=None)
def test_what_is_read_and_bound_is_what_the_facts_say(texts):
    facts = program(BEFORE, *texts).facts
    namespace = Namespace()
    namespace.watch()
    exec(BEFORE, namespace)  # noqa: S102 - the cells are made above
    for text, cell in zip(texts, facts[1:], strict=True):
        before = {name: id(value) for name, value in namespace.items()}
        namespace.watch()
        failed = False
        try:
            exec(text, namespace)  # noqa: S102
        except Exception:  # noqa: BLE001 - whatever a generated cell raises
            failed = True
        bound = {name for name in (*NAMES, "f", "K") if before.get(name) != (id(dict.get(namespace, name)) if name in namespace else None)}
        uses = {use.name for use in cell.uses}
        made = {one.name for one in cell.definitions} | {one.name for one in cell.deletions}
        # Of a name that a function declares global, the cell's own bindings pass by the dictionary's methods.
        seen = {name for name in NAMES if f"global {name}" not in text}
        assert namespace.read & seen <= uses, text
        if failed:
            # Nothing runs after such a cell: what it would have deleted by its end may be there.
            unbound_again = {name for name in NAMES if f"as {name}:" in text or f"del {name}" in text}
            assert bound - unbound_again <= made, text
            return
        assert bound <= made, text
        sure = {one.name for one in cell.definitions if one.certain}
        assert all(name in namespace for name in sure), text
