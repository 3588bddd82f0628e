"""Generated notebooks, compiled with a process for every cell, give what a plain run gives, or a finding named the cell before.

All runs share one warm parent, in which no cell runs: every step is a process that is forked from it.
"""

import os
from collections import Counter
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from hypothesis import HealthCheck, event, given, note, settings

from nbcompile.reporting.verification import verification_text
from nbcompile.testing.programs import programs, templates
from tests.cell_by_cell import differences

LONG = settings(max_examples=int(os.environ.get("NBCOMPILE_EXAMPLES", "400")), deadline=None, suppress_health_check=list(HealthCheck))


def compared(program):
    """The account of one process and many."""
    with TemporaryDirectory() as folder:
        path = Path(folder) / "program.py"
        path.write_text(program.percent(), "utf-8")
        return differences(path)


@pytest.mark.full
def test_many_compiled_programs(lasting_parent, record_property):
    seen = Counter()

    @LONG
    @given(program=programs(min_statements=8, max_statements=40))
    def check(program):
        for kind, count in program.kinds.items():
            seen[kind] += count
            event(kind)
        found = compared(program)
        note(program.percent())
        note(verification_text(found))
        assert found.silent == ()

    check()
    record_property("statements", dict(seen))
    print("\n".join(f"{count:6} {kind}" for kind, count in seen.most_common()))  # noqa: T201
    assert set(seen) == {template.kind for template in templates()}
