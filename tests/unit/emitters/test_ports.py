"""No two outputs of a step in CWL have one name, whatever variables are called."""

import pytest
import yaml

from nbcompile import api
from nbcompile.model.plan import Granularity
from nbcompile.model.settings import Settings

NAMES = {
    "what a step leaves besides variables": ("files", "outputs", "shown"),
    "signs that ports do not have": ("a_", "a", "a_2", "á", "A"),
}
SCATTERED = '# %% workflow={"step": {"scatter": {"items": ["xs"]}}}'


@pytest.mark.parametrize("names", NAMES.values(), ids=NAMES)
@pytest.mark.parametrize("scatter", ["# %%", SCATTERED], ids=["whole", "scattered"])
def test_every_output_has_a_name_of_its_own(tmp_path, names, scatter):
    path = tmp_path / "n.py"
    maker = "\n".join((scatter, *(f"{name} = [x + 1 for x in xs]" for name in names), names[0]))
    path.write_text(f"# %%\nxs = [1, 2]\n\n{maker}\n\n# %%\nprint({', '.join(names)})\n", "utf-8")
    built = api.build(path, Settings(granularity=Granularity.CELL))
    workflow = yaml.safe_load(next(file.content for file in built.bundle.files if str(file.path) == "workflow.cwl"))
    steps = {step["id"]: step for step in workflow["steps"]}
    for step in steps.values():
        assert len({*step["out"]}) == len(step["out"]) == len(step["run"]["outputs"])
    kinds = {f"{name}/{port['id']}": port["type"] for name, step in steps.items() for port in step["run"]["outputs"]}
    reader = steps[built.plan.steps[2].id]
    brought = {port["id"]: port["source"] for port in reader["in"] if port["id"].startswith("in_")}
    assert len({*brought.values()}) == len(names)
    assert {kinds[source] for source in brought.values()} == {"File"}
