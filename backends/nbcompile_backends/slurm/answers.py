"""What Slurm's commands print -> values. Pure; what is not of the expected form is not believed."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import NamedTuple

from nbcompile.backend import Denied, Fatal, Queue, Retryable
from nbcompile.model.errors import NbcompileError
from nbcompile_backends.agent.plain import plain

NATIVE = re.compile(r"[0-9]+(?:_[0-9]+)?")
_STATE = re.compile(r"[A-Z_]+")
_VERSION = re.compile(r"slurm(?:-wlm)? ([0-9]+)\.([0-9]+)[^\n]*\s*")
_NAME = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.-]*")
_LIMIT = re.compile(r"(?:(\d+)-)?(\d+):(\d\d):(\d\d)|(\d+):(\d\d)")
_GPUS = re.compile(r"gpu:(?:([A-Za-z0-9_.-]+):)?(\d+)")
_SETTING = re.compile(r"^(\w+)\s*= (.*?)\s*$", re.MULTILINE)

_DENIED = (
    "Invalid account",
    "invalid partition",
    "Invalid qos",
    "Access/permission denied",
    "not allowed",
    "not permitted",
    "accounting/QOS policy",
    "Invalid user id",
)
_AWAY = (
    "Unable to contact slurm controller",
    "Socket timed out",
    "Transport endpoint",
    "Connection refused",
    "Zero Bytes were transmitted",
    # It has as many jobs as it takes, or is being started.
    "temporarily unable to accept job",
    "Resource temporarily unavailable",
)
_TOO_MANY = ("submit limit", "MaxSubmit")


class QueueRow(NamedTuple):
    """A job as the controller sees it."""

    native: str
    state: str
    start: float | None
    host: str
    comment: str
    reason: str


class AccountingRow(NamedTuple):
    """A job as accounting, or the controller, has it at the end.

    `forgotten` says that accounting has ended it itself, when a controller came back that did not know it. `start` is the last
    of several, where a controller started again what it had not written down as started; `end` is when somebody ended it, or it did.
    """

    native: str
    state: str
    exit_code: int
    signal: int
    host: str
    seconds: float | None
    start: float | None = None
    forgotten: bool = False
    end: float | None = None


def read_queue(text: str) -> dict[str, QueueRow]:
    """The answer of `squeue`, by job id."""
    found = {}
    for line in text.splitlines():
        fields = line.split("|", 5)
        if len(fields) == 6 and NATIVE.fullmatch(fields[0]) and _STATE.fullmatch(fields[1]):
            native, state, start, host, comment, reason = fields
            found[native] = QueueRow(native, state, _time(start), plain(host, 100), comment, plain(reason, 200))
    return found


def read_accounting(text: str) -> dict[str, AccountingRow]:
    """The answer of `sacct`, by job id; the last of several rows of a job counts. Who cancels a job is named: `CANCELLED by 0`."""
    found = {}
    for line in text.splitlines():
        fields = line.split("|")
        if len(fields) == 7 and NATIVE.fullmatch(fields[0]):
            native, state, code, host, seconds, start, end = fields
            row = _row(native, state, code, host, seconds)
            if row:
                found[native] = row._replace(start=_time(start), end=_time(end), forgotten=state == "CANCELLED")
    return found


def read_job(native: str, text: str) -> AccountingRow | None:
    """The answer of `scontrol show job`."""
    pairs = dict(word.split("=", 1) for word in text.split() if "=" in word)
    return _row(native, pairs.get("JobState", ""), pairs.get("ExitCode", ""), pairs.get("NodeList", ""), "")


def read_version(text: str) -> tuple[int, int]:
    """The version of Slurm, as (23, 2)."""
    found = _VERSION.fullmatch(text)
    if not found:
        raise Fatal(f"`sbatch --version` says {plain(text, 100)!r}, which is not a version of Slurm")
    return int(found[1]), int(found[2])


def read_configuration(text: str) -> Mapping[str, str]:
    """The answer of `scontrol show config`."""
    return dict(_SETTING.findall(text))


def read_partitions(text: str) -> tuple[Queue, ...]:
    """The answer of `sinfo`; a partition whose nodes differ has a line for each kind, of which the largest numbers count."""
    found: dict[str, Queue] = {}
    for line in text.splitlines():
        fields = line.split("|")
        if len(fields) == 6 and _NAME.fullmatch(fields[0].removesuffix("*")):
            one = _partition(*fields)
            before = found.get(one.name)
            found[one.name] = _joined(before, one) if before else one
    return tuple(found.values())


def read_associations(text: str) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """The answer of `sacctmgr show association`: accounts, and qualities of service."""
    rows = [line.split("|") for line in text.splitlines()]
    accounts = dict.fromkeys(row[0] for row in rows if len(row) == 3 and _NAME.fullmatch(row[0]))
    qualities = dict.fromkeys(one for row in rows if len(row) == 3 for one in row[1].split(",") if _NAME.fullmatch(one))
    return tuple(accounts), tuple(qualities)


def read_name(text: str) -> str:
    """An answer that is one name; empty for anything else."""
    found = text.strip()
    return found if _NAME.fullmatch(found) else ""


def unenforced(configuration: Mapping[str, str]) -> tuple[str, ...]:
    """Which limits this Slurm does not hold jobs to, by its configuration."""
    enforced = set(configuration.get("AccountingStorageEnforce", "").split(","))
    said = []
    if not enforced & {"associations", "all", "safe", "limits", "qos"}:
        said.append("Slurm takes jobs for any account, whoever sends them")
    if not enforced & {"limits", "safe", "all"}:
        said.append("Slurm does not apply the limits of accounts")
    if "cgroup" not in configuration.get("TaskPlugin", ""):
        said.append("Slurm does not hold jobs to the memory and the processors that they ask for")
    return tuple(said)


def refusal(code: int, said: str) -> NbcompileError:
    """Why `sbatch` did not take a job."""
    text = plain(said.replace("sbatch: error: ", ""), 400) or f"exit code {code}"
    if is_away(said) or code < 0:  # it was ended for waiting too long
        return Retryable(f"the controller of Slurm does not answer: {text}")
    if any(word.lower() in said.lower() for word in _DENIED):
        fewer = "; where you may submit so many jobs at a time, say so as `slots` of the deployment"
        advice = "see `nbcompile doctor` for the accounts, partitions and limits you have"
        return Denied(f"Slurm does not accept the job: {text}", advice + (fewer if any(word in said for word in _TOO_MANY) else ""))
    return Fatal(f"Slurm does not accept the job: {text}", "see `nbcompile doctor` for what the partitions have")


def is_away(said: str) -> bool:
    """Whether it is the controller, and not the job, that is the problem."""
    return any(word in said for word in _AWAY)


def _row(native: str, state: str, code: str, host: str, seconds: str) -> AccountingRow | None:
    word = state.partition(" ")[0].rstrip("+")
    number, colon, signal = code.partition(":")
    if not _STATE.fullmatch(word) or not colon or not number.isdecimal() or not signal.isdecimal():
        return None
    return AccountingRow(native, word, int(number), int(signal), plain(host, 100), float(seconds) if seconds.isdecimal() else None)


def _time(text: str) -> float | None:
    """Seconds since 1970, as we ask for."""
    return float(text) if text.isdecimal() else None


def _partition(name: str, limit: str, nodes: str, cpus: str, memory: str, gres: str) -> Queue:
    gpus = tuple(":".join(part for part in found if part) for found in _GPUS.findall(gres))
    return Queue(name.removesuffix("*"), name.endswith("*"), _minutes(limit), _number(nodes), _number(cpus), _number(memory), gpus)


def _number(text: str) -> int:
    """`4+` says that some nodes have more."""
    digits = text.rstrip("+")
    return int(digits) if digits.isdecimal() else 0


def _joined(one: Queue, other: Queue) -> Queue:
    return one._replace(
        nodes=one.nodes + other.nodes,
        cpus=max(one.cpus, other.cpus),
        memory_mib=max(one.memory_mib, other.memory_mib),
        gpus=tuple(dict.fromkeys(one.gpus + other.gpus)),
    )


def _minutes(limit: str) -> int | None:
    """`1-00:00:00` or `30:00`; anything else is no limit."""
    found = _LIMIT.fullmatch(limit)
    if not found:
        return None
    days, hours, minutes, _, few, _ = (int(part or 0) for part in found.groups())
    return days * 24 * 60 + hours * 60 + minutes + few
