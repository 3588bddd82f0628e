"""What places lack is found before anything is submitted, and so are values that could not be read where they go."""

from contextlib import nullcontext
from dataclasses import asdict

import nbformat
import pytest

from nbcompile import api
from nbcompile.api.places import inquire
from nbcompile.model.errors import NotebookError, UsageError
from nbcompile.model.plan import Granularity
from nbcompile.model.settings import Settings
from nbcompile.model.software import Site, Software

HERE = Software(python="3.11.7", executable="/here/python", versions={"numpy": "2.1.0", "pandas": "2.2.0", "some-lib": "1.5"})
ORIGINS = {"numpy": "numpy", "pandas": "pandas", "somelib": "some-lib"}


@pytest.fixture
def findings(tmp_path):
    """What is found for a notebook of these cells, given what sites have; what they were asked is kept."""

    def find(sites, *cells):
        notebook = nbformat.v4.new_notebook(
            cells=[nbformat.v4.new_code_cell(source) for source in cells], metadata=getattr(find, "metadata", {})
        )
        path = tmp_path / "notebook.ipynb"
        nbformat.write(notebook, path)

        program = api.analyze(path)
        settings = api.in_project(Settings(granularity=Granularity.CELL), program)
        inquiry = inquire(program, api.plan(program, settings), settings, "notebook.ipynb")
        find.asked = inquiry.questions
        return inquiry.judge({site: sites[site.deployment] for site in find.asked})

    return find


def there(**changes):
    known = {"python": "3.11.2", "executable": "/there/python", "versions": HERE.versions, "origins": ORIGINS}
    return Software(**{**known, **changes})


def codes(found):
    return [one.rule.code for one in found]


FRAME = "import pandas as pd\ndf = pd.DataFrame({'x': [1, 2]})"
SUM = "# nbc: target=hpc\ntotal = df.x.sum()"


def test_places_that_agree_have_no_findings(findings):
    assert findings({"local": HERE, "hpc": there()}, FRAME, SUM) == ()


def test_another_python_minor_is_an_error_with_both_versions(findings):
    (found,) = findings({"local": HERE, "hpc": there(python="3.9.18")}, FRAME, SUM)
    assert found.rule.code == "NB323"
    assert "`df` goes from this machine to `hpc`" in found.message
    assert "3.11.7 and 3.9.18" in found.message
    assert found.place.cell_index == 0


@pytest.mark.parametrize(
    ("versions", "words"),
    [
        ({**HERE.versions, "pandas": "1.5.3"}, "pandas 2.2.0 and pandas 1.5.3"),
        ({"numpy": "2.0"}, "pandas 2.2.0 and no pandas"),
        ({**HERE.versions, "numpy": "1.26"}, "numpy 2.1.0 and numpy 1.26"),
    ],
)
def test_another_major_of_what_the_value_is_made_of_is_an_error(findings, versions, words):
    (found,) = findings({"local": HERE, "hpc": there(versions=versions)}, FRAME, SUM)
    assert (found.rule.code, words in found.message) == ("NB324", True)


def test_a_value_of_unknown_type_may_come_from_any_library_of_its_cell(findings):
    """The distribution may be called otherwise than the module."""
    cells = ("from somelib import make\nmodel = make()", "# nbc: target=hpc\nprint(model)")
    other = {**HERE.versions, "some-lib": "2.0"}
    sites = {"local": there(python="3.11.7"), "hpc": there(versions=other)}
    assert codes(findings(sites, *cells)) == ["NB324"]
    assert findings(sites, f"# nbc: allow=NB324\n{cells[0]}", cells[1]) == ()
    assert findings({"local": there(), "hpc": there(versions={})}, *cells) == ()


def test_other_libraries_and_plain_values_may_differ(findings):
    cells = ("import pandas as pd\nrows = [1, 2]", "# nbc: target=hpc\nprint(rows)")
    assert findings({"local": HERE, "hpc": there(versions={})}, *cells) == ()


def test_values_that_stay_at_their_place_are_not_compared(findings):
    cells = ("x = 1", "# nbc: target=hpc\nimport pandas as pd\ndf = pd.DataFrame()", "# nbc: target=hpc\nprint(df)")
    assert findings({"local": HERE, "hpc": there(python="3.9.1")}, *cells) == ()


def test_what_cells_import_and_start_there_must_be_there(findings):
    lacking = there(missing=("scanpy", "IPython"), absent=("samtools",))
    cells = ("import scanpy", "# nbc: target=hpc\nscanpy.read('x')\n!samtools view", "# nbc: target=hpc allow=NB322\n!samtools index")
    found = findings({"local": HERE, "hpc": lacking}, *cells)
    assert [(one.rule.code, one.place.cell_index) for one in found] == [("NB321", -1), ("NB321", 0), ("NB322", 1)]
    assert "`hpc` has no module `scanpy`" in found[1].message
    assert "`hpc` has no program `samtools`, which cell 1 of the step `" in found[2].message
    assert "/there/python" in found[1].help
    assert findings.asked[Site("hpc")].programs == ("samtools",)


def test_a_python_that_was_asked_for_must_be_there(findings, tmp_path):
    (tmp_path / "nbcompile.yml").write_text("environment: {python: '3.11'}\n")
    cell = "# nbc: target=hpc\nprint(1)"
    assert findings({"hpc": there()}, cell) == ()
    (found,) = findings({"hpc": there(python="3.12.1")}, cell)
    assert (found.rule.code, found.message) == ("NB325", "Python 3.11 is asked for, and `hpc` has 3.12.1")


def test_another_python_than_last_time_is_worth_knowing(findings):
    findings.metadata = {"language_info": {"name": "python", "version": "3.10.4"}}
    (found,) = findings({"hpc": there()}, "# nbc: target=hpc\nprint(1)")
    assert (found.rule.code, "3.10.4" in found.message, "3.11.2" in found.message) == ("NB306", True, True)


def test_modules_beside_the_notebook_travel_with_it(findings, tmp_path):
    (tmp_path / "mine.py").touch()
    findings({"local": HERE, "hpc": there()}, "# nbc: target=hpc\nimport mine, numpy")
    assert findings.asked[Site("hpc")].modules == ("IPython", "numpy")


class Reached:
    """The process that reaches places, which have this software."""

    def __init__(self, sites):
        self.sites = sites

    def visit(self, run, questions):
        found = [[site.deployment, site.environment, asdict(self.sites[site.deployment])] for site in questions]
        return {"nodes": {}, "found": found}


@pytest.mark.parametrize(
    ("sites", "limit", "error", "words"),
    [
        ({"hpc": there(absent=("samtools",))}, 2**30, NotebookError, "NB322 `hpc` has no program `samtools`"),
        ({"hpc": there()}, 4, UsageError, "`data.txt`, which goes from this machine to `hpc`"),
    ],
)
def test_a_run_that_could_not_end_well_does_not_start(findings, tmp_path, monkeypatch, sites, limit, error, words):
    (tmp_path / "data.txt").write_text("12345")
    cells = ("# nbc: target=hpc\nprint(open('data.txt').read())", "# nbc: target=hpc\nimport subprocess\nsubprocess.run(['samtools'])")
    findings({"local": HERE, "hpc": there()}, *cells[: 2 if limit > 4 else 1])
    monkeypatch.setattr("nbcompile.api.placed.look_at_this_machine", lambda *_: {Site("local"): HERE})
    monkeypatch.setattr("nbcompile.api.runs.reaching", lambda _: nullcontext(Reached(sites)))
    with pytest.raises(error, match=words):
        api.run(tmp_path / "notebook.ipynb", Settings(max_transfer=limit), output=tmp_path / "run")
    assert not (tmp_path / "run").exists()
