"""Which signals a run notes."""

import os
import signal

import pytest

from nbcompile.engines.signals import SignalWatch


@pytest.mark.parametrize(("handler", "caught"), [(signal.SIG_DFL, [signal.SIGHUP]), (signal.SIG_IGN, [])])
def test_a_run_that_was_started_by_nohup_is_not_hung_up(handler, caught):
    before = signal.signal(signal.SIGHUP, handler)
    try:
        with SignalWatch() as signals:
            os.kill(os.getpid(), signal.SIGHUP)
            assert signals.caught == caught
        assert signal.getsignal(signal.SIGHUP) is handler
    finally:
        signal.signal(signal.SIGHUP, before)
