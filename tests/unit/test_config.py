"""nbcompile.yml: errors name the file, the line and the nearest known key."""

from typing import ClassVar

import pytest

from nbcompile import api
from nbcompile.config import add_deployments, load_personal, remove_deployment
from nbcompile.model.errors import UsageError

GOOD = """\
version: 1
environment: {python: "3.11", requirements: requirements.txt}
placement:
  default: local
  rules:
    - {cells: {tags: [gpu]}, target: hpc, environment: scrna, resources: {cpus: 8, memory: 32GiB, gpus: {count: 1, type: a100}, time: 2h}}
    - {cells: {ids: [train]}, target: cluster}
files: {inputs: [data/], outputs: ["figures/*.png"], resident: {/scratch/cohort: hpc}}
secrets: {NCBI_API_KEY: {ref: ncbi, cells: [fetch]}}
notebooks: [{match: "gpu/**", verify: nightly, timeout: 1h, needs: [data/big]}]
retries: {max: 2, on: [lost, preempted]}
"""


def test_a_full_file_is_read(tmp_path):
    (tmp_path / "nbcompile.yml").write_text(GOOD)
    (tmp_path / "deeper").mkdir()
    project = api.project_settings(tmp_path / "deeper")
    assert project.placement.rules[0].resources.gpus.type == "a100"
    assert project.files.resident == {"/scratch/cohort": "hpc"}
    assert project.retries.max == 2


def test_pyproject_holds_it_too(tmp_path):
    (tmp_path / "pyproject.toml").write_text('[tool.nbcompile]\nplacement = {default = "hpc"}\n')
    assert api.project_settings(tmp_path).placement.default == "hpc"


def test_no_file_is_no_settings(tmp_path):
    (tmp_path / ".git").mkdir()
    (tmp_path / "pyproject.toml").write_text("[project]\nname = 'x'\n")
    assert api.project_settings(tmp_path) is None


@pytest.mark.parametrize(
    ("text", "message", "advice"),
    [
        ("version: 2\n", "line 1: version: must be one of 1, not 2", ""),
        ("placment: {}\n", "line 1: placment: is not a known key", "did you mean `placement`?"),
        (
            "placement:\n  rules:\n    - target: x\n      cells: {tag: [a]}\n",
            "line 4: placement.rules[0].cells.tag: is not a known key",
            "did you mean `tags`?",
        ),
        ("placement:\n  rules:\n    - {target: x}\n", "line 3: placement.rules[0]: `cells` is missing", ""),
        (
            "placement: {default: 'x\n\n  y'}\n",
            "line 1: placement.default: 'x\\ny' is not allowed here",
            "the deployment of cells that no rule fits",
        ),
        ("retries: {max: -1}\n", "line 1: retries.max: must be at least 0, not -1", ""),
        ("retries: {max: true}\n", "line 1: retries.max: must be a whole number, not true or false", ""),
        ("version: 1\nversion: 1\n", 'line 2: found duplicate key "version"', "correct the file"),
        ("[1, 2]\n", "line 1: must be a mapping, not a list", ""),
        ("a: [\n", "expected the node content", "correct the file"),
        ("x: !!python/object/apply:os.system [id]\n", "could not determine a constructor", "correct the file"),
    ],
)
def test_errors_say_where_and_what(tmp_path, text, message, advice):
    (tmp_path / "nbcompile.yml").write_text(text)
    with pytest.raises(UsageError) as caught:
        api.project_settings(tmp_path)
    assert message in caught.value.message
    assert caught.value.advice == advice


class TestAPersonsFile:
    LAB: ClassVar = {"backend": "ssh", "host": "lab", "user": "me", "workRoot": "~/x", "credential": {"ref": "lab"}}

    def test_entries_are_added_beside_what_is_there(self, tmp_path):
        path = tmp_path / "new" / "deployments.yml"
        add_deployments(path, {"lab": self.LAB}, {"lab": {"provider": "interactive"}})
        path.write_text("# mine\n" + path.read_text() + "allow: [workdir]  # I trust them\n")
        add_deployments(path, {"hpc": {"backend": "slurm", "via": "lab"}}, {})
        text = path.read_text()
        assert text.startswith("# mine\n")
        assert "# I trust them" in text
        personal = load_personal(path)
        assert (list(personal.deployments), [one.value for one in personal.allow]) == (["lab", "hpc"], ["workdir"])
        assert (path.stat().st_mode & 0o777, path.parent.stat().st_mode & 0o777) == (0o600, 0o700)
        assert list(path.parent.iterdir()) == [path]

    def test_what_cannot_be_read_again_is_not_written(self, tmp_path):
        path = tmp_path / "deployments.yml"
        add_deployments(path, {"lab": self.LAB}, {})
        before = path.read_bytes()
        with pytest.raises(UsageError, match="backend"):
            add_deployments(path, {"bad": {"via": "lab"}}, {})
        assert path.read_bytes() == before
        assert list(tmp_path.iterdir()) == [path]

    def test_a_deployment_goes_with_the_credential_that_nobody_else_uses(self, tmp_path):
        path = tmp_path / "deployments.yml"
        add_deployments(path, {"lab": self.LAB, "lab2": self.LAB, "hpc": {"backend": "slurm", "via": "lab"}}, {"lab": {"provider": "file"}})
        with pytest.raises(UsageError, match="hpc is reached through `lab`"):
            remove_deployment(path, "lab")
        remove_deployment(path, "hpc")
        remove_deployment(path, "lab")
        assert list(load_personal(path).credentials) == ["lab"]
        remove_deployment(path, "lab2")
        assert not load_personal(path).credentials
