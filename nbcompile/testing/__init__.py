"""For authors of backends: the promises of the contract as tests, and a backend that keeps them all.

from nbcompile.testing import BackendSuite, PlaceUnderTest

class TestMine(BackendSuite):
    @pytest.fixture
    def place(self):
        return PlaceUnderTest(open_session)
"""

from nbcompile.testing.place import PlaceUnderTest, promise
from nbcompile.testing.reference import ReferenceBackend, ReferenceSession
from nbcompile.testing.suite import BackendSuite

__all__ = ["BackendSuite", "PlaceUnderTest", "ReferenceBackend", "ReferenceSession", "promise"]
