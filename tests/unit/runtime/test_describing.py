"""A step says what the variables are that its document asks it to describe."""

from nbcompile.runtime.fingerprint import fingerprint
from tests.unit.runtime.plain_run import Case, run_step, step_document


def test_described_values(tmp_path):
    document = step_document([Case("a", "x = [1, 2]\ny = 3", ()), Case("b", "x.append(3)\ndel y", ())])
    document["names"] = ["x", "y"]
    document["cells"][0]["defines"] = ["x", "y"]
    document["cells"][1].update(needs=["x@0", "y@0"], changes=["x"], deletes=["y"], describes=["x", "y"])
    done, outputs = run_step(document, tmp_path)
    assert done.returncode == 0, done.stderr
    first, second = outputs["cells"]
    assert "values" not in first
    assert list(second["values"]) == ["x"]
    assert second["values"]["x"]["digest"] == fingerprint([1, 2, 3]).digest
