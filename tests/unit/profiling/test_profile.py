"""A profile keeps what a run said, counts for the very cells it was made of, and becomes decisions."""

import json
from dataclasses import replace

from nbcompile.api import analyze_bytes, plan
from nbcompile.model.plan import Granularity
from nbcompile.model.profile import MissedFlow
from nbcompile.model.run import CellRecord
from nbcompile.model.settings import Settings
from nbcompile.profiling.decisions import decisions_digest, missed_flows, step_seconds, with_memory
from nbcompile.profiling.profile import make_profile, profile_json, read_profile
from tests.golden.notebooks import notebook_bytes

PROGRAM = analyze_bytes(notebook_bytes("# %%\nx = [1]\n# %%\ny = x.append(2)\n# %%\nprint(x)\n"), "nb")
NOTHING = {"reads": [], "binds": [], "deletes": [], "changes": [], "values": {}, "files": [], "channels": [], "peak_kib": 50 * 1024}


def record(index, seconds=0.1, **trace):
    return CellRecord(index=index, id=f"c{index}", state="ok", seconds=seconds, cpu_seconds=seconds, trace={**NOTHING, **trace})


RECORDS = (
    record(0, binds=["x"], values={"x": {"type": "list", "bytes": 20, "stuck": ""}}),
    record(1, seconds=3.0, reads=["x"], changes=["x"], binds=["y"], peak_kib=3000 * 1024, files=[["read", "a.csv"]]),
    record(2, reads=["x"]),
)
PROFILE = make_profile(PROGRAM.notebook, "3.11.7", RECORDS)


def test_a_profile_comes_back_as_it_was_written():
    assert read_profile(profile_json(PROFILE).encode(), PROGRAM.notebook).value == PROFILE


def test_a_profile_of_other_cells_is_a_finding_and_counts_for_nothing():
    other = analyze_bytes(notebook_bytes("# %%\nx = [2]\n# %%\ny = x.append(2)\n# %%\nprint(x)\n"), "nb").notebook
    for data in (profile_json(PROFILE).encode(), b"{}", b"no JSON", json.dumps({"schema": 1, "cells": [1]}).encode()):
        read = read_profile(data, other)
        assert read.value is None
        assert [found.rule.name for found in read.diagnostics] == ["stale-profile"]


def test_plans_are_made_from_what_was_measured():
    made = plan(replace(PROGRAM, profile=PROFILE), Settings(granularity=Granularity.CELL))
    assert [step.resources.memory_mib for step in made.steps] == [None, 4096, None]
    assert step_seconds(made, PROFILE)[made.steps[1].id] == 3.0
    assert made.profile == decisions_digest(PROFILE)


def test_memory_that_was_declared_stands():
    made = plan(PROGRAM, Settings(granularity=Granularity.CELL))
    declared = replace(made, steps=tuple(replace(s, resources=replace(s.resources, memory_mib=64)) for s in made.steps))
    assert {step.resources.memory_mib for step in with_memory(declared, PROFILE).steps} == {64}


def test_another_run_of_the_same_cells_decides_the_same():
    again = replace(PROFILE, cells=tuple(replace(cell, seconds=cell.seconds * 1.05, cpu_seconds=1.0) for cell in PROFILE.cells))
    slower = replace(PROFILE, cells=tuple(replace(cell, seconds=cell.seconds * 3) for cell in PROFILE.cells))
    assert decisions_digest(again) == decisions_digest(PROFILE) != decisions_digest(slower)


def test_what_flowed_and_is_in_no_edge():
    assert missed_flows(PROFILE, PROGRAM.graph) == ()
    blind = replace(PROGRAM.graph, edges=tuple(edge for edge in PROGRAM.graph.edges if edge.source != 1))
    assert missed_flows(PROFILE, blind) == (MissedFlow(1, 2, "x", True),)


def test_what_a_cell_binds_before_it_reads_came_from_no_other():
    program = analyze_bytes(notebook_bytes("# %%\nx = [1]\n# %%\nx = [2]\nprint(x)\n"), "nb")
    seen = make_profile(program.notebook, "3.11.7", (record(0, binds=["x"]), record(1, reads=["x"], binds=["x"])))
    assert missed_flows(seen, program.graph) == ()


def test_what_takes_long_to_send_is_used_where_it_is():
    program = analyze_bytes(notebook_bytes("# %%\nx = load()\n# %%\na = f(x)\n# %%\nb = g(x)\n# %%\nprint(a, b)\n"), "nb")

    def steps(stored, used=1.0):
        made = {"x": {"type": "dict", "bytes": 20, "stuck": "", "seconds": stored}}
        records = (record(0, 2.0, values=made), record(1, used), record(2, used), record(3, 0.001))
        return [step.cells for step in plan(replace(program, profile=make_profile(program.notebook, "3.11.7", records))).steps]

    assert steps(0.001) == steps(0.2) == steps(2.0, used=20.0) == [(0,), (1,), (2,), (3,)]
    assert steps(2.0) == [(0, 1, 2, 3)]
