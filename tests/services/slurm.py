"""A Slurm of three nodes with accounting, two tenants, a partition that preempts, and memory limits where the host has cgroups."""

from __future__ import annotations

import contextlib
import os
import pwd
import socket
import subprocess
from pathlib import Path

from tests.services import daemons
from tests.services.ground import PEOPLE, ROOT, ServiceError, directory, run, write

CONF = ROOT / "slurm" / "slurm.conf"
ENVIRONMENT = {"SLURM_CONF": str(CONF)}
NODES = {"n1": "127.0.1.11", "n2": "127.0.1.12", "n3": "127.0.1.13"}
MUNGE = ROOT / "munge" / "run" / "munge.socket"
CTLD_PORT, DBD_PORT, SQL_PORT, NODE_PORT = 17817, 17819, 17306, 17011
_FORGOTTEN = 9
MEMORY_CGROUP = Path("/sys/fs/cgroup/memory/memory.limit_in_bytes")

_SLURM = """\
ClusterName=nbctest
SlurmctldHost={host}(127.0.0.1)
SlurmUser=slurm
SlurmdUser=root
AuthType=auth/munge
AuthInfo=socket={munge}
CredType=cred/munge
MpiDefault=none
ProctrackType=proctrack/{proctrack}
TaskPlugin=task/{task}
JobAcctGatherType=jobacct_gather/linux
JobAcctGatherFrequency=5
SlurmctldPort={ctld_port}
SlurmctldPidFile={root}/run/slurmctld.pid
SlurmdPidFile={root}/run/slurmd-%n.pid
SlurmdSpoolDir={root}/slurm/spool/%n
StateSaveLocation={root}/slurm/state
SlurmdParameters=config_overrides
ReturnToService=2
SlurmctldTimeout=30
SlurmdTimeout=30
MinJobAge=300
KillWait=3
SchedulerType=sched/backfill
SchedulerParameters=sched_interval=5,batch_sched_delay=0,sched_min_interval=0,bf_interval=5,preempt_reorder_count=1
SelectType=select/cons_tres
SelectTypeParameters=CR_Core_Memory
DefMemPerCPU=100
PreemptType=preempt/qos
PreemptMode=CANCEL
PreemptExemptTime=00:00:00
PrivateData=jobs,usage,users,accounts,reservations
AccountingStorageType=accounting_storage/slurmdbd
AccountingStorageHost=127.0.0.1
AccountingStoragePort={dbd_port}
AccountingStoragePass={munge}
AccountingStorageEnforce=associations,limits,qos,safe
AccountingStoreFlags=job_comment,job_script,job_env
{nodes}
PartitionName=cpu Nodes=n1,n2 Default=YES MaxTime=01:00:00 State=UP
PartitionName=long Nodes=n3 MaxTime=24:00:00 State=UP
"""
_SLURMDBD = """\
AuthType=auth/munge
AuthInfo=socket={munge}
DbdHost=localhost
DbdAddr=127.0.0.1
DbdPort={dbd_port}
SlurmUser=slurm
PidFile={root}/slurm/slurmdbd.pid
LogFile={root}/slurm/slurmdbd.log
StorageType=accounting_storage/mysql
StorageHost=127.0.0.1
StoragePort={sql_port}
StorageUser=slurm
StoragePass=nbctest
StorageLoc=slurm_acct_db
PrivateData=accounts,users,usage,jobs
"""
_MARIADB = """\
[mysqld]
user=mysql
datadir={root}/sql/data
socket={root}/sql/mysqld.sock
pid-file={root}/sql/mysqld.pid
bind-address=127.0.0.1
port={sql_port}
skip-name-resolve
innodb_buffer_pool_size=128M
innodb_log_file_size=16M
innodb_lock_wait_timeout=900
innodb_flush_log_at_trx_commit=0
innodb_doublewrite=0
performance_schema=0
"""
_CGROUP = """\
CgroupAutomount=no
ConstrainRAMSpace=yes
ConstrainSwapSpace=no
"""


def start() -> None:
    """Start all daemons, in the order in which they need each other, and wait for three idle nodes."""
    _start_munge()
    _start_database()
    _configure()
    start_accounting()
    _add_accounts()
    start_controller()
    for node in NODES:
        start_node(node)
    daemons.wait_for(lambda: len(idle_nodes()) == len(NODES), "slurmctld has three idle nodes")


def start_accounting() -> None:
    """Start slurmdbd."""
    daemons.start(
        "slurmdbd", "/usr/sbin/slurmdbd", "-D", user="slurm", env=ENVIRONMENT, ready=lambda: _says("sacctmgr", "-n", "show", "cluster")
    )


def start_controller() -> None:
    """Start slurmctld."""
    daemons.start("slurmctld", "/usr/sbin/slurmctld", "-D", user="slurm", env=ENVIRONMENT, ready=lambda: _says("scontrol", "ping"))


def start_node(node: str) -> None:
    """Start the slurmd of one node."""
    daemons.start(f"slurmd-{node}", "/usr/sbin/slurmd", "-D", "-N", node, env=ENVIRONMENT, ready=lambda: True)


def recover() -> None:
    """Go back to where no test sees what another has made a killed controller forget.

    Nothing is left on the nodes of jobs that it does not know, the ids that it gives once more are used up, and all nodes take jobs.
    A node does not run a job with an id that it has had before: it is drained for that, or says nothing, and the job is taken to run.
    """
    daemons.wait_for(lambda: not _steps(), "slurmstepd has nothing more to tell", seconds=120)
    person, account = next(iter(PEOPLE.items()))
    words = ("sbatch", f"--account={account}", f"--array=0-{_FORGOTTEN}", "--no-requeue", "--chdir=/", "--output=/dev/null", "--wrap=:")
    run("runuser", "-u", person, "--", *words, env=ENVIRONMENT)
    daemons.wait_for(lambda: _resumed() and _has_no_job(), "slurmctld has no job", seconds=120)
    daemons.wait_for(lambda: _resumed() and idle_nodes() == set(NODES), "slurmctld has all nodes", seconds=120)


def stop() -> None:
    """End all jobs and all daemons."""
    if daemons.running("slurmctld"):
        subprocess.run(["scancel", "--state=RUNNING"], env={**os.environ, **ENVIRONMENT}, capture_output=True, check=False, timeout=20)
    daemons.stop(*(f"slurmd-{node}" for node in NODES), "slurmctld", hard=True)
    daemons.stop("slurmdbd", "mariadb", "munged", hard=True)


def has_memory_limits() -> bool:
    """Whether jobs over their memory are killed here."""
    return MEMORY_CGROUP.exists() and os.access(MEMORY_CGROUP.parent, os.W_OK)


def sacct(job: str, field: str) -> str:
    """What accounting says of a job."""
    return run("sacct", "-X", "-n", "-P", "-j", job, "-o", field, env=ENVIRONMENT).strip()


def _start_munge() -> None:
    base = directory(ROOT / "munge", owner="munge", mode=0o755)
    directory(MUNGE.parent, owner="munge", mode=0o755)
    key = base / "key"
    if not key.exists():
        key.write_bytes(os.urandom(128))
        entry = pwd.getpwnam("munge")
        os.chown(key, entry.pw_uid, entry.pw_gid)
        key.chmod(0o400)
    files = (
        f"--key-file={key}",
        f"--socket={MUNGE}",
        f"--pid-file={base}/munged.pid",
        f"--seed-file={base}/seed",
        f"--log-file={base}/log",
    )
    daemons.start(
        "munged", "/usr/sbin/munged", "--foreground", "--force", *files, user="munge", ready=lambda: _says("munge", "-n", "-S", str(MUNGE))
    )


def _start_database() -> None:
    base = directory(ROOT / "sql", owner="mysql")
    config = write(base / "my.cnf", _MARIADB.format(root=ROOT, sql_port=SQL_PORT))
    if not (base / "data" / "mysql").is_dir():
        run("mariadb-install-db", f"--defaults-file={config}", "--skip-test-db", "--user=mysql", f"--datadir={base}/data")
    client = ("mariadb", f"--defaults-file={config}", f"--socket={base}/mysqld.sock")
    daemons.start("mariadb", "/usr/sbin/mariadbd", f"--defaults-file={config}", ready=lambda: _says(*client, "-e", "SELECT 1"))
    statements = (
        "CREATE DATABASE IF NOT EXISTS slurm_acct_db;"
        "CREATE USER IF NOT EXISTS 'slurm'@'127.0.0.1' IDENTIFIED BY 'nbctest';"
        "GRANT ALL ON slurm_acct_db.* TO 'slurm'@'127.0.0.1';"
    )
    run(*client, "-e", statements)


def _configure() -> None:
    base = directory(ROOT / "slurm", owner="slurm")
    directory(base / "state", owner="slurm")
    directory(base / "spool")
    host = socket.gethostname().partition(".")[0]
    nodes = "\n".join(
        f"NodeName={node} NodeHostname={host} NodeAddr={address} Port={NODE_PORT + i} CPUs=4 RealMemory=2000 State=UNKNOWN"
        for i, (node, address) in enumerate(NODES.items())
    )
    limits = has_memory_limits()
    text = _SLURM.format(
        root=ROOT,
        host=host,
        munge=MUNGE,
        nodes=nodes,
        ctld_port=CTLD_PORT,
        dbd_port=DBD_PORT,
        proctrack="cgroup" if limits else "linuxproc",
        task="cgroup" if limits else "none",
    )
    write(CONF, text)
    write(base / "slurmdbd.conf", _SLURMDBD.format(root=ROOT, munge=MUNGE, dbd_port=DBD_PORT, sql_port=SQL_PORT), owner="slurm", mode=0o600)
    if limits:
        write(base / "cgroup.conf", _CGROUP)


def _add_accounts() -> None:
    """One account a tenant; the quality of service `urgent` preempts jobs of `scavenge`."""
    if "nbc-bob" in run("sacctmgr", "-n", "-P", "show", "user", "nbc-bob", "format=user", env=ENVIRONMENT):
        return
    words = ["add cluster nbctest", "add qos scavenge PreemptMode=cancel", "add qos urgent Preempt=scavenge Priority=1000"]
    words += [f"add account {account} Organization=tenant-{account[-1]}" for account in dict.fromkeys(PEOPLE.values())]
    words += [f"add user {person} Account={account} DefaultAccount={account}" for person, account in PEOPLE.items()]
    words += [f"modify user {person} set QosLevel+=scavenge,urgent" for person in PEOPLE]
    for command in words:
        run("sacctmgr", "-i", "-Q", *command.split(), env=ENVIRONMENT)


def idle_nodes() -> set[str]:
    """The nodes that take jobs, or have some."""
    return set(run("sinfo", "-h", "-N", "-t", "idle,mix,alloc", "-o", "%N", env=ENVIRONMENT).split())


def _has_no_job() -> bool:
    """Whether the queue is empty; what has its id, and runs on no node, is taken out of it."""
    states = run("squeue", "-h", "-o", "%T", env=ENVIRONMENT).split()
    if states and "PENDING" not in states and not _steps():
        _says("scancel", "--state=RUNNING")
    return not states


def _resumed() -> bool:
    """Have drained nodes take jobs again."""
    for node in dict.fromkeys(run("sinfo", "-h", "-N", "-t", "drain,down", "-o", "%N", env=ENVIRONMENT).split()):
        _says("scontrol", "update", f"nodename={node}", "state=resume")  # one that is well by now says that it is
    return True


def _steps() -> list[str]:
    """The processes that see to jobs on the nodes: their titles have taken the place of their environments."""
    found = []
    for process in Path("/proc").glob("[0-9]*"):
        with contextlib.suppress(OSError):
            if (process / "comm").read_text(errors="replace").strip() == "slurmstepd":
                found.append(process.name)
    return found


def _says(*argv: str) -> bool:
    try:
        run(*argv, env=ENVIRONMENT)
    except ServiceError:
        return False
    return True
