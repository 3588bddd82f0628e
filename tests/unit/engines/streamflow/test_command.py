"""A job's key says what the job computes, and nothing of where StreamFlow keeps things."""

import shlex

import pytest

from nbcompile.backend import Unsupported
from nbcompile.engines.streamflow.command import Manner, job_of
from nbcompile.engines.streamflow.tree import Content, Tree
from nbcompile.model.placement import PlacedStep
from nbcompile.model.plan import Resources, StepId

STEP = PlacedStep(step=StepId("fit"), cells=(1,))
MANNER = Manner(resources=Resources(minutes=3))


def content(name):
    return Content(name.encode().hex().ljust(64, "0"), "0" * 40, len(name))


def job(folder="one", data="x", step=STEP, manner=MANNER, extra=()):
    tree = Tree()
    tree.put(f"/nbcompile/{folder}/1/nbcompile_runtime.py", content("runtime"))
    tree.put(f"/nbcompile/{folder}/2/a b.nbc", content(data))
    tree.put(f"/nbcompile/{folder}/3/load.files", {"x.csv": content("x.csv"), "d": {"y.csv": content("y.csv")}})
    words = [f"/nbcompile/{folder}/{path}" for path in ("1/nbcompile_runtime.py", "2/a b.nbc", "3/load.files")]
    words.insert(1, "step")
    return job_of([shlex.quote(word) for word in ("python3", *words, *extra)], tree, "/nbcompile", step, manner)


def test_paths_become_inputs():
    made = job()
    assert made.argv == ("python3", "../in/1/nbcompile_runtime.py", "step", "../in/3/a b.nbc", "../in/4/load.files", "--events", "1")
    assert [one.name for one in made.inputs] == ["1/nbcompile_runtime.py", "3/a b.nbc", "4/load.files/d/y.csv", "4/load.files/x.csv"]
    assert made.seconds == 180


def test_the_key_is_of_contents():
    assert job("one").key == job("two").key
    assert job(data="x").key != job(data="y").key
    assert job().key != job(extra=["--flag"]).key


def test_the_interpreter_of_the_place_is_no_part_of_the_key():
    elsewhere = job(manner=Manner(python="/opt/python"))
    assert elsewhere.argv[0] == "/opt/python"
    assert elsewhere.key == job().key


def test_a_path_inside_a_word_is_refused():
    with pytest.raises(Unsupported, match="inside a word"):
        job(extra=["--in=/nbcompile/one/x"])


def test_a_word_that_only_looks_like_a_path_of_another_place_is_kept():
    assert "/nbcompiled/x" in job(extra=["/nbcompiled/x"]).argv


def test_only_steps_are_asked_to_tell_what_happens():
    made = job_of(["cp", "a", "b"], Tree(), "/nbcompile", STEP, Manner())
    assert made.argv == ("cp", "a", "b")
