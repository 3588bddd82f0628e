"""What of this machine a run uses."""

import os

import pytest

from nbcompile.engines.local.machine import available_cores

ALL = len(os.sched_getaffinity(0))


@pytest.mark.parametrize(
    ("variables", "cores"),
    [
        ({"SLURM_JOB_ID": "7", "SLURM_CPUS_ON_NODE": "1"}, 1),
        ({"SLURM_JOB_ID": "7", "SLURM_CPUS_ON_NODE": "4096"}, ALL),
        ({"SLURM_JOB_ID": "7", "SLURM_CPUS_ON_NODE": "0"}, ALL),
        ({"SLURM_JOB_ID": "7"}, ALL),
        ({"SLURM_CPUS_ON_NODE": "1"}, ALL),
    ],
)
def test_a_job_of_slurm_uses_what_it_was_given_bound_to_it_or_not(monkeypatch, variables, cores):
    for name in ("SLURM_JOB_ID", "SLURM_CPUS_ON_NODE"):
        monkeypatch.delenv(name, raising=False)
    unlimited = available_cores()
    for name, value in variables.items():
        monkeypatch.setenv(name, value)
    assert available_cores() == min(cores, unlimited)
