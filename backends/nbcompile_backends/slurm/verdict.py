"""What Slurm says of a job, and what the job wrote down itself -> JobStatus. Pure.

Slurm has the last word on why a job ended before its time; the job's own record has it on everything else. A job is finished
only when both say so.
"""

from __future__ import annotations

from dataclasses import replace

from nbcompile.backend import Cause, JobRef, JobState, JobStatus
from nbcompile_backends.slurm.answers import AccountingRow, QueueRow

WAITING = frozenset({"PENDING", "REQUEUED", "REQUEUE_HOLD", "REQUEUE_FED", "RESV_DEL_HOLD", "SPECIAL_EXIT", "CONFIGURING"})
GOING = frozenset({"RUNNING", "COMPLETING", "SUSPENDED", "STOPPED", "RESIZING", "SIGNALING", "STAGE_OUT"})
_ENDED = {
    "CANCELLED": (JobState.CANCELLED, Cause.CANCELLED, "cancelled in Slurm"),
    "TIMEOUT": (JobState.FAILED, Cause.TIMEOUT, "its time limit in Slurm is over"),
    "DEADLINE": (JobState.FAILED, Cause.TIMEOUT, "its deadline in Slurm is over"),
    "OUT_OF_MEMORY": (JobState.FAILED, Cause.OUT_OF_MEMORY, "it used more memory than it asked for"),
    "NODE_FAIL": (JobState.FAILED, Cause.NODE_FAILURE, "its node failed"),
    "BOOT_FAIL": (JobState.FAILED, Cause.NODE_FAILURE, "its node did not start"),
    "PREEMPTED": (JobState.FAILED, Cause.PREEMPTED, "a job with precedence took its node"),
    "REVOKED": (JobState.CANCELLED, Cause.CANCELLED, "revoked: it runs on another cluster"),
}
ENDED_BY_OTHERS = frozenset({"CANCELLED", "TIMEOUT", "PREEMPTED"})
"""States that have a moment at which somebody decided on the end; what had ended before that moment had ended by itself."""
# Reasons that do not clear by waiting, as `squeue` writes them, and what helps.
NEVER = {
    "PartitionTimeLimit": "ask for less time, or for another partition",
    "PartitionNodeLimit": "ask for fewer nodes, or for another partition",
    "AccountNotAllowed": "ask for another account or partition",
    "QOSNotAllowed": "ask for another QoS",
    "InvalidAccount": "ask for another account",
    "InvalidQOS": "ask for another QoS",
    "BadConstraints": "no node has what is asked for",
    "JobHeldAdmin": "an administrator holds the job; ask them",
    "JobHeldUser": "the job is held; `scontrol release` it",
    "JobHoldMaxRequeue": "it was started again too often",
    "launch_failed_requeued_held": "it cannot be started on its node; tell the administrators",
    "DependencyNeverSatisfied": "what it waits for will not happen",
    "AssocMaxWallDurationPerJobLimit": "ask for less time",
    "AssocMaxCpuPerJobLimit": "ask for fewer processors",
    "AssocMaxMemPerJob": "ask for less memory",
    "AssocMaxNodePerJobLimit": "ask for fewer nodes",
    "AssocMaxGRESPerJob": "ask for fewer GPUs",
    "QOSMaxWallDurationPerJobLimit": "ask for less time",
    "QOSMaxCpuPerJobLimit": "ask for fewer processors",
    "QOSMaxMemoryPerJob": "ask for less memory",
    "QOSMaxNodePerJobLimit": "ask for fewer nodes",
    "QOSMaxGRESPerJob": "ask for fewer GPUs",
    "QOSMinCpuNotSatisfied": "ask for more processors",
}


STARTED_BEFORE = 75
"""The exit code of a job that somebody had started before (agent/far/supervise.py)."""


def live(ref: JobRef, row: QueueRow | None, *, started: bool) -> JobStatus:
    """A job that has not ended. It may have started since Slurm was asked; without a row it was submitted a moment ago."""
    if started and (row is None or row.state in WAITING):
        return JobStatus(ref=ref, state=JobState.RUNNING, native="RUNNING")
    if row is None:
        return JobStatus(ref=ref, state=JobState.PENDING, native="submitted")
    if row.state in WAITING:
        return JobStatus(ref=ref, state=JobState.PENDING, native=row.state, reason=row.reason, start=row.start)
    return JobStatus(ref=ref, state=JobState.RUNNING, native=row.state, host=row.host)


def hopeless(ref: JobRef, row: QueueRow) -> JobStatus | None:
    """A job that waits for something that will not come."""
    help_ = NEVER.get(row.reason.partition(",")[0].strip("()"))
    if row.state != "PENDING" or help_ is None:
        return None
    reason = f"Slurm will not start it: {row.reason}; {help_}"
    return JobStatus(ref=ref, state=JobState.FAILED, cause=Cause.UNSCHEDULABLE, native=row.state, reason=reason)


def is_over(state: str) -> bool:
    """Whether a job in this state will not run on."""
    return state not in WAITING and state not in GOING


def last_word(row: QueueRow, record: JobStatus | None) -> AccountingRow | None:
    """What the queue says of the end of a job whose own record has all the rest.

    Where that record says that all went well, accounting knows more: the exit code, and when somebody ended the job.
    """
    asks = record is None or (record.state is JobState.FINISHED and row.state in ENDED_BY_OTHERS | {"FAILED"})
    if asks or not is_over(row.state):
        return None
    return AccountingRow(row.native, row.state, 0, 0, row.host, None, row.start)


def ended(ref: JobRef, row: AccountingRow, record: JobStatus | None) -> JobStatus:
    """A job that Slurm says has ended. `record` is what it wrote down, if it came to that."""
    base = record or JobStatus(ref=ref, state=JobState.FAILED, cause=Cause.LOST, host=row.host, seconds=row.seconds)
    base = replace(base, native=row.state, host=base.host or row.host)
    if record and record.state is JobState.FINISHED and (row.state == "NODE_FAIL" or row.forgotten):
        return base  # it was done; a controller that was away when it ended takes it for lost with its node, or never heard of it
    if row.state in _ENDED:
        state, cause, reason = _ENDED[row.state]
        if record and record.cause in (Cause.LEASE, Cause.TIMEOUT):
            return base  # it ended itself, and knows better why
        return replace(base, state=state, cause=cause, reason=f"{row.state}: {reason}")
    if row.state == "COMPLETED":
        if record is None:
            return replace(
                base, state=JobState.LOST, reason="Slurm says that it is COMPLETED, and it left no record: is the file system shared?"
            )
        return base
    if record is None and row.exit_code == STARTED_BEFORE:
        return replace(base, state=JobState.LOST, cause=Cause.LOST, reason="Slurm started it twice, and it left no record")
    if record is None or record.state is JobState.FINISHED:
        return replace(base, state=JobState.FAILED, cause=Cause.EXIT, exit_code=row.exit_code or None, reason=_failure(row))
    return base


def _failure(row: AccountingRow) -> str:
    killed = f", killed by signal {row.signal}" if row.signal else ""
    return f"{row.state}: Slurm says that it ended with exit code {row.exit_code}{killed}"
