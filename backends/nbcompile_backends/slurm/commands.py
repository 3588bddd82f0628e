"""The commands of Slurm that we run. Pure: words in, words out; nothing is quoted, nothing is run."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import NamedTuple

from nbcompile.backend import Job, RunId
from nbcompile_backends.slurm.options import SlurmOptions, SlurmSettings

# The separator cannot be in any field: ids and states are Slurm's, the comment is ours. The reason is anything, and last.
QUEUE_FORMAT = "%i|%T|%S|%B|%k|%r"
PARTITION_FORMAT = "%P|%l|%D|%c|%m|%G"
ASSOCIATION_FIELDS = "Account,QOS,DefaultQOS"
ACCOUNTING_FIELDS = "JobID,State,ExitCode,NodeList,ElapsedRaw,Start,End"
_SPARE_MINUTES = 1


class Program(NamedTuple):
    """What runs on the node: the constant script, the Python and the agent, all of which are there."""

    script: str
    python: str
    agent: str


class Batch(NamedTuple):
    """Jobs that are submitted together. `listing` is the file with their directories, a line each."""

    run: RunId
    token: str
    jobs: tuple[Job, ...]
    directories: tuple[str, ...]
    listing: str


def job_name(run: RunId) -> str:
    """All jobs of a run have one name, so that one question finds them all."""
    return f"nbc-{run}"


def submit(settings: SlurmSettings, program: Program, batch: Batch, *, nil: bool) -> tuple[str, ...]:
    """The `sbatch` of one job, or of several as an array. `nil` says that this Slurm knows `--export=NIL`."""
    first = batch.jobs[0]
    options = first.options if isinstance(first.options, SlurmOptions) else SlurmOptions()
    many = len(batch.jobs) > 1
    flags = {
        "export": "NIL" if nil else "NONE",
        "job-name": job_name(batch.run),
        "comment": f"{batch.run}:{batch.token}",
        "chdir": "/",
        "input": "/dev/null",
        "output": f"{batch.listing}.%a" if many else f"{batch.directories[0]}/scheduler",
        "open-mode": "append",
        "array": f"0-{len(batch.jobs) - 1}" if many else "",
        "propagate": "NONE",
        "nodes": "1",
        "ntasks": "1",
        **_resources(settings, first, options),
        "account": options.account,
        "partition": options.partition,
        "qos": options.qos,
        "constraint": options.constraint,
    }
    given = tuple(f"--{name}={value}" for name, value in flags.items() if value)
    alone = ("--exclusive",) if options.exclusive else ()
    what = ("array", batch.listing) if many else ("batch", batch.directories[0])
    head = (_command(settings, "sbatch"), "--parsable", "--ignore-pbs", "--no-requeue")
    return (*head, *given, *alone, program.script, program.python, "-IBS", program.agent, *what)


def queue(settings: SlurmSettings, run: RunId, user: str) -> tuple[str, ...]:
    """All jobs of a run that the controller remembers, those that ended included."""
    words = ("--noheader", "--array", "--states=all", f"--user={user}", f"--name={job_name(run)}", f"--format={QUEUE_FORMAT}")
    return (_command(settings, "squeue"), *words)


def accounting(settings: SlurmSettings, run: RunId, natives: Sequence[str]) -> tuple[str, ...]:
    """The last word on these jobs of a run; arrays are asked for as a whole."""
    bases = sorted({native.partition("_")[0] for native in natives}, key=int)
    words = ("--allocations", "--noheader", "--parsable2", f"--format={ACCOUNTING_FIELDS}")
    return (_command(settings, "sacct"), *words, f"--name={job_name(run)}", f"--jobs={','.join(bases)}")


def show(settings: SlurmSettings, native: str) -> tuple[str, ...]:
    """What the controller knows of one job: its exit code, where there is no accounting."""
    return (_command(settings, "scontrol"), "--oneliner", "show", "job", native)


def cancel(settings: SlurmSettings, run: RunId, natives: Sequence[str]) -> tuple[str, ...]:
    """End these jobs, as far as they are of this run."""
    return (_command(settings, "scancel"), "--quiet", f"--name={job_name(run)}", *natives)


def cancel_run(settings: SlurmSettings, run: RunId, user: str) -> tuple[str, ...]:
    """End all jobs of a run."""
    return (_command(settings, "scancel"), "--quiet", f"--user={user}", f"--name={job_name(run)}")


def version(settings: SlurmSettings) -> tuple[str, ...]:
    """Which Slurm this is."""
    return (_command(settings, "sbatch"), "--version")


def configuration(settings: SlurmSettings) -> tuple[str, ...]:
    """How the cluster is set up."""
    return (_command(settings, "scontrol"), "show", "config")


def partitions(settings: SlurmSettings) -> tuple[str, ...]:
    """The partitions that the person may see, and what their nodes have."""
    return (_command(settings, "sinfo"), "--noheader", f"--format={PARTITION_FORMAT}")


def associations(settings: SlurmSettings, user: str) -> tuple[str, ...]:
    """The accounts that the person may charge."""
    words = ("--noheader", "--parsable2", "show", "association", f"user={user}", f"format={ASSOCIATION_FIELDS}")
    return (_command(settings, "sacctmgr"), *words)


def person(settings: SlurmSettings, user: str) -> tuple[str, ...]:
    """The account that is charged when a job names none."""
    return (_command(settings, "sacctmgr"), "--noheader", "--parsable2", "show", "user", user, "format=DefaultAccount")


def variables(settings: SlurmSettings) -> tuple[tuple[str, str], ...]:
    """What these commands find in their environment besides the least: nothing that starts with SLURM or SBATCH but this."""
    # Else they print the local time of wherever they run.
    return (("SLURM_TIME_FORMAT", "%s"), *([("SLURM_CONF", settings.conf)] if settings.conf else []))


def _resources(settings: SlurmSettings, job: Job, options: SlurmOptions) -> dict[str, str]:
    need = job.resources
    gpus = ":".join(["gpu", *([need.gpu_type] if need.gpu_type else []), str(need.gpus)]) if need.gpus else ""
    gres = ",".join(part for part in (options.gres, gpus if settings.gpus_as == "gres" else "") if part)
    seconds = job.seconds or (need.minutes or 0) * 60
    return {
        "cpus-per-task": str(need.cpus or ""),
        "mem": f"{need.memory_mib}M" if need.memory_mib else "",
        # The job's own limit comes first, and says so; the scheduler's is the backstop.
        "time": str(math.ceil(seconds / 60) + _SPARE_MINUTES) if seconds else "",
        "gres": gres,
        "gpus-per-node": gpus.removeprefix("gpu:") if settings.gpus_as == "gpus-per-node" else "",
    }


def _command(settings: SlurmSettings, name: str) -> str:
    return f"{settings.bin.rstrip('/')}/{name}" if settings.bin else name
