"""Arrow itself is not installed here: what pandas keeps texts in is played by classes that say the same of themselves."""

import sys
import types

import pytest

from nbcompile.runtime.arrow import with_own_memory
from nbcompile.runtime.own_paths import OwnPaths

REDUCED = (len, ())


class Array:
    offset = 0

    def __init__(self, buffers, null_count=0, num_fields=0):
        self._buffers, self.null_count = buffers, null_count
        self.type = types.SimpleNamespace(num_fields=num_fields)

    def __len__(self):
        return 3

    def buffers(self):
        return self._buffers

    @staticmethod
    def from_buffers(*parts):
        return parts


@pytest.fixture(autouse=True)
def arrow(monkeypatch):
    made = types.ModuleType("pyarrow")
    made.Array, made.DictionaryArray, made.ExtensionArray = Array, type("D", (), {}), type("E", (), {})
    monkeypatch.setitem(sys.modules, "pyarrow", made)


def test_what_says_which_values_are_there_travels_once_all_are():
    value = Array([b"\x07", b"abc"])
    assert with_own_memory(value, Array, OwnPaths(), REDUCED) == (Array.from_buffers, (value.type, 3, [b"\x07", b"abc"], -1, 0))


@pytest.mark.parametrize("value", [Array([None, b"abc"]), Array([b"\x03", b"abc"], null_count=1), Array([b"\x07"], num_fields=1)])
def test_what_a_pickle_keeps_is_left_to_it(value):
    assert with_own_memory(value, Array, OwnPaths(), REDUCED) is REDUCED


def test_a_column_of_pandas_keeps_its_parts():
    column = type("ArrowColumn", (), {"__module__": "pandas.arrays"})
    value, parts = column(), [Array([b"\x07"]), Array([b"\x03"])]
    value._pa_array = types.SimpleNamespace(chunks=parts)
    made = with_own_memory(value, column, OwnPaths(), (column, (), {"_pa_array": "joined", "_dtype": "str"}))
    assert made == (column, (), {"_pa_array": parts, "_dtype": "str"})
    assert with_own_memory(value, column, OwnPaths(), REDUCED) is REDUCED
