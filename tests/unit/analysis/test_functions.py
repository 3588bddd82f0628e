"""What calls of the notebook's functions read, in the versions of the call."""

from nbcompile.analysis import functions
from nbcompile.analysis.values import one_of
from tests.unit.analysis.flows import edges, program


def test_a_name_that_was_not_bound_at_the_first_call_is_read_at_the_second():
    found = edges("def f(deep):\n    return g() if deep else 0", "f(False)", "import math\ndef g():\n    return math.pi", "f(True)")
    assert "2 g 3" in found
    assert "2 math 3" in found


def test_the_targets_of_a_generator_expression_are_its_own():
    cells = ("def total(rows):\n    return sum(row * scale for row in rows)", "scale = 2", "total([1])")
    assert program(*cells).graph.parameters == ()
    assert "1 scale 2" in edges(*cells)


def test_a_closure_that_captures_what_wraps_it():
    cells = (
        "import lib\ndef make(n):\n    def inner(x):\n        return wrapped(x - n)\n    wrapped = lib.wrap(inner)\n    return wrapped",
        "f = make(1)\nf(2)",
    )
    assert "0 make 1" in edges(*cells)


def test_a_choice_among_choices_is_taken_apart():
    """A tree of choices would grow with every call of what may be any of many callables."""
    inner = one_of(["lib.f", "lib.g"])
    assert one_of([inner, None, "lib.g", one_of(["lib.h", inner])]).options == ("lib.f", "lib.g", "lib.h")
    assert one_of([None, "lib.f", "lib.f"]) == "lib.f"
    assert one_of([]) is None


def test_functions_that_call_each_other_with_ever_other_texts_are_looked_at_few_times(monkeypatch):
    runs = []
    run = functions._run
    monkeypatch.setattr(functions, "_run", lambda *given: runs.append(1) or run(*given))
    chain = [f"def f{one}(text, found): return f{one + 1}(text + 'a', found) or f{one + 1}(text + 'b', found)" for one in range(14)]
    found = program("\n".join([*chain, "def f14(text, found): found.append(text)"]), "found = []", "f0('', found)", "print(found)")
    assert ("found", 2, 3) in {(edge.name, edge.source, edge.target) for edge in found.graph.edges}
    assert len(runs) < 1000
