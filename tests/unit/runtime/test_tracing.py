"""A traced step says what each of its cells did."""

from tests.unit.runtime.plain_run import Case, run_step, step_document

CELLS = [
    "import os, random\nx = [1]\ndef total(): return sum(x)",
    "y = x",
    "y.append(2); n = total()",
    "del n\ntext = open('given.txt', 'w').write('a')\nrandom.seed(2)",
    "lines = open('given.txt').read(); stuck = (i for i in x); os.environ['NEW'] = '1'",
]


def test_trace(tmp_path):
    document = step_document([Case(str(number), source, ()) for number, source in enumerate(CELLS)])
    document.update(plain=True, trace=True)
    done, outputs = run_step(document, tmp_path)
    assert done.returncode == 0, done.stderr
    first, alias, change, effects, last = (cell["trace"] for cell in outputs["cells"])
    assert (first["binds"], first["reads"]) == (["os", "random", "x", "total"], [])
    assert (alias["binds"], alias["reads"], alias["changes"]) == (["y"], ["x"], [])
    assert change["binds"] == ["n"]
    assert change["reads"] == ["total", "x", "y"]
    assert change["changes"] == ["x", "y"]
    assert change["values"]["x"]["type"] == "list"
    assert effects["deletes"] == ["n"]
    assert effects["files"] == [["write", "given.txt"]]
    assert effects["channels"] == ["random"]
    assert last["files"] == [["read", "given.txt"]]
    assert last["channels"] == ["os.environ"]
    assert last["values"]["stuck"]["stuck"]
    assert last["peak_kib"] > 0
