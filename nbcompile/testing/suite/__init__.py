"""The promises of the contract, one test each. A docstring is the promise."""

from nbcompile.testing.suite.files import Files
from nbcompile.testing.suite.housekeeping import Housekeeping
from nbcompile.testing.suite.lifecycle import Lifecycle
from nbcompile.testing.suite.logs import Logs
from nbcompile.testing.suite.once import Once
from nbcompile.testing.suite.secrecy import Secrecy
from nbcompile.testing.suite.words import Words


class BackendSuite(Lifecycle, Once, Files, Words, Logs, Secrecy, Housekeeping):
    """All promises. A subclass gives the fixture `place`, a `PlaceUnderTest`."""
