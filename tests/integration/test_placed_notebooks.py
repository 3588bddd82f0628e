"""The reference notebooks, with every cell at a place, give the notebook and the files that a kernel of this machine gives."""

import pytest

from tests.integration.placed import write_deployments
from tests.integration.streamflow_environment import STREAMFLOW
from tests.integration.test_cut_notebooks import compare
from tests.integration.test_fixture_notebooks import NAMES

IN_THE_GATE = "epidemic"
# The Python of the hosts has another patch level, whose zipfile writes other versions into the same archive.
ARCHIVES = {"ising": {"ising_lattices.npz"}}


def _case(name):
    return pytest.param(name, marks=[] if name == IN_THE_GATE else [pytest.mark.full])


# The Slurm of the tests gives a job 100 MiB unless it asks for more, and no rule asks for all cells.
@pytest.mark.ssh
@pytest.mark.parametrize("name", map(_case, NAMES))
def test_a_placed_notebook_is_that_of_a_kernel(ssh_hosts, calm, tmp_path, monkeypatch, name):
    monkeypatch.setenv("NBCOMPILE_STREAMFLOW", str(STREAMFLOW))
    monkeypatch.setenv("NBCOMPILE_DEPLOYMENTS", str(write_deployments(tmp_path / "deployments.yml")))
    compare(name, tmp_path, "--on", "host1", unsteady=ARCHIVES.get(name, set()))
