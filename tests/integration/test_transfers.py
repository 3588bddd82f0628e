"""What a run may move between places holds for what only the run makes."""

import json

import pytest

from nbcompile import api
from nbcompile.cli.following import exit_code
from nbcompile.engines.journal import Journal
from nbcompile.model.errors import ExitCode, UsageError
from nbcompile.model.plan import Granularity
from nbcompile.model.settings import Settings
from tests.integration.placed import PERSON, host, shown, write_deployments
from tests.integration.streamflow_environment import STREAMFLOW
from tests.services import science, sshd
from tests.services.ground import ROOT

LIMIT = 1 << 20
VALUE = """\
# %%
# nbc: target=host1
import os
rows = os.urandom(3_000_000)

# %%
# nbc: target=island
print(len(rows))
"""
FILE = """\
# %%
# nbc: target=host1
import os
with open("result.bin", "wb") as file:
    print(file.write(os.urandom(3_000_000)))
"""


@pytest.mark.ssh
@pytest.mark.parametrize(
    ("cells", "words", "failed"),
    [
        pytest.param(VALUE, "(cell 1) at island: NB326 `rows`, 2.9 MiB, would go from `host1` to `island`", (1,), id="value"),
        pytest.param(FILE, "NB326 `result.bin`, 2.9 MiB, would go from `host1` to this machine", (0,), id="file", marks=pytest.mark.full),
    ],
)
def test_what_a_step_makes_is_refused_before_it_leaves_and_allowed_to_a_next_client(
    ssh_hosts, calm, tmp_path, monkeypatch, cells, words, failed
):
    monkeypatch.setenv("NBCOMPILE_STREAMFLOW", str(STREAMFLOW))
    monkeypatch.setenv("NBCOMPILE_DEPLOYMENTS", str(write_deployments(tmp_path / "deployments.yml", island=host(sshd.ISLAND))))
    (tmp_path / "moves.py").write_text(cells, "utf-8")
    settings = Settings(granularity=Granularity.CELL, max_transfer=LIMIT, cached=False)
    before = large_files()
    record = api.run(tmp_path / "moves.py", settings, output=tmp_path / "out")
    (failure,) = record.failures
    assert words in failure.message
    assert (failure.name, failure.code, exit_code(record)) == ("TransferRefused", "NB326", ExitCode.USAGE)
    (found,) = json.loads((tmp_path / "out" / "run.json").read_text())["diagnostics"]
    assert (found["code"], found["cell_index"], found["help"]) == ("NB326", *failed, failure.traceback[0])
    assert found["cell_id"]
    assert found["message"] in failure.message.replace("NB326 ", "")
    assert "this run may move 1.0 MiB between places" in failure.message
    assert f"runs resume {tmp_path / 'out'} --max-transfer 3MiB" in failure.traceback[0]
    assert [step.cells for step in record.steps if step.state.value == "failed"] == [failed]
    assert large_files() - before <= {"home"}
    assert not [path for path in (tmp_path / "out").rglob("*") if path.is_file() and path.stat().st_size > LIMIT]
    jobs = native_jobs(tmp_path / "out")
    assert {attempt for _, attempt in jobs.values()} == {1}
    record = api.resume(str(tmp_path / "out"), max_transfer=4 * LIMIT)
    assert record.failures == ()
    assert shown(tmp_path / "out")[-1][-1] == ["3000000\n"]
    assert record.interpreter.path == str(science.prepare(PERSON) / "bin" / "python3")
    assert jobs.items() <= native_jobs(tmp_path / "out").items()
    if cells == VALUE:
        with pytest.raises(UsageError, match=r"NB326 .* 2.9 MiB are `rows`, which goes from `host1` to `island` for the step"):
            api.run(tmp_path / "moves.py", settings, output=tmp_path / "again")


def large_files():
    """The kinds of homes that have one."""
    homes = {"home": ROOT / "home" / PERSON, "island": ROOT / "island"}
    return {name for name, home in homes.items() for path in home.glob("nbcompile/store/*/*") if path.stat().st_size > LIMIT}


def native_jobs(output):
    """The attempts of the steps that ran."""
    with Journal(output / ".nbcompile" / "journal.sqlite", writes=False) as journal:
        return {step.step: (step.job["ref"]["key"], step.job["ref"]["attempt"]) for step in journal.steps() if step.job.get("ref")}


@pytest.mark.ssh
def test_names_of_all_kinds_come_to_the_next_place_and_here(ssh_hosts, calm, tmp_path, monkeypatch):
    """A place is told of files in lines, and a name may hold several."""
    monkeypatch.setenv("NBCOMPILE_STREAMFLOW", str(STREAMFLOW))
    monkeypatch.setenv("NBCOMPILE_DEPLOYMENTS", str(write_deployments(tmp_path / "deployments.yml", island=host(sshd.ISLAND))))
    names = ["two\nlines", " both ends ", "-rf", "ünï ☃", "u\u2028v", "a*b?[c]", "$(touch pwned)", "quo'te\"s", "d\n/-x ", "\\back"]
    for name in names:
        path = tmp_path / f"given {name}"
        path.parent.mkdir(exist_ok=True)
        path.write_text(name, "utf-8")
    make = "".join(f"with open({name!r}, 'w') as file:\n    print(file.write(open({f'given {name}'!r}).read()))\n" for name in names)
    use = "print([" + ", ".join(f"open({name!r}).read()" for name in names) + f"] == {names!r})"
    cells = f'# %%\n# nbc: target=host1\nimport os\nos.makedirs("d\\n", exist_ok=True)\n{make}\n# %%\n# nbc: target=island\n{use}\n'
    (tmp_path / "names.py").write_text(cells, "utf-8")
    record = api.run(tmp_path / "names.py", Settings(granularity=Granularity.CELL), output=tmp_path / "out")
    assert record.failures == ()
    assert {step.place for step in record.steps} == {"host1", "island"}
    assert shown(tmp_path / "out")[-1][-1] == ["True\n"]
    assert {(tmp_path / "out" / name).read_text("utf-8") for name in names} == set(names)
