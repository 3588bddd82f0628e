"""What counts as set in a library by somebody else."""

import sys
import time
from datetime import datetime
from types import ModuleType

from nbcompile.runtime.patches import looks_of, parts_of, patched


def watched():
    return parts_of("time", looks_of(["time.sleep(1)"], [time]))


def test_the_time_zone_that_is_read_again_with_a_date_is_not_set():
    before = watched()
    datetime.strptime("2020", "%Y")
    time.tzset()
    assert patched(before) == ""


def test_a_function_of_the_notebook_is_set(monkeypatch):
    before = watched()
    monkeypatch.setattr(time, "sleep", lambda seconds: None)
    assert patched(before) == "time.sleep"


def test_nobody_holds_the_values_that_are_looked_at():
    value = object()
    before = sys.getrefcount(value)
    looks = looks_of(["value"], [value, time])
    assert sys.getrefcount(value) == before
    assert (looks.kinds, looks.modules) == ({object, ModuleType}, ("time",))
