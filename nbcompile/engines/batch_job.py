"""The batch job that nbcompile itself may run in, and why it ends."""

from __future__ import annotations

import contextlib
import signal
import subprocess
from collections.abc import Mapping

_ASK_SECONDS = 2.0
_OUT_OF_TIME = "TimeLimit"


def why_terminated(number: int, environ: Mapping[str, str]) -> str:
    """What a signal means inside a job of Slurm, which terminates what the job runs before it kills it; nothing elsewhere."""
    job = environ.get("SLURM_JOB_ID", "")
    if number != signal.SIGTERM or not job.isdecimal():
        return ""
    said = ""
    with contextlib.suppress(OSError, subprocess.TimeoutExpired):
        command = ("squeue", "--noheader", f"--jobs={job}", "--format=%r")
        said = subprocess.run(command, capture_output=True, text=True, timeout=_ASK_SECONDS, check=False).stdout.strip()  # noqa: S603
    if said == _OUT_OF_TIME:
        return f"the Slurm job {job}, in which nbcompile runs, has reached its time limit"
    return f"the Slurm job {job}, in which nbcompile runs, was told to end"
