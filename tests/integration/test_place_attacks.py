"""Kills at random moments: of clients, engines, supervisors, hosts and Slurm's controller. Whatever happens, a run that says that it
finished shows what it should, a step that had finished does not run again, nothing is left behind, and every end says what to do next.
"""

import contextlib
import json
import os
import random
import signal
import time
from pathlib import Path

import pytest

from nbcompile.model.run import RunState
from tests.integration.placed import PERSON, Client, away, host, left_behind, own_site, shown, write_deployments
from tests.services import daemons, slurm
from tests.services.ground import ROOT

CELLS = (
    "import time\n\ndef slowly(value):\n    time.sleep({pause})\n    return value",
    "a = slowly(1)",
    "b = slowly(2)",
    "c = slowly(a + b)",
    "d = slowly(list(range(1000)) + [c])",
    "e = slowly(sum(d))",
    "print(e, a * 10, len(d))",
)
SHOWS = [7, ["499503 10 1001\n"]]
LATEST_SECONDS = 14.0
MOST_ENDS = 5


class Attacked:
    """A run at a host of its own, or at the Slurm behind it, and the ways to hurt it."""

    def __init__(self, directory: Path, site, place: str, pause: float) -> None:
        self.directory, self.site = directory, site
        through = {"backend": "slurm", "conf": str(slurm.CONF), "minPollSeconds": 1, "via": "fragile"}
        options = {"options": {"account": "acct-a", "partition": "cpu"}}
        deployments = write_deployments(directory / "deployments.yml", fragile=host(site), slurm={**through, **options})
        os.environ["NBCOMPILE_DEPLOYMENTS"] = str(deployments)
        source = "".join(f"# %%\n{cell.format(pause=pause) if 'pause' in cell else cell}\n\n" for cell in CELLS)
        (directory / "attacked.py").write_text(source, "utf-8")
        self.words = ("run", "attacked.py", "--granularity", "cell", "--on", "fragile" if place == "ssh" else "slurm", "-o", "out")
        self.client = Client(directory, *self.words)

    def again(self) -> None:
        """Whoever finds the run ended goes on with it, or starts it where it had not begun."""
        begun = (self.client.output / ".nbcompile" / "journal.sqlite").exists() and self.client.notes()
        self.client = Client(self.directory, *(("runs", "resume", "out") if begun else self.words))

    def kill_the_client(self) -> None:
        os.kill(self.client.process.pid, signal.SIGKILL)
        self.client.process.communicate(timeout=60)
        self.again()

    def end_the_client(self) -> None:
        os.kill(self.client.process.pid, signal.SIGTERM)

    def kill_the_engine(self) -> None:
        for process in Path("/proc").glob("[0-9]*"):
            with contextlib.suppress(FileNotFoundError, ProcessLookupError):
                mine = (process / "stat").read_text().rpartition(")")[2].split()[1] == str(self.client.process.pid)
                if mine and b"nbcompile.api.visits" in (process / "cmdline").read_bytes():
                    os.kill(int(process.name), signal.SIGKILL)

    def kill_a_supervisor(self) -> None:
        for run in {note["ref"]["run"] for note in self.client.notes() if note["note"] == "submitted"}:
            for path in ROOT.glob(f"home/{PERSON}/nbcompile/runs/{run}/jobs/*/pid"):
                claim = json.loads(path.read_text())
                if str(daemons.start_time(claim["pid"])) == claim["start"]:
                    os.kill(claim["pid"], signal.SIGKILL)
                    return

    def lose_the_host(self) -> None:
        with away(self.site):
            time.sleep(1)

    def kill_the_controller(self) -> None:
        daemons.stop("slurmctld", hard=True)
        time.sleep(1)
        slurm.start_controller()

    def survives(self) -> None:
        """Go on until the run has finished, and see that all is well at every end."""
        for _ in range(MOST_ENDS):
            code, said = self.client.end(200)
            assert left_behind(self.client) == []
            if code == 0:
                break
            assert "Traceback" not in said
            if code == -signal.SIGTERM:  # the command had not been loaded yet
                assert said == ""
            else:
                assert code in (5, 128 + signal.SIGTERM), said
                assert "`nbcompile " in said, said
            self.again()
        assert code == 0, said
        assert self.client.record()["state"] == RunState.FINISHED.value
        assert shown(self.client.output)[-1] == SHOWS
        finished = {}
        for note in self.client.notes():
            if note["note"] == "submitted":
                assert finished.get(note["step"], note["attempt"]) == note["attempt"], f"{note['step']} ran again: {self.client.notes()}"
            elif note["note"] == "ended" and note["state"] == "finished":
                finished[note["step"]] = note["attempt"]


def attack(directory: Path, place: str, seed: int, *ways: str) -> None:
    chance = random.Random(seed)  # noqa: S311 - moments, not secrets
    with own_site(f"attack-{seed}") as site:
        run = Attacked(directory, site, place, chance.choice([0.3, 1.0]))
        for way in chance.choices(ways, k=chance.randint(1, 3)):
            moment = time.monotonic() + chance.uniform(1, LATEST_SECONDS)
            while time.monotonic() < moment and not run.client.is_over():
                time.sleep(0.05)
            if not run.client.is_over():
                getattr(run, way)()
        run.survives()


WAYS = ("kill_the_client", "end_the_client", "kill_the_engine", "kill_a_supervisor", "lose_the_host")


@pytest.fixture(autouse=True)
def _own_deployments(monkeypatch):
    monkeypatch.setenv("NBCOMPILE_DEPLOYMENTS", "")


@pytest.mark.ssh
@pytest.mark.full
@pytest.mark.parametrize("seed", range(8))
def test_at_a_host(ssh_hosts, calm, tmp_path, seed):
    attack(tmp_path, "ssh", seed, *WAYS)


@pytest.mark.slurm
@pytest.mark.full
@pytest.mark.parametrize("seed", range(100, 106))
def test_at_slurm(slurm_facility, storm, tmp_path, seed):
    attack(tmp_path, "slurm", seed, *WAYS, "kill_the_controller")
