"""The reference backend keeps every promise; so does this machine behind the agent."""

import pytest

from nbcompile.backend import Lease, Opening
from nbcompile.testing import BackendSuite, PlaceUnderTest, ReferenceBackend
from nbcompile.testing.reference import ReferenceSettings
from nbcompile_backends.agent import AgentSession, Host, local_pipe


async def nothing(*_):
    return ()


NO_LEASE = Lease("here", nothing, nothing)


@pytest.mark.slow
class TestReference(BackendSuite):
    @pytest.fixture
    def place(self, tmp_path):
        async def open_session(run):
            return await ReferenceBackend().open(
                Opening(deployment="here", run=run, settings=ReferenceSettings(str(tmp_path / "root")), lease=NO_LEASE)
            )

        return PlaceUnderTest(open_session)


@pytest.mark.slow
class TestAgent(BackendSuite):
    @pytest.fixture
    def place(self, tmp_path):
        async def open_session(run):
            host = Host("here", local_pipe, str(tmp_path / "root"), run, "here", lambda event: None)
            session = AgentSession("here", run, [host])
            await session.open()
            return session

        return PlaceUnderTest(open_session)
