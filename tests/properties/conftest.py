"""A warm parent that all runs of these tests share."""

import os
import sys

import pytest

from nbcompile.emitters.join import join_runtime
from nbcompile.engines.local import run as local_run
from nbcompile.engines.local.workers import WarmParent


class LastingParent(WarmParent):
    """A warm parent that outlives the runs that borrow it."""

    waker = None

    def wake_on(self, descriptor):
        if self.waker is not None:
            self._selector.unregister(self.waker)
        self.waker = descriptor
        super().wake_on(descriptor)

    def close(self):
        pass

    def end_at_last(self):
        super().close()


@pytest.fixture(scope="session")
def lasting_parent(tmp_path_factory):
    directory = tmp_path_factory.mktemp("parent")
    (directory / "nbcompile_runtime.py").write_text(join_runtime(), "utf-8")
    environ = {**os.environ, "PYTHONHASHSEED": "0"}
    parent = LastingParent(sys.executable, directory / "nbcompile_runtime.py", environ, directory / "log")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(local_run, "WarmParent", lambda *_: parent)
        yield parent
    parent.end_at_last()
