"""The small notebooks of `fixtures/programs`, with a process for every cell: they give what one process gives."""

import shutil
from pathlib import Path

import pytest

from nbcompile.reporting.verification import verification_text
from tests.cell_by_cell import differences

PROGRAMS = sorted((Path(__file__).parents[2] / "fixtures" / "programs").glob("*.py"))


@pytest.mark.slow
@pytest.mark.parametrize("program", PROGRAMS, ids=lambda program: program.stem)
def test_as_in_one_process(lasting_parent, program, tmp_path):
    found = differences(Path(shutil.copy(program, tmp_path)))
    assert found.failed < 0, found.runs[0].problem
    assert found.differences == (), verification_text(found)
