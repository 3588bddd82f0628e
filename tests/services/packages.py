"""Debian packages, installed when a command they bring is missing; no daemon is started by apt."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

from tests.services.ground import ServiceError, run

NEEDED = {
    "openssh-server": "/usr/sbin/sshd",
    "openssh-client": "ssh-keygen",
    "slurmctld": "/usr/sbin/slurmctld",
    "slurmd": "/usr/sbin/slurmd",
    "slurmdbd": "/usr/sbin/slurmdbd",
    "slurm-client": "sbatch",
    "munge": "/usr/sbin/munged",
    "mariadb-server": "/usr/sbin/mariadbd",
    "libpam-oath": "/usr/share/doc/libpam-oath",
    "oathtool": "oathtool",
    "lmod": "/usr/share/lmod/lmod/init/bash",
    "procps": "ps",
}
SSH = ("openssh-server", "openssh-client", "libpam-oath", "oathtool", "lmod", "procps")
SLURM = ("slurmctld", "slurmd", "slurmdbd", "slurm-client", "munge", "mariadb-server")


def install(packages: tuple[str, ...]) -> None:
    """Install what is missing."""
    missing = [package for package in packages if not _is_there(NEEDED[package])]
    if not missing:
        return
    if not shutil.which("apt-get"):
        raise ServiceError(f"needs {', '.join(missing)}, and there is no apt-get here")
    policy = Path("/usr/sbin/policy-rc.d")
    ours = not policy.exists()
    if ours:
        policy.write_text("#!/bin/sh\nexit 101\n")
        policy.chmod(0o755)
    apt = ("apt-get", "-qq", "-y", "-o", "DPkg::Lock::Timeout=300")
    quiet = {"DEBIAN_FRONTEND": "noninteractive"}
    try:
        run(*apt, "update", env=quiet)
        run(*apt, "--no-install-recommends", "install", *missing, env=quiet)
    finally:
        if ours:
            policy.unlink()
    still = [package for package in missing if not _is_there(NEEDED[package])]
    if still:
        raise ServiceError(f"{', '.join(still)} did not install what is needed of it")


def _is_there(what: str) -> bool:
    return os.path.exists(what) if what.startswith("/") else shutil.which(what) is not None  # noqa: PTH110
