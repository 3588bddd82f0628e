"""Cells show under the step runtime what they show under nbclient and ipykernel."""

import nbformat
import pytest

from nbcompile.verify.masking import mask, mask_directories
from tests.unit.runtime.plain_run import CATALOGUE, executed, read_catalogue, run_plain, run_step, step_document

QUICK = ("display",)
GROUPS = sorted(path.stem for path in CATALOGUE.glob("*.ipy"))


def shown(notebook, directory):
    outputs = tuple(tuple(cell["outputs"]) for cell in notebook["cells"])
    # Counts are given to a step, so they have to be right, too.
    return mask(mask_directories(outputs, (str(directory),)), without=["execution-count"])


@pytest.mark.parametrize("group", [group if group in QUICK else pytest.param(group, marks=pytest.mark.slow) for group in GROUPS])
def test_cells_show_what_a_kernel_shows(group, tmp_path):
    cases = read_catalogue(CATALOGUE / f"{group}.ipy")
    plain = shown(run_plain(cases, tmp_path / "plain"), tmp_path / "plain")
    done, outputs = run_step(step_document(cases), tmp_path / "ours")
    assert (done.returncode, len(outputs["cells"])) == (0, len(cases)), done.stderr
    notebook = executed(cases, tmp_path / "ours")
    nbformat.validate(notebook)
    ours = shown(notebook, (tmp_path / "ours" / "step.outputs.json.work").joinpath("above", "above", "above", "cells"))
    for case, expected, found in zip(cases, plain, ours, strict=True):
        assert found == expected, case.name


def test_the_catalogue_is_large():
    names = [(group, case.name) for group in GROUPS for case in read_catalogue(CATALOGUE / f"{group}.ipy")]
    assert len(names) == len(set(names))
    assert len(names) > 400
