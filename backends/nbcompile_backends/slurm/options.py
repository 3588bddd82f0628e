"""What the owner of a deployment says of a Slurm, and what a job may ask of it."""

from __future__ import annotations

from dataclasses import dataclass

from nbcompile.backend import option

NAME = r"[A-Za-z0-9_][A-Za-z0-9_.-]*"
PATH = r"(?:~|/)[A-Za-z0-9_.+@=,/-]*"


@dataclass(frozen=True, slots=True, kw_only=True)
class SlurmSettings:
    """A cluster, as one sees it from where one submits."""

    work_root: str = option(
        "a directory on a file system that the nodes share; only where Slurm is on this machine", default="", pattern=PATH
    )
    bin: str = option("the directory with `sbatch`, where it is not on the usual path", default="", pattern=PATH)
    conf: str = option("the `slurm.conf` of the cluster, where it is not the usual one", default="", pattern=PATH)
    python: str = option("a Python 3.6 or later on the nodes; as on the login host by default", default="", pattern=r"[A-Za-z0-9_./+-]+")
    gpus_as: str = option("how the site spells GPUs", default="gres", choices=("gres", "gpus-per-node"))
    slots: int = option("how many jobs of a run may be in the queue at a time", default=200, minimum=1)
    min_poll_seconds: int = option("how often the queue may be asked while no job ends, and at most while many do", default=2, minimum=1)
    patience_seconds: int = option("how long to wait for a controller that does not answer", default=3600, minimum=1)


@dataclass(frozen=True, slots=True, kw_only=True)
class SlurmOptions:
    """What a job asks for besides processors, memory, time and GPUs."""

    account: str = option("the account that is charged", default="", pattern=NAME, allow="accounts")
    partition: str = option("the partition, or several with commas", default="", pattern=rf"{NAME}(?:,{NAME})*", allow="partitions")
    qos: str = option("the quality of service", default="", pattern=NAME, allow="qos")
    constraint: str = option("features that the node must have", default="", pattern=r"[A-Za-z0-9_.,&|-]+", allow="constraints")
    gres: str = option("generic resources", default="", pattern=r"[A-Za-z0-9_.:,-]+", allow="gres")
    exclusive: bool = option("whether the job has its node for itself", default=False, allow="options")
