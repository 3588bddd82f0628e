"""Where the services live, who may use them, and the lock that keeps two starts apart."""

from __future__ import annotations

import contextlib
import fcntl
import os
import pwd
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

ROOT = Path("/srv/nbcompile-services")
"""Everything is below it. sshd wants each parent directory writable by root alone, so it cannot be below /tmp."""

LOCKS = Path("/run/lock")
MARK = ("NBCOMPILE_SERVICES", str(ROOT))
"""In the environment of everything started, so that what a dead run left can be told from everything else."""

PEOPLE = {"nbc-alice": "acct-a", "nbc-anna": "acct-a", "nbc-bob": "acct-b"}
"""Login names and the Slurm account of their tenant: two people of tenant a, one of tenant b."""


class ServiceError(Exception):
    """A service cannot be started here; the message says why."""


def run(*argv: str | Path, stdin: str = "", env: dict[str, str] | None = None) -> str:
    """Run a command to its end and return what it printed; raises `ServiceError` when it fails."""
    done = subprocess.run(
        [str(word) for word in argv], input=stdin, capture_output=True, text=True, env={**os.environ, **(env or {})}, check=False
    )
    if done.returncode:
        raise ServiceError(f"{' '.join(map(str, argv))} ended with {done.returncode}: {(done.stderr or done.stdout).strip()[-600:]}")
    return done.stdout


def directory(path: Path, *, owner: str = "root", mode: int = 0o755) -> Path:
    """Make a directory with this owner and mode."""
    path.mkdir(parents=True, exist_ok=True)
    entry = pwd.getpwnam(owner)
    os.chown(path, entry.pw_uid, entry.pw_gid)
    path.chmod(mode)
    return path


def write(path: Path, text: str, *, owner: str = "root", mode: int = 0o644) -> Path:
    """Write a file as a whole with this owner and mode."""
    staging = path.with_name(path.name + ".new")
    staging.write_text(text, encoding="utf-8")
    entry = pwd.getpwnam(owner)
    os.chown(staging, entry.pw_uid, entry.pw_gid)
    staging.chmod(mode)
    return staging.replace(path)


def add_people() -> None:
    """The login users, with homes below `ROOT`. `*` and not `!` as password: sshd without PAM refuses locked accounts."""
    directory(ROOT)
    directory(ROOT / "home")
    for name in PEOPLE:
        home = ROOT / "home" / name
        with contextlib.suppress(KeyError):
            if pwd.getpwnam(name).pw_dir == str(home) and home.is_dir():
                continue
            run("userdel", name)
        run("useradd", "--no-log-init", "--create-home", "--home-dir", home, "--shell", "/bin/bash", "--password", "*", name)
        directory(home, owner=name, mode=0o700)


def remove_tree(root: Path) -> None:
    """Remove a directory with all below it; what tests that were killed left mounted there is unmounted first, the newest first."""
    for line in reversed(Path("/proc/self/mountinfo").read_text(errors="surrogateescape").splitlines()):
        mounted = Path(line.split()[4])
        if mounted.is_relative_to(root):
            run("umount", "--lazy", mounted)
    if root.exists():
        shutil.rmtree(root)


def island_home() -> Path:
    """The home of `nbc-alice` on the host that shares no file system with the others."""
    return directory(ROOT / "island", owner="nbc-alice", mode=0o700)


def remove_people() -> None:
    """Take the login users away again."""
    for name in PEOPLE:
        with contextlib.suppress(KeyError):
            pwd.getpwnam(name)
            run("userdel", name)


@contextlib.contextmanager
def starting() -> Iterator[None]:
    """Held while services are started or ended."""
    with (LOCKS / "nbcompile-services.lock").open("w") as handle:
        fcntl.flock(handle, fcntl.LOCK_EX)
        yield


class Visit:
    """Held by each user of the services for as long as it uses them; the last one to leave may switch off the light."""

    def __init__(self) -> None:
        self._handle = (LOCKS / "nbcompile-services.users").open("w")
        fcntl.flock(self._handle, fcntl.LOCK_SH)

    def leave(self) -> bool:
        """End the visit; true when nobody else is left. Call it while `starting` is held."""
        try:
            fcntl.flock(self._handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return False
        finally:
            self._handle.close()
        return True


def require_root() -> None:
    """Only root can run sshd and Slurm for several people."""
    if os.geteuid() != 0:
        raise ServiceError("the services need root: run the tests as root, or leave out `-m 'ssh or slurm'`")
