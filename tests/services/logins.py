"""Sessions on the services, for tests."""

from __future__ import annotations

from nbcompile.backend import AgentIdentity, AuthExpired, Lease, Opening, PrivateKey, RunId, Secret, Session
from nbcompile.backend.plugins import load
from tests.services import slurm, sshd
from tests.services.ground import ROOT


def key_of(person: str, *, certified: bool = True) -> PrivateKey:
    """A person's key, with its certificate or alone."""
    certificate = (sshd.KEYS / f"{person}-cert.pub").read_text() if certified else ""
    return PrivateKey(Secret((sshd.KEYS / person).read_text()), certificate)


def lease_of(*credentials: PrivateKey | AgentIdentity, answer=None) -> Lease:
    """A lease on these credentials. Without `answer`, nobody can be asked."""

    async def give():
        return credentials

    async def nobody(challenge):
        raise AuthExpired(f"{challenge.host} asks, and nobody is there")

    return Lease("tests", give, answer or nobody)


def settings_of(*sites: sshd.Site, person: str = "nbc-alice", **more: object) -> object:
    """The settings of a deployment on these hosts."""
    return load("ssh").Settings(
        **{
            "user": person,
            "hosts": tuple(f"{site.address}:{site.port}" for site in sites),
            "host_keys": tuple(site.host_key for site in sites),
            "work_root": "~/nbcompile",
            **more,
        }
    )


async def open_ssh(
    run: RunId,
    *sites: sshd.Site,
    person: str = "nbc-alice",
    lease: Lease | None = None,
    observe=lambda event: None,
    hops=(),
    **more: object,
) -> Session:
    """Open an ssh deployment on these hosts. Hosts of a pool get work roots of their own where `apart` is asked for."""
    opening = Opening(
        deployment="tests",
        run=run,
        settings=settings_of(*sites, person=person, **more),
        lease=lease or lease_of(key_of(person)),
        hops=hops,
        observe=observe,
    )
    return await load("ssh").open(opening)


async def open_slurm(
    run: RunId, *, site: sshd.Site | None = sshd.LOGIN, person: str = "nbc-alice", observe=lambda event: None, **more: object
) -> Session:
    """Open the Slurm of the services through a login host, or on this machine."""
    via = await open_ssh(run, site, person=person, observe=observe) if site else None
    root = {} if site else {"work_root": str(ROOT / "slurm-root")}
    settings = load("slurm").Settings(**{"conf": str(slurm.CONF), "min_poll_seconds": 1, **root, **more})
    opening = Opening(deployment="tests", run=run, settings=settings, lease=lease_of(), via=via, observe=observe)
    return await load("slurm").open(opening)
