"""Work that goes deep is done once more where there is room for it, as if nobody else did it."""

import contextvars
import pickle
import sys
import threading

import pytest

from nbcompile.runtime.recursion import as_deep_as_needed, is_deep, is_its_own, works_beside


def chain(length):
    first = node = []
    for _ in range(length):
        node.append([])
        node = node[0]
    return first


def test_a_long_chain_is_followed():
    limit, size = sys.getrecursionlimit(), threading.stack_size()
    nodes = chain(5000)
    with pytest.raises(RecursionError):
        pickle.dumps(nodes)
    assert as_deep_as_needed(lambda: len(pickle.dumps(nodes))) > 5000
    assert (sys.getrecursionlimit(), threading.stack_size(), is_deep()) == (limit, size, False)


def test_where_the_notebook_lets_calls_go_deep_the_stack_has_room_at_once():
    limit = sys.getrecursionlimit()
    try:
        sys.setrecursionlimit(10**6)
        assert as_deep_as_needed(is_deep)
        assert sys.getrecursionlimit() == 10**6
    finally:
        sys.setrecursionlimit(limit)


def test_the_thread_with_room_counts_as_the_one_whose_work_it_does():
    word = contextvars.ContextVar("word")
    word.set("mine")
    seen = []

    def work():
        if not is_deep():
            raise RecursionError
        seen.append((word.get(), works_beside(threading.main_thread().ident)))
        return as_deep_as_needed(lambda: seen)

    assert as_deep_as_needed(work) == [("mine", False)]
    assert not works_beside(threading.main_thread().ident)


def test_what_it_raises_comes_back():
    def work():
        if is_deep():
            raise KeyError("no")
        raise RecursionError

    with pytest.raises(KeyError, match="no"):
        as_deep_as_needed(work)


def test_code_that_goes_deep_by_itself_is_told_from_where_it_is_called():
    def endless(count):
        return endless(count + 1)

    def at_the_end():
        raise RecursionError

    for call, expected in ((lambda: endless(0), True), (at_the_end, False)):
        with pytest.raises(RecursionError) as told:
            call()
        assert is_its_own(told.value) is expected
