"""Cells may change modules of the standard library as they like: what the runtime writes stays as it is."""

import pytest

from tests.unit.runtime.plain_run import Case, run_step, step_document

CHANGES = {
    "separators of json": "import json; json.JSONEncoder.item_separator = ';;'; json.JSONEncoder.key_separator = '=='",
    "functions of json": "import json; json.dumps = json.loads = json.dump = json.load = lambda *a, **k: 'nothing'",
    "methods of json": "import json; json.JSONEncoder.encode = json.JSONEncoder.iterencode = lambda self, o, **k: 'nothing'",
    "clocks": "import time; time.time = time.monotonic = time.perf_counter = time.process_time = lambda: 42.0",
    "where it is": "import os; os.getcwd = lambda: '/nowhere'; os.listdir = os.scandir = lambda *a: []",
    "paths": "import os; os.path.exists = lambda p: True; os.path.join = os.path.abspath = os.path.basename = lambda *a: 'x'",
    "files": "import os, shutil; os.replace = os.unlink = os.makedirs = os.fstat = shutil.rmtree = shutil.move = lambda *a, **k: None",
    "open": "import builtins; builtins.open = lambda *a, **k: 1 / 0",
    "builtins": "import builtins; builtins.sorted = builtins.sum = builtins.zip = lambda *a, **k: []",
    "pickle": "import pickle; pickle.DEFAULT_PROTOCOL = 0; pickle.dumps = pickle.Pickler = None",
    "digests": "import hashlib; hashlib.sha256 = hashlib.md5 = hashlib.blake2b = None",
}


@pytest.mark.parametrize("change", CHANGES)
def test_a_changed_library_is_the_notebook_s_own(change, tmp_path):
    cases = [Case("change", CHANGES[change], ()), Case("print", "print('after', {'a': [1]})", ()), Case("show", "[1, 2.5]", ())]
    done, outputs = run_step(step_document(cases), tmp_path)
    assert (done.returncode, done.stderr) == (0, "")
    shown = [[(one.get("text"), one.get("data")) for one in cell["outputs"]] for cell in outputs["cells"]]
    assert shown == [[], [("after {'a': [1]}\n", None)], [(None, {"text/plain": "[1, 2.5]"})]]


def test_a_cell_that_takes_all_memory_says_so(tmp_path):
    limit = "import resource; resource.setrlimit(resource.RLIMIT_AS, (400 << 20, resource.RLIM_INFINITY))"
    fill = "kept = []\nwhile True:\n    kept.append(bytearray(1 << 14))"
    done, outputs = run_step(step_document([Case("limit", limit, ()), Case("fill", fill, ())]), tmp_path)
    assert done.returncode == 3
    assert [one.get("ename") for one in outputs["cells"][1]["outputs"]] == ["MemoryError"]


def test_an_error_that_nobody_was_shown_is_told(tmp_path):
    hidden = "get_ipython().showtraceback = lambda *a, **k: None\n1 / 0"
    done, outputs = run_step(step_document([Case("hidden", hidden, ())]), tmp_path)
    assert done.returncode == 3
    assert outputs["cells"][0]["unshown"] == {"ename": "ZeroDivisionError", "evalue": "division by zero"}


def test_a_cell_that_breaks_the_shell_itself_is_told(tmp_path):
    done, outputs = run_step(step_document([Case("break", "import builtins; builtins.len = lambda value: 42", ())]), tmp_path)
    assert done.returncode == 9
    assert outputs["problem"]["code"] == "NB595"
    assert [cell["index"] for cell in outputs["cells"]] == [0]
