"""Fixtures that start the services for a test session. A service that cannot start fails the tests that need it."""

from __future__ import annotations

import fcntl

import pytest

from tests.services import facility, ground, packages


@pytest.fixture(scope="session")
def openssh():
    """The client's programs are installed: quick tests compare with what `ssh-keygen` and `ssh-add` say."""
    try:
        packages.install(("openssh-client",))
    except ground.ServiceError as error:
        pytest.fail(f"there is no ssh client: {error}", pytrace=False)


@pytest.fixture(scope="session")
def ssh_hosts():
    """The ssh hosts of `tests.services.sshd` are up."""
    yield from _visit(with_slurm=False)


@pytest.fixture(scope="session")
def slurm_facility(ssh_hosts):
    """Slurm and the ssh hosts are up."""
    yield from _visit(with_slurm=True)


@pytest.fixture
def calm(request):
    """Held by tests that need the shared services undisturbed; `storm` waits for them."""
    yield from _hold(fcntl.LOCK_SH)


@pytest.fixture
def storm():
    """Held by tests that break the shared services."""
    yield from _hold(fcntl.LOCK_EX)


def _visit(*, with_slurm: bool):
    try:
        visit = facility.up(with_slurm=with_slurm)
    except ground.ServiceError as error:
        pytest.fail(f"the services cannot start: {error}", pytrace=False)
    yield
    facility.leave(visit)


def _hold(kind: int):
    with (ground.LOCKS / "nbcompile-services.weather").open("w") as handle:
        fcntl.flock(handle, kind)
        yield
