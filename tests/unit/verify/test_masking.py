"""What is masked is what a machine and a moment decide, and no more."""

import pytest

from nbcompile.verify.masking import mask, mask_directories

SAME = {
    "how often %timeit ran": (
        "1.24 ms ± 31.2 µs per loop (mean ± std. dev. of 7 runs, 1,000 loops each)\n",
        "12 s ± 1 ms per loop (mean ± std. dev. of 7 runs, 1 loop each)\n",
    ),
    "how long a cell took": (
        "CPU times: user 3 ms, sys: 1 us, total: 3 ms\nWall time: 4 ms\n",
        "CPU times: user 3 s, sys: 0 s, total: 3 s\nWall time: 9 s\n",
    ),
    "how long a fit took": (
        "│ EDM = 6.84e-21 (Goal: 0.0002)    │            time = 0.7 sec            │\n",
        "│ EDM = 6.84e-21 (Goal: 0.0002)    │                                      │\n",
    ),
    "how long a fit took, in a table": (
        '<td style="text-align:center" title="Total run time of algorithms"> time = 1.2 sec </td>',
        '<td style="text-align:center" title="Total run time of algorithms">  </td>',
    ),
    "an id that begins with a letter, as those of HTML must": (
        '<svg id="t46985a9216d04b1f8b2a2fe1d0bd0d7c">',
        '<svg id="tad9b4a5b4d744e0c9f5c4d6bb24d7f5c">',
    ),
    "where a table of astropy lies": ('<table id="table139924598762576" class="a">', '<table id="table94021598762512" class="a">'),
    "how many models panel has made": (
        '{"type":"object","name":"Row","id":"p1","attributes":{"name":"Row00271","tags":["embedded"]}}',
        '{"type":"object","name":"Row","id":"p1","attributes":{"name":"Row00004","tags":["embedded"]}}',
    ),
    "how many functions SymPy wrote": ("<lambdifygenerated-1>:2: RuntimeWarning", "<lambdifygenerated-12>:2: RuntimeWarning"),
    "how many tasks there were": (
        "<Task pending name='Task-36' coro=<f() running at <cell>:8>>",
        "<Task pending name='Task-7' coro=<f() running at <cell>:8>>",
    ),
    "where an object lies": ("<object at 0x7f12ab34cd56>", "<object at 0x55aa00ff1122>"),
    "an address that was shortened": ("&lt;sklearn.tree...x7efd01a4e720&gt;", "&lt;sklearn.tree...x7efd01b5f830&gt;"),
    "the order of a set with a NaN": ("{'C', 'S', nan}\n", "{nan, 'C', 'S'}\n"),
}
OTHER = {
    "the order of a set without one": ("{'C', 'S', 'nan'}", "{'S', 'C', 'nan'}"),
    "the order of a dictionary": ("{nan: 1, 2: 3}", "{2: 3, nan: 1}"),
    "which elements a set with a NaN has": ("{nan, 1}", "{nan, 2}"),
    "a name that the notebook gives": ("name='Task-36'", "name='Task-7'"),
    "a number beside a time": ("n = 3, 1.2 ms ± 1 µs per loop", "n = 4, 1.2 ms ± 1 µs per loop"),
    "a time that the notebook tells": ("│ run │ time = 0.7 sec │\n", "│ run │ time = 0.8 sec │\n"),
    "a short hexadecimal number": ("0xff", "0xfe"),
    "the name of a model": ('"attributes":{"name":"Sample20240101"}', '"attributes":{"name":"Sample20240102"}'),
    "the number of a table": ('<table id="table12">', '<table id="table13">'),
    "a count of tests": ("Ran 3 tests in 0.1s", "Ran 4 tests in 0.1s"),
}


def masked(text):
    return mask((({"output_type": "stream", "name": "stdout", "text": text},),))


@pytest.mark.parametrize("pair", list(SAME.values()), ids=list(SAME))
def test_what_the_moment_decides_is_the_same(pair):
    assert masked(pair[0]) == masked(pair[1])


@pytest.mark.parametrize("text", ["a" * 100_000, "1" * 100_000, "/a" * 50_000, "1 s " * 20_000], ids=lambda text: text[:4])
def test_long_lines_are_masked_in_one_pass(text):
    # With a pattern that looks back over the line at each of its characters this would take minutes.
    assert masked(text + " 0x7f12ab34cd56") == masked(text + " 0x55aa00ff1122")


def test_the_file_of_a_cell_has_no_name():
    told = 'File "/tmp/ipykernel_12/3456.py", line 1, <ipython-input-3-abc>'
    assert masked(told)[0][0]["text"] == 'File "<cell>", line 1, <cell>'


@pytest.mark.parametrize("pair", list(OTHER.values()), ids=list(OTHER))
def test_what_the_notebook_decides_is_not(pair):
    assert masked(pair[0]) != masked(pair[1])


def test_a_directory_is_masked_where_its_name_came_in_pieces():
    streams = tuple({"output_type": "stream", "name": "stdout", "text": text} for text in ("/home/run/a", "bove/cells\n"))
    (cell,) = mask_directories((streams,), ("/home/run/above/cells", "/home/run"))
    assert [output["text"] for output in cell] == ["<directory>\n"]


LATE = "a.py:9: UserWarning: Animation was deleted without rendering anything. Assign it.\n  warnings.warn(\n"
WARNED = "a.py:3: UserWarning: so it goes\n  warnings.warn(\n"


def warned(*cells):
    return [[{"output_type": "stream", "name": "stderr", "text": text}] if text else [] for text in cells]


def test_a_warning_that_comes_with_the_collector_is_masked():
    assert mask(warned("", LATE, WARNED)) == mask(warned("", "", LATE + WARNED)) == mask(warned("", "", WARNED))


def test_a_library_warns_once_in_a_process():
    assert mask(warned(WARNED, WARNED)) == mask(warned(WARNED, "")) != mask(warned("", WARNED))


def test_which_call_is_marked_in_a_traceback():
    def raised(line, value="no"):
        return (
            {"output_type": "error", "ename": "ValueError", "evalue": value, "traceback": [f"\x1b[31mValueError\x1b[39m: {value}", line]},
        )

    marked, bare = raised("return \x1b[30;43mf\x1b[39;49m\x1b[30;43m(\x1b[39;49mx)"), raised("\x1b[38;5;28mreturn\x1b[39m f(x)")
    assert mask((marked,)) == mask((bare,)) != mask((raised("return g(x)"),))
    assert mask((marked,)) != mask((raised("return f(x)", "yes"),))
