"""What the names of `__main__` are between the cells of one step."""

from types import SimpleNamespace

from nbcompile.runtime.namespace import Namespace
from tests.unit.runtime.chain import chain_documents, run_documents, texts


class Watched(dict):
    """A namespace that remembers which names went missing, as a thread might see it."""

    def __init__(self, *args):
        super().__init__(*args)
        self.lost = []

    def pop(self, name, *default):
        self.lost.append(name)
        return super().pop(name, *default)


def test_a_name_that_stays_is_never_missing():
    values = Watched()
    namespace = Namespace(
        ["old", "kept", "changed", "new"], SimpleNamespace(namespace=values, bind_history=lambda *_: False, is_result=lambda _: False)
    )
    values.update(old=1, kept=2, changed=3)
    namespace.become({"kept": 2, "changed": 4, "new": 5})
    assert values == {"kept": 2, "changed": 4, "new": 5}
    assert values.lost == ["old"]


def test_a_definition_that_runs_late_finds_no_name_that_was_bound_since(tmp_path):
    documents = chain_documents(["def f(g=len):\n    return g", "len = 5", "print(f()('ab'), len)"])
    first, second = documents[1]["cells"][0], documents[2]["cells"][0]
    cells = [{**first, "needs": [], "replays": []}, {**second, "needs": ["len@1"]}]
    assert texts(run_documents([{**documents[2], "cells": cells}], tmp_path / "chain")) == ["2 5\n"]
