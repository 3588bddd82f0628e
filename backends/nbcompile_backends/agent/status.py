"""What an agent says of a job -> JobStatus. Pure; nothing the far side says is taken on trust."""

from __future__ import annotations

import signal
from pathlib import PurePosixPath
from typing import Any

from nbcompile.backend import Cause, Fatal, JobRef, JobState, JobStatus, Output
from nbcompile_backends.agent.plain import plain

_LIMIT = 100_000
_HEXADECIMAL = frozenset("0123456789abcdef")

_BY_CAUSE = {
    "cancelled": (JobState.CANCELLED, Cause.CANCELLED, "cancelled"),
    "lease": (JobState.CANCELLED, Cause.LEASE, "no client asked for it within its lease"),
    "timeout": (JobState.FAILED, Cause.TIMEOUT, "its time limit is over"),
    "environment": (JobState.FAILED, Cause.ENVIRONMENT, "its environment cannot be loaded"),
    "outputs": (JobState.FAILED, Cause.OUTPUTS, "its outputs cannot be kept"),
}


def read_status(ref: JobRef, found: dict[str, Any]) -> JobStatus:
    """The status of a job that the agent's supervisor runs."""
    match found["state"]:
        case "prepared":
            return JobStatus(ref=ref, state=JobState.PENDING, native="prepared")
        case "running":
            return JobStatus(ref=ref, state=JobState.RUNNING, native="running")
        case "ended":
            return _ended(ref, found)
        case _:
            return JobStatus(ref=ref, state=JobState.LOST, cause=Cause.LOST, native=plain(str(found["state"])), reason=_why_lost(found))


def _why_lost(found: dict[str, Any]) -> str:
    if found["state"] != "lost":
        return "there is no such job here"
    if found.get("full"):
        return "how it ended could not be written down: the disk is full; make room there"
    return "its supervisor was killed, or the host restarted"


def _ended(ref: JobRef, found: dict[str, Any]) -> JobStatus:
    state, cause, reason = _verdict(found)
    error = plain(str(found.get("error") or ""))
    started, ended = found.get("started"), found.get("ended")
    return JobStatus(
        ref=ref,
        state=state,
        cause=cause,
        exit_code=_integer(found.get("code")),
        native="ended",
        reason=error or reason,
        host=plain(str(found.get("host") or "")),
        seconds=float(ended) - float(started) if started is not None and ended is not None else None,
        cpu_seconds=float(found["cpu_seconds"]) if "cpu_seconds" in found else None,
        peak_memory_mib=float(found["peak_kib"]) / 1024 if "peak_kib" in found else None,
        outputs=read_outputs(found.get("outputs") or []),
    )


def _verdict(found: dict[str, Any]) -> tuple[JobState, Cause, str]:
    if found.get("cause") in _BY_CAUSE:
        return _BY_CAUSE[found["cause"]]
    number, code = _integer(found.get("signal")), _integer(found.get("code"))
    if number is not None:
        name = signal.Signals(number).name if number in signal.Signals._value2member_map_ else f"signal {number}"
        return JobState.FAILED, Cause.SIGNAL, f"killed by {name}" + (", perhaps because memory ran out" if number == signal.SIGKILL else "")
    if code == 0:
        return JobState.FINISHED, Cause.NONE, ""
    return JobState.FAILED, Cause.EXIT, f"exit code {code}"


def read_outputs(found: list[dict[str, Any]]) -> tuple[Output, ...]:
    """The files a job wrote; raises `Fatal` for a list that a sane agent would not send."""
    if len(found) > _LIMIT:
        raise Fatal(f"a job left {len(found)} files, and no more than {_LIMIT} are taken")
    return tuple(_output(one) for one in found)


def _output(one: dict[str, Any]) -> Output:
    output = Output(str(one["path"]), int(one["size"]), str(one["sha256"]), str(one["sha1"]), bool(one.get("executable")))
    parts = PurePosixPath(output.path).parts
    sane = output.path and not output.path.startswith("/") and ".." not in parts and "\0" not in output.path and output.size >= 0
    if not sane or not _is_digest(output.sha256, 64) or not _is_digest(output.sha1, 40):
        raise Fatal(f"a job's list of outputs holds {plain(output.path, 100)!r}, which cannot be")
    return output


def _is_digest(text: str, length: int) -> bool:
    return len(text) == length and set(text) <= _HEXADECIMAL


def _integer(value: object) -> int | None:
    return value if isinstance(value, int) and not isinstance(value, bool) else None
