"""The ssh backend keeps every promise, against a real sshd: one host, and pools of two with and without a file system in common."""

import pytest

from nbcompile.testing import BackendSuite, PlaceUnderTest
from tests.services import sshd
from tests.services.logins import open_ssh

pytestmark = pytest.mark.ssh


class TestOneHost(BackendSuite):
    @pytest.fixture
    def place(self, ssh_hosts, calm):
        return PlaceUnderTest(lambda run: open_ssh(run, sshd.HOST1))


@pytest.mark.full
class TestPoolThatSharesFiles(BackendSuite):
    @pytest.fixture
    def place(self, ssh_hosts, calm):
        return PlaceUnderTest(lambda run: open_ssh(run, sshd.HOST1, sshd.HOST2))


@pytest.mark.full
class TestPoolThatSharesNothing(BackendSuite):
    @pytest.fixture
    def place(self, ssh_hosts, calm):
        return PlaceUnderTest(lambda run: open_ssh(run, sshd.HOST1, sshd.ISLAND))
