"""A process that has threads is not forked, unless they know of forks."""

import subprocess
import sys

import pytest

STARTS_A_THREAD = """
import ctypes, threading
from nbcompile.runtime.zygote import _fork_is_safe
named = threading.Event()
def run():
    ctypes.CDLL(None).prctl(15, {name!r}, 0, 0, 0)
    named.set()
    threading.Event().wait()
threading.Thread(target=run, daemon=True).start()
named.wait()
print(_fork_is_safe())
"""


@pytest.mark.parametrize(("name", "said"), [(b"jemalloc_bg_thd", (True, "")), (b"worker", (False, "an import started a thread"))])
def test_threads_that_know_of_forks_do_not_count(name, said):
    done = subprocess.run([sys.executable, "-c", STARTS_A_THREAD.format(name=name)], capture_output=True, text=True, check=True, timeout=60)
    assert done.stdout == f"{said}\n"
