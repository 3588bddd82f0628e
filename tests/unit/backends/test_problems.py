"""Whatever goes wrong at a place, somebody is told what to do next."""

import pytest
from asyncssh import ConnectionLost, HostKeyNotVerifiable, KeyExchangeFailed

from nbcompile.backend import Fatal, Lost, Retryable
from nbcompile_backends.slurm.answers import refusal
from nbcompile_backends.ssh.client import translated
from nbcompile_backends.ssh.options import Address


@pytest.mark.parametrize(
    "problem",
    [
        BrokenPipeError(32, "Broken pipe"),
        TimeoutError(),
        ConnectionLost("lost"),
        HostKeyNotVerifiable("no"),
        KeyExchangeFailed("no"),
        ValueError("odd"),
    ],
)
def test_what_ssh_raises_comes_with_advice(problem):
    assert translated(problem, Address("host", 22)).advice


@pytest.mark.parametrize("said", ["Unable to contact slurm controller", "Invalid account", "Requested node configuration is not available"])
def test_what_slurm_refuses_comes_with_advice(said):
    assert refusal(1, f"sbatch: error: {said}").advice


@pytest.mark.parametrize(
    ("code", "said"),
    [
        (1, "sbatch: error: Slurm temporarily unable to accept job, sleeping and retrying"),
        (1, "sbatch: error: Batch job submission failed: Resource temporarily unavailable"),
        (-9, ""),  # it waited until it was ended
    ],
)
def test_a_controller_that_takes_no_job_now_is_asked_again(code, said):
    assert isinstance(refusal(code, said), Retryable)


def test_whoever_submits_more_than_they_may_is_told_how_to_submit_less():
    said = "Job violates accounting/QOS policy (job submit limit, user's size and/or time limits)"
    assert "`slots`" in refusal(1, f"sbatch: error: {said}").advice
    assert "`slots`" not in refusal(1, "sbatch: error: Invalid account").advice


@pytest.mark.parametrize("kind", [Retryable, Lost, Fatal])
def test_a_problem_of_a_place_has_advice_of_its_kind_and_may_have_better(kind):
    assert kind("no").advice
    assert kind("no", "better").advice == "better"
