"""What is said of a lock that is not what it would be now."""

import json

import pytest

from nbcompile.emitters.lockfile import check_lock, granularity_of

CURRENT = {
    "schema": "nbcompile/lock/1",
    "nbcompile": "2.0",
    "notebook": "analysis",
    "cells": [{"id": "a", "sha256": "1"}],
    "settings": {"granularity": "auto"},
    "steps": [{"id": "s-a", "cells": ["a"]}],
}


def codes(**changed):
    return [found.rule.code for found in check_lock(json.dumps({**CURRENT, **changed}).encode(), CURRENT)]


def test_a_current_lock_is_fine():
    assert codes() == []


@pytest.mark.parametrize("changed", [{"cells": []}, {"notebook": "other"}, {"settings": {"granularity": "cell"}}, {"steps": []}])
def test_a_change_makes_it_stale(changed):
    assert codes(**changed) == ["NB011"]
    assert codes(**{"steps": CURRENT["steps"], **changed, "nbcompile": "1.0"}) == (["NB012"] if "steps" in changed else ["NB011"])


def test_another_version_alone_asks_to_regenerate():
    assert codes(nbcompile="1.0") == ["NB012"]


@pytest.mark.parametrize("content", [b"", b"[]", b"{}", b"\xff", b'{"schema": "nbcompile/lock/1", "settings": 3}', b"[" * 100_000])
def test_what_is_no_lock_is_stale(content):
    assert granularity_of(content) is None
    assert [found.rule.code for found in check_lock(content, CURRENT)] == ["NB011"]
