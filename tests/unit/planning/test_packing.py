"""Which payloads a notebook's own code packs, and who is sent them."""

import json

import pytest

from nbcompile import api
from nbcompile.model.plan import Granularity
from nbcompile.model.settings import Settings

CODE = {name: {"predump": f"y = ['{name}', x]", "postload": f"y = x[1]  # {name}"} for name in ("out", "in", "other")}


@pytest.fixture
def plan(tmp_path, monkeypatch):
    """The plan of a notebook whose cells declare these ports."""
    allowed = tmp_path / "deployments.yml"
    allowed.write_text(json.dumps({"allow": ["serializers"]}))
    allowed.chmod(0o600)
    monkeypatch.setenv("NBCOMPILE_DEPLOYMENTS", str(allowed))

    def make(*cells):
        code = [
            {
                "cell_type": "code",
                "id": f"c{number}",
                "metadata": {"workflow": {"version": "v1.0", "step": step}} if step is not None else {},
                "source": source,
                "outputs": [],
            }
            for number, (source, step) in enumerate(cells)
        ]
        path = tmp_path / "nb.ipynb"
        path.write_text(json.dumps({"nbformat": 4, "nbformat_minor": 5, "metadata": {}, "cells": code}))
        program = api.analyze(path)
        return api.plan(program, Settings(granularity=Granularity.CELL)), program

    return make


def port(name="m", serializer="in", **more):
    return {"name": name, "serializer": CODE[serializer], **more}


def sent(plan, target):
    """For a step what it is sent, whose code packed it, and how many pieces of code make a value of it."""
    step = plan.steps[target]
    by_id = {payload.id: payload for one in plan.steps for payload in one.payloads}
    unpacks = {one.source: 1 + 2 * (one.inner is not None) for one in step.unpacks}
    return [
        (str(version), (packed := by_id[link.payload].packed) and packed.predump, unpacks.get(link.payload, 0))
        for link in plan.links
        if link.target == step.id and link.payload
        for version in link.versions
    ]


MAKES = ("m = [1]", None)


def test_what_an_input_declares_is_for_its_step_alone(plan):
    made, _ = plan(MAKES, ("print(m)", {"in": [port()]}), ("print(m, 1)", None))
    assert sent(made, 1) == [("m@0", "y = ['in', x]", 1)]
    assert sent(made, 2) == [("m@0", None, 0)]
    assert [len(step.payloads) for step in made.steps] == [2, 0, 0]


def test_what_an_output_declares_is_for_all(plan):
    made, _ = plan(("m = [1]", {"out": [port(serializer="out")]}), ("print(m)", None), ("print(m, 1)", {"in": [port()]}))
    assert sent(made, 1) == [("m@0", "y = ['out', x]", 1)]
    assert sent(made, 2) == [("m@0", "y = ['out', x]", 3)]
    assert len(made.steps[0].payloads) == 1


def test_two_codes_are_two_payloads_and_one_code_is_one(plan):
    steps = [("print(m)", {"in": [port(serializer=name)]}) for name in ("in", "other", "in")]
    made, _ = plan(MAKES, *steps)
    assert [sent(made, number)[0][1] for number in (1, 2, 3)] == ["y = ['in', x]", "y = ['other', x]", "y = ['in', x]"]
    assert len({payload.id for payload in made.steps[0].payloads}) == 2


def test_an_input_of_another_name_is_packed_by_where_it_comes_from(plan):
    made, _ = plan(MAKES, ("print(k)", {"in": [port(name="k", valueFrom="m")]}))
    assert sent(made, 1) == [("m@0", "y = ['in', x]", 1)]


def test_what_cannot_be_sent_keeps_no_cells_together_where_code_packs_it(plan):
    made, _ = plan(("m = open('x', 'w')", None), ("print(m)", {"in": [port()]}))
    assert [step.cells for step in made.steps] == [(0,), (1,)]
    made, _ = plan(("m = open('x', 'w')", None), ("print(m)", {"in": ["m"]}))
    assert [step.cells for step in made.steps] == [(0, 1)]


@pytest.mark.parametrize(
    ("step", "word"),
    [
        ({"scatter": {"items": ["m"]}, "in": [port()]}, "shards"),
        ({"scatter": {"items": ["m"]}, "out": [port(name="n", serializer="out")]}, "shards"),
        ({"in": [port(type="file")]}, "`file`"),
        ({"in": [port(type="env")]}, "`env`"),
    ],
)
def test_a_serializer_that_is_not_used_is_told(plan, step, word):
    made, program = plan(MAKES, ("n = [k for k in m]", step), ("print(n)", None))
    (found,) = [one for one in program.diagnostics if one.rule.code == "NB402"]
    assert word in found.message
    assert not any(payload.packed for one in made.steps for payload in one.payloads)
