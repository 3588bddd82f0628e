"""Pickling and fingerprints leave classes as they were."""

import copy
import copyreg
import pickle

from nbcompile.runtime.fingerprint import fingerprint
from nbcompile.runtime.slot_names import classes_left_alone


def plain_class():
    return type("Door", (), {})


def test_a_fingerprint_notes_nothing_on_a_class():
    kind = plain_class()
    before = dict(vars(kind))
    fingerprint(kind())
    assert dict(vars(kind)) == before


def test_what_a_cell_had_noted_stays():
    kind = plain_class()
    copy.copy(kind())
    before = dict(vars(kind))
    assert before["__slotnames__"] == []
    fingerprint(kind())
    assert dict(vars(kind)) == before


class Slotted:
    __slots__ = ("a", "b")


def test_slots_are_pickled_as_ever():
    one = Slotted()
    one.a = 1
    expected = pickle.dumps(one)
    del Slotted.__slotnames__
    with classes_left_alone():
        with classes_left_alone():
            assert pickle.dumps([one, one]) == pickle.dumps([one, one])
        assert pickle.dumps(one) == expected
    assert "__slotnames__" not in vars(Slotted)
    assert copyreg._slotnames.__module__ == "copyreg"
