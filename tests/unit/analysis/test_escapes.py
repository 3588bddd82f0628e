"""What a function makes and nobody can reach any more costs its callers nothing."""

from nbcompile.analysis.escapes import lasting
from tests.unit.analysis.flows import program

CHAIN = [f"def f{one}(xs): return ' '.join(str([x, y]) for x, y in zip(f{one + 1}(xs), f{one + 1}(list(xs))))" for one in range(8)]
CELLS = ("xs = [[1], [2]]", "\n".join([*CHAIN, "def f8(xs): return str([(x, [x]) for x in xs])"]), "print(f0(xs))")


def test_callers_do_not_make_again_what_is_left_behind(monkeypatch):
    kept = []

    def counting(heap, trace, made, given):
        before = len(trace.captured)
        kept.append((before, len(lasting(heap, trace, made, given))))
        return lasting(heap, trace, made, given)

    monkeypatch.setattr("nbcompile.analysis.escapes.lasting", counting)
    program(*CELLS)
    assert len(kept) >= 9
    # A caller has the edges of its own body, whatever is called below it.
    assert max(before for before, _ in kept) < 40
    assert max(after for _, after in kept) < 10


def test_what_was_known_is_known_without_it(monkeypatch):
    with_escapes = program(*CELLS).facts
    monkeypatch.setattr("nbcompile.analysis.escapes.lasting", lambda heap, trace, made, given: trace.captured)
    assert program(*CELLS).facts == with_escapes
