"""What makes a step's key another, and what does not."""

import os
import time

import pytest

from nbcompile.engines.file_digests import ABSENT, FileDigests
from nbcompile.engines.keys import StepInput, changed_parts, given_files, imported_modules, step_key, surroundings, without_remarks
from nbcompile.model.graph import Version
from nbcompile.model.plan import Link, Step

PROBE = {"version": "3.11.7", "implementation": "CPython", "platform": "linux-x86_64"}
FLOW = {"needs": ["df@0"], "replays": ["0.1"], "defines": ["b"], "changes": [], "deletes": [], "saves": [], "tags": []}


def document(source="b = f(df)", definition="def f(x):\n    return np.sum(x)", unused="def g(): pass"):
    return {
        "names": ["anything"],
        "sources": {"0": f"import numpy as np\n{definition}\n{unused}"},
        "definitions": [
            {"id": "0.0", "cell": 0, "lines": [1, 1], "binds": ["np"], "uses": []},
            {"id": "0.1", "cell": 0, "lines": [2, 3], "binds": ["f"], "uses": ["np"]},
            {"id": "0.2", "cell": 0, "lines": [4, 4], "binds": ["g"], "uses": []},
        ],
        "cells": [{"index": 1, "id": "c1", "execution_count": 2, "source": source, **FLOW}],
    }


def from_other_step(sha256="aa", definitions=()):
    outputs = {
        "payloads": [{"payload": "s.df", "versions": [{"version": "df@0", "sha256": sha256}, {"version": "other@0", "sha256": sha256}]}]
    }
    return StepInput(Link("s", "t", "s.df", (Version("df", 0),)), outputs, definitions)


def key(doc=None, given=None, environ=(), runtime="runtime", probe=PROBE, variables=(), files=()):
    around = surroundings(probe, runtime, dict(environ), variables)
    return step_key(doc or document(), around, [given or from_other_step()], dict(files))


@pytest.mark.parametrize(
    ("what", "other"),
    [
        ("cell c1", key(document("b = f(df) + 1"))),
        ("definition of f (0.1)", key(document(definition="def f(x):\n    return np.max(x)"))),
        ("definition of g (0.2)", key(given=from_other_step(definitions=("0.2",)))),
        ("input df@0", key(given=from_other_step("bb"))),
        ("file data.csv", key(files={"data.csv": "digest"})),
        ("python", key(probe={**PROBE, "version": "3.12.1"})),
        ("platform", key(probe={**PROBE, "platform": "linux-aarch64"})),
        ("variable OMP_NUM_THREADS", key(environ={"OMP_NUM_THREADS": "1"})),
        ("variable SITE", key(environ={"SITE": "berlin"}, variables=("SITE",))),
        ("step runtime", key(runtime="other")),
    ],
)
def test_everything_a_result_depends_on_changes_the_key(what, other):
    assert other.digest != key().digest
    assert [line.partition(what)[1] for line in changed_parts(key().parts, other.parts)] == [what]


@pytest.mark.parametrize(
    "same",
    [
        key(document("b = f(df)   \n\n")),
        key(document(unused="def g(): return 1")),
        key({**document(), "names": ["anything", "more"]}),
        key(probe={**PROBE, "version": "3.11.9"}),
        key(environ={"SITE": "berlin"}),
    ],
)
def test_nothing_else_does(same):
    assert same.digest == key().digest


@pytest.mark.parametrize(
    ("source", "normal"),
    [
        ("x = 1  \n# why\ny = 2\n\n", "x = 1\n\ny = 2"),
        ("s = '''a  \n# no comment\n'''  ", "s = '''a  \n# no comment\n'''"),
        ("x = 1  # shown by warnings", "x = 1  # shown by warnings"),
        ("%%bash\n# kept  \n", "%%bash\n# kept  \n"),
        ("await f()  ", "await f()"),
    ],
)
def test_only_what_changes_nothing_is_left_out(source, normal):
    assert without_remarks(source) == normal


def test_the_modules_of_a_step_are_those_its_text_imports():
    assert imported_modules(document("import os, json\nfrom sklearn.svm import SVC")) == ("numpy", "os", "json", "sklearn")
    assert imported_modules(document("__import__(name)")) is None


def test_files_and_directories_are_digested_until_they_change(tmp_path):
    digests = FileDigests(tmp_path / "memory")
    (tmp_path / "data").mkdir()
    large = tmp_path / "data" / "large"
    large.write_bytes(b"x" * 2_000_000)
    os.utime(large, (time.time() - 60, time.time() - 60))
    step = Step(id="s", cells=(0,), bindings=(), files_in=("data/", "data/large", "gone.csv"))
    first = given_files(step, tmp_path, digests)
    assert first == given_files(step, tmp_path, FileDigests(tmp_path / "memory"))
    assert (first["gone.csv"], len(list((tmp_path / "memory").iterdir()))) == (ABSENT, 1)
    large.write_bytes(b"y" * 2_000_000)
    second = given_files(step, tmp_path, digests)
    assert [second[path] == first[path] for path in step.files_in] == [False, False, True]
