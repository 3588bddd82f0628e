"""Why a signal came, inside a job of Slurm."""

import signal

import pytest

from nbcompile.engines.batch_job import why_terminated

INSIDE = {"SLURM_JOB_ID": "42"}


@pytest.fixture
def says(tmp_path, monkeypatch):
    """Have `squeue` say this of the job's reason, as Slurm 22.05 does."""

    def make(text):
        (tmp_path / "squeue").write_text(f'#!/bin/sh\n[ "$*" = "--noheader --jobs=42 --format=%r" ] && echo "{text}"\n')
        (tmp_path / "squeue").chmod(0o755)
        monkeypatch.setenv("PATH", str(tmp_path))

    return make


@pytest.mark.parametrize(("text", "words"), [("TimeLimit", "has reached its time limit"), ("None", "was told to end"), ("", "told to end")])
def test_the_end_of_a_jobs_time_is_told_from_other_ends(says, text, words):
    says(text)
    assert words in why_terminated(signal.SIGTERM, INSIDE)


def test_without_slurm_it_is_still_a_job_and_outside_of_one_nothing_is_known(tmp_path, monkeypatch):
    monkeypatch.setenv("PATH", str(tmp_path))
    assert why_terminated(signal.SIGTERM, INSIDE) == "the Slurm job 42, in which nbcompile runs, was told to end"
    assert (why_terminated(signal.SIGINT, INSIDE), why_terminated(signal.SIGTERM, {})) == ("", "")
