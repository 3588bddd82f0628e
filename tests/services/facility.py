"""Everything up, everything down."""

from __future__ import annotations

import hashlib
import time
from pathlib import Path

from tests.services import daemons, ground, modules, packages, slurm, sshd
from tests.services.ground import ROOT, ServiceError, Visit

_KEEP = ROOT / "keep"
_VERSION = ROOT / "version"
_PATIENCE_SECONDS = 900


def up(*, with_slurm: bool, keep: bool = False) -> Visit:
    """Start the ssh hosts, and Slurm where asked; what runs already stays. `keep` leaves them up after the tests."""
    ground.require_root()
    until = time.monotonic() + _PATIENCE_SECONDS
    while True:
        with ground.starting():
            if _make_way():
                visit = Visit()
                _start(with_slurm=with_slurm, keep=keep)
                return visit
        if time.monotonic() > until:
            raise ServiceError("somebody else uses services of another version of these scripts")
        time.sleep(1)


def leave(visit: Visit) -> None:
    """End a visit; the last visitor takes the services down, unless somebody asked to keep them."""
    with ground.starting():
        if visit.leave() and not _KEEP.exists():
            _remove()


def down() -> None:
    """End what was started and remove what was written."""
    ground.require_root()
    with ground.starting():
        _remove()


def description() -> str:
    """How to reach what is up."""
    lines = [f"{name} runs" for name in daemons.names() if daemons.running(name)]
    lines += [f"keys: {sshd.KEYS}", f"export SLURM_CONF={slurm.CONF}"]
    lines.append(f"ssh -p 2222 -i {sshd.KEYS}/nbc-alice -o UserKnownHostsFile=/dev/null nbc-alice@{sshd.LOGIN.address}")
    return "\n".join(lines) + "\n"


def _make_way() -> bool:
    """Remove what another version of these scripts, or a machine that died, left. False while somebody uses that."""
    if any(daemons.running(name) for name in daemons.names()) and _VERSION.exists() and _VERSION.read_text() == _version():
        return True
    if not Visit().leave():
        return False
    _remove()
    return True


def _start(*, with_slurm: bool, keep: bool) -> None:
    packages.install(packages.SSH + (packages.SLURM if with_slurm else ()))
    ground.add_people()
    ground.write(_VERSION, _version())
    if keep:
        _KEEP.touch()
    modules.prepare()
    sshd.make_keys()
    for site in (sshd.LOGIN, sshd.HOST1, sshd.HOST2, sshd.OTP):
        sshd.start(site, environment=slurm.ENVIRONMENT)
    sshd.start(sshd.ISLAND, environment={"HOME": str(ground.island_home())})
    if with_slurm:
        slurm.start()


def _remove() -> None:
    if daemons.running("slurmctld"):
        slurm.stop()
    daemons.stop(*daemons.names())
    daemons.end(daemons.strays())
    left = daemons.strays()
    if left:
        raise ServiceError(f"processes {left} do not end")
    sshd.remove_traces()
    ground.remove_people()
    ground.remove_tree(ROOT)


def _version() -> str:
    digest = hashlib.sha256()
    for source in sorted(Path(__file__).parent.glob("*.py")):
        digest.update(source.read_bytes())
    return digest.hexdigest()
