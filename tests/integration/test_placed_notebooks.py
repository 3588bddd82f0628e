"""The reference notebooks, with their cells at places, give the notebook and the files that a kernel of this machine gives."""

import json
import shutil
import zipfile
from itertools import cycle

import pytest

from nbcompile import api
from tests.integration.placed import write_deployments
from tests.integration.streamflow_environment import STREAMFLOW
from tests.integration.test_cut_notebooks import compare
from tests.integration.test_fixture_notebooks import NAMES, NOTEBOOKS

IN_THE_GATE = "epidemic"
HYBRID = ("host1", "hpc", "cluster", "local")
# The Slurm of the tests gives a job 100 MiB unless it asks for more.
MEMORY = "900MiB"


def _cases(gated):
    return [pytest.param(name, marks=[] if name in gated else [pytest.mark.full]) for name in NAMES]


def same_members(one, other):
    """The Python of the hosts has another patch level, whose zipfile writes another version into the head of the same archive."""
    return zipfile.is_zipfile(one) and zipfile.is_zipfile(other) and members(one) == members(other)


def members(path):
    with zipfile.ZipFile(path) as archive:
        return [(entry.filename, entry.date_time, archive.read(entry)) for entry in archive.infolist()]


def spread(name, directory):
    """An nbcompile.yml that places neighbouring steps apart, at all places in turn; steps are those by which the notebook runs here."""
    shutil.copytree(NOTEBOOKS, directory)
    path = directory / f"{name}.ipynb"
    cells = api.analyze(path).notebook.code_cells
    steps = sorted(api.run(path, engine="local", output=directory / "out").steps, key=lambda step: step.cells)
    rules = [
        {"cells": {"ids": [cells[cell].id for cell in step.cells]}, "target": place}
        for step, place in zip(steps, cycle(HYBRID), strict=False)
    ]
    return json.dumps({"version": 1, "placement": {"resources": {"memory": MEMORY}, "rules": rules}})


@pytest.fixture
def deployments(tmp_path, monkeypatch):
    monkeypatch.setenv("NBCOMPILE_STREAMFLOW", str(STREAMFLOW))
    monkeypatch.setenv("NBCOMPILE_DEPLOYMENTS", str(write_deployments(tmp_path / "deployments.yml", slurm_memory=MEMORY)))


@pytest.mark.ssh
@pytest.mark.parametrize("name", _cases([]))
def test_by_ssh(ssh_hosts, calm, deployments, tmp_path, name):
    compare(name, tmp_path, "--on", "host1", alike=same_members)


@pytest.mark.slurm
@pytest.mark.parametrize("name", _cases([]))
@pytest.mark.parametrize("place", ["hpc", "cluster"])
def test_by_slurm(slurm_facility, calm, deployments, tmp_path, name, place):
    compare(name, tmp_path, "--on", place, alike=same_members)


@pytest.mark.slurm
@pytest.mark.parametrize("name", _cases([IN_THE_GATE]))
def test_at_all_places_at_once(slurm_facility, calm, deployments, tmp_path, name):
    compare(name, tmp_path, alike=same_members, project=spread(name, tmp_path / "here"))
