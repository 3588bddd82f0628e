"""The reference notebooks, with every cell at a place, give the notebook and the files that a kernel of this machine gives."""

import pytest

from tests.integration.placed import write_deployments
from tests.integration.streamflow_environment import STREAMFLOW
from tests.integration.test_cut_notebooks import compare
from tests.integration.test_fixture_notebooks import NAMES

IN_THE_GATE = ("epidemic", "host1")
# The Python of the hosts has another patch level, whose zipfile writes other versions into the same archive.
ARCHIVES = {"ising": {"ising_lattices.npz"}}
SERVICES = {"host1": ("ssh", "ssh_hosts"), "hpc": ("slurm", "slurm_facility")}


def _case(name, place):
    marks = [getattr(pytest.mark, SERVICES[place][0]), *([] if (name, place) == IN_THE_GATE else [pytest.mark.full])]
    return pytest.param(name, place, marks=marks, id=f"{name}-{place}")


@pytest.mark.parametrize(("name", "place"), [_case(name, place) for place in SERVICES for name in NAMES])
def test_a_placed_notebook_is_that_of_a_kernel(request, calm, tmp_path, monkeypatch, name, place):
    request.getfixturevalue(SERVICES[place][1])
    monkeypatch.setenv("NBCOMPILE_STREAMFLOW", str(STREAMFLOW))
    monkeypatch.setenv("NBCOMPILE_DEPLOYMENTS", str(write_deployments(tmp_path / "deployments.yml")))
    compare(name, tmp_path, "--on", place, unsteady=ARCHIVES.get(name, set()))
