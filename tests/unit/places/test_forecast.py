"""What a run would ask for and move is told before it starts, and too much of it is refused."""

import json

import nbformat
import pytest
from click.testing import CliRunner

from nbcompile import api
from nbcompile.cli import cli
from nbcompile.model.errors import NotebookError, UsageError
from nbcompile.model.plan import Granularity
from nbcompile.model.settings import Settings
from nbcompile.model.sizes import parse_size, size_words

PROJECT = """\
placement:
  rules: [{cells: {tags: [hpc]}, target: hpc, environment: sci, resources: {cpus: 8, memory: 32GiB, time: 90m}}]
files: {resident: {/scratch/cohort: hpc, /scratch/cohort/mine: lab}}
"""
LOAD = ("raw = open('data/reads.csv').read()\nn = 3", ())
TRAIN = ("import pandas as pd\ndf = pd.read_csv('/scratch/cohort/a.csv')\nrows = raw.splitlines()", ("hpc",))
SHOW = ("print(df, rows)", ())


@pytest.fixture
def notebook(tmp_path):
    def make(*cells, size=3000):
        made = [
            nbformat.v4.new_code_cell(source, id=f"cell{number}", metadata={"tags": list(tags)})
            for number, (source, tags) in enumerate(cells)
        ]
        nbformat.write(nbformat.v4.new_notebook(cells=made), tmp_path / "n.ipynb")
        (tmp_path / "nbcompile.yml").write_text(PROJECT)
        (tmp_path / "data").mkdir(exist_ok=True)
        (tmp_path / "data" / "reads.csv").write_bytes(b"x" * size)
        return tmp_path / "n.ipynb"

    return make


def forecast(path, **settings):
    program, chosen = api.analyze(path), Settings(granularity=Granularity.CELL, **settings)
    return api.forecast(program, api.plan(program, chosen), chosen)


def hops(found):
    return {(hop.source, hop.target): {one.name: one.size for one in hop.parcels} for hop in found.hops}


def test_jobs_hops_and_what_stays(notebook):
    found = forecast(notebook(LOAD, TRAIN, SHOW))
    (job,) = [job for job in found.jobs if job.place == "hpc"]
    assert (job.environment, job.resources.memory_mib, job.core_hours) == ("sci", 32768, 12.0)
    # The file goes along: a cell may open what a cell before it names.
    assert hops(found) == {("local", "hpc"): {"data/reads.csv": 3000, "raw": None}, ("hpc", "local"): {"df": None, "rows": None}}
    assert [(path, place) for path, place, _ in found.resident] == [("/scratch/cohort/a.csv", "hpc")]


def test_what_a_deployment_asks_for_is_in_it(notebook, tmp_path, monkeypatch):
    file = tmp_path / "deployments.yml"
    file.write_text(
        "deployments: {cluster: {backend: slurm, via: login, resources: {memory: 2GiB, time: 3h}}, another: {backend: slurm, via: login}}"
    )
    file.chmod(0o600)
    monkeypatch.setenv("NBCOMPILE_DEPLOYMENTS", str(file))
    path = notebook(LOAD, ("y = f()", ()))
    assert {job.core_hours for job in forecast(path, on="cluster").jobs} == {3.0}
    assert {job.resources.memory_mib for job in forecast(path, on="another").jobs} == {None}


def test_a_file_goes_to_a_place_once(notebook):
    read = ("print(open('data/reads.csv').read())", ("hpc",))
    found = forecast(notebook(read, read))
    assert hops(found) == {("local", "hpc"): {"data/reads.csv": 3000}}
    assert len(found.jobs) == 2


def test_what_cells_write_elsewhere_comes_here_and_nobody_knows_how_much(notebook, tmp_path):
    path = notebook(("open('made.csv', 'w').write('x'); open('/scratch/large', 'w').write('x')", ("hpc",)))
    assert hops(forecast(path)) == {("hpc", "local"): {"made.csv": None}}
    text = CliRunner().invoke(cli, ["run", str(path), "--dry-run"]).output
    assert "hpc -> this machine: of a size that nobody knows yet" in text
    assert "held to --max-transfer while the run goes on" in text


def test_values_have_the_size_they_had_in_the_last_run(notebook, tmp_path):
    make, use = "import os\nx = os.urandom(50_000)", "print(len(x))"
    api.run(notebook((make, ()), (use, ())), Settings(granularity=Granularity.CELL), output=tmp_path / "run")
    assert 50_000 < hops(forecast(notebook((make, ()), (use, ("hpc",)))))["local", "hpc"]["x"] < 60_000


def test_more_than_is_allowed_is_refused_with_what_and_where(notebook):
    path = notebook(("print(open('data/reads.csv').read())", ("hpc",)))
    settings = Settings(granularity=Granularity.CELL, max_transfer=2999)
    with pytest.raises(UsageError, match=r"NB326 .*`data/reads.csv`, which goes from this machine to `hpc` for the step") as caught:
        api.check_transfer(forecast(path), settings)
    assert "--max-transfer" in caught.value.advice
    api.check_transfer(forecast(path), Settings(max_transfer=3000))


def test_what_stays_is_read_where_it_is_by_whole_parts_of_its_path(notebook):
    assert forecast(notebook(("open('/scratch/cohort2/a')", ()))).resident == ()
    with pytest.raises(NotebookError, match=r"NB421 `/scratch/cohort/a` stays at `hpc`, and the cell runs at this machine"):
        forecast(notebook(("open('/scratch/cohort/a')", ())))
    with pytest.raises(NotebookError, match=r"stays at `lab`, and the cell runs at `hpc`"):
        forecast(notebook(("open('/scratch/cohort/mine/a')", ("hpc",))))


def test_a_dry_run_says_it_and_runs_nothing(notebook, tmp_path):
    path = notebook(("open('made', 'w').write('x')", ()), TRAIN)
    words = ["run", str(path), "--dry-run", "--granularity", "cell", "-p", "raw", "abc"]
    text = CliRunner().invoke(cli, words)
    assert text.exit_code == 0, text.output
    assert "hpc: 1 step, 12.0 core-hours asked" in text.output
    assert "stays at hpc: /scratch/cohort/a.csv" in text.output
    document = json.loads(CliRunner().invoke(cli, [*words, "--json"]).output)
    assert (document["schema"], document["core_hours"], document["bytes"]) == ("nbcompile/forecast/1", 12.0, 0)
    assert sorted(one.name for one in tmp_path.iterdir()) == ["data", "n.ipynb", "nbcompile.yml"]


def test_a_run_at_a_deployment_that_there_is_none_of_is_no_forecast(notebook):
    with pytest.raises(UsageError, match="there is no deployment called `nosuch`"):
        forecast(notebook(LOAD), on="nosuch")


@pytest.mark.parametrize(
    ("text", "size"),
    [("10GiB", 10 * 2**30), ("10 GB", 10**10), ("1.5k", 1536), ("7", 7), ("2T", 2**41), ("3MB", 3 * 10**6)],
)
def test_sizes_are_read_as_people_write_them(text, size):
    assert parse_size(text) == size


def test_what_is_no_size_is_refused_and_sizes_are_shown():
    with pytest.raises(ValueError, match="not a size"):
        parse_size("many")
    assert [size_words(one) for one in (12, 2048, 3 * 2**30)] == ["12 B", "2.0 KiB", "3.0 GiB"]
