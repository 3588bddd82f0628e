"""The Slurm backend keeps every promise, against a real Slurm: through ssh as a tenant, and on this machine."""

import pytest

from nbcompile.testing import BackendSuite, PlaceUnderTest
from tests.services.logins import open_slurm

pytestmark = pytest.mark.slurm


class TestThroughSsh(BackendSuite):
    @pytest.fixture
    def place(self, slurm_facility, calm):
        return PlaceUnderTest(open_slurm, patience_seconds=90)


@pytest.mark.full
class TestOnThisMachine(BackendSuite):
    @pytest.fixture
    def place(self, slurm_facility, calm):
        return PlaceUnderTest(lambda run: open_slurm(run, site=None), patience_seconds=90)
