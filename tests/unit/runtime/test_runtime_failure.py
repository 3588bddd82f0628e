"""A fault of the step runtime is told as one: with its place, and not as the notebook's."""

from tests.unit.runtime.plain_run import Case, run_step, step_document


def test_a_fault_of_the_runtime_says_where_it_is(tmp_path):
    """What comes after the cell goes back to the first directory; what of `os` it has for that is its own."""
    reach = "import gc\nnames = next(one for one in gc.get_objects() if type(one) is dict and 'StepRun' in one and 'os' in one)"
    document = step_document([Case("a", f"{reach}\nnames['os'].chdir = None", ())])
    done, outputs = run_step(document, tmp_path)
    assert done.returncode == 9, done.stderr
    problem = outputs["problem"]
    assert problem["code"] == "NB595"
    assert problem["message"] == "the step runtime failed: TypeError: 'NoneType' object is not callable"
    assert "nbcompile_runtime.py" in problem["advice"]
