"""What a library is found to remember after a cell."""

import sys
from types import ModuleType

import pytest

from nbcompile.runtime.library_state import changed_state, library_state


@pytest.fixture
def library(monkeypatch):
    found = ModuleType("makers")
    found.__file__ = f"{sys.prefix}/lib/site-packages/makers.py"
    monkeypatch.setitem(sys.modules, "makers", found)
    return found


def state():
    return library_state("makers", lambda name, value: None)


def test_a_class_that_a_function_of_it_has_made(library):
    before = state()
    library.Individual = type("Individual", (), {"__module__": "makers"})
    assert changed_state(before, state()) == "makers.its classes"


def test_a_class_of_another_module_that_it_loads_when_asked(library):
    before = state()
    library.Path = ModuleType
    assert changed_state(before, state()) == ""
