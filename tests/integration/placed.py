"""Runs with steps elsewhere, for tests: a person's deployments on the services, and a client to be followed and ended."""

from __future__ import annotations

import contextlib
import json
import os
import secrets
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

from nbcompile.tenancy.relay import QuestionDesk
from tests.integration.streamflow_environment import STREAMFLOW
from tests.services import daemons, science, slurm, sshd
from tests.services.ground import ROOT, run

PERSON = "nbc-alice"


def write_deployments(path: Path, *, slurm_memory: str = "", **more: dict) -> Path:
    """A person's file: `host1` by ssh, `hpc` by Slurm through ssh, `cluster` by Slurm on this machine. JSON is YAML.

    Jobs of Slurm ask for `slurm_memory`, where one is given.
    """
    software = {"environments": {"default": {"prefix": str(science.prepare(PERSON))}}}
    slurm_there = {"backend": "slurm", "conf": str(slurm.CONF), "minPollSeconds": 1, **software}
    slurm_there |= {"resources": {"memory": slurm_memory}} if slurm_memory else {}
    deployments = {
        "login": {**host(sshd.LOGIN), **software},
        "host1": {**host(sshd.HOST1), **software},
        "hpc": {**slurm_there, "via": "login", "options": {"account": "acct-a", "partition": "cpu"}},
        "cluster": {**slurm_there, "workRoot": str(ROOT / "slurm-root")},
        **{name: {**deployment, **software} for name, deployment in more.items()},
    }
    path.write_text(json.dumps({"deployments": deployments, "credentials": {"key": {"provider": "file", "path": str(sshd.KEYS / PERSON)}}}))
    path.chmod(0o600)
    return path


def host(site: sshd.Site) -> dict:
    """A deployment on one of the hosts."""
    return {
        "backend": "ssh",
        "host": f"{site.address}:{site.port}",
        "user": PERSON,
        "workRoot": "~/nbcompile",
        "hostKeys": [site.host_key],
        "credential": {"ref": "key"},
    }


@contextlib.contextmanager
def own_site(name: str) -> Iterator[sshd.Site]:
    """An sshd that nobody else uses, to be killed."""
    site = sshd.Site(f"{name}-{os.getpid()}", f"127.0.1.{200 + os.getpid() % 50}")
    sshd.start(site)
    try:
        yield site
    finally:
        sshd.stop(site, hard=True)


@contextlib.contextmanager
def away(site: sshd.Site) -> Iterator[None]:
    """A host that was lost with all its logins, and comes back."""
    sshd.stop(site, hard=True)
    try:
        yield
    finally:
        sshd.start(site)


HELD = """\
# %%
first = 1

# %%
import os
import time
print("waiting", flush=True)
until = time.monotonic() + 300
while not os.path.exists({path!r}) and time.monotonic() < until:
    time.sleep(0.05)
second = first + 1

# %%
print(second)
"""
HELD_SHOWN = [[1], [2, ["waiting\n"]], [3, ["2\n"]]]


class Held:
    """A notebook whose second cell runs until it is let go, however slow the machine is; its step's name begins with `os-`."""

    def __init__(self, path: Path, text: str = HELD) -> None:
        """`text` may be another notebook, whose cells wait for the file `{path}`."""
        self._gate = ROOT / "home" / PERSON / f"gate-{os.getpid()}-{secrets.token_hex(4)}"
        path.write_text(text.format(path=str(self._gate)), "utf-8")

    def let_go(self) -> None:
        """Let the cell end, at every attempt."""
        self._gate.touch()


class Client:
    """`nbcompile` as a process of its own, and what it notes of its steps."""

    PROGRAM = (sys.executable, "-m", "nbcompile")

    def __init__(self, directory: Path, *words: str, desk: QuestionDesk | None = None) -> None:
        self.output = directory / "out"
        self.process = subprocess.Popen(
            [*self.PROGRAM, *words],
            cwd=directory,
            env={**os.environ, "NBCOMPILE_STREAMFLOW": str(STREAMFLOW), **(desk.variables() if desk else {})},
            pass_fds=(desk.descriptor,) if desk else (),
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
            text=True,
            start_new_session=True,
        )

    def notes(self) -> list[dict]:
        """What has been noted so far."""
        path = self.output / ".nbcompile" / "streamflow" / "notes.jsonl"
        return [json.loads(line) for line in path.read_text().splitlines()] if path.exists() else []

    def until(self, what: str, seconds: float = 120, **facts: object) -> dict:
        """The first note of this kind with these facts."""
        deadline = time.monotonic() + seconds
        while True:
            for note in self.notes():
                if note["note"] == what and all(note.get(name) == value for name, value in facts.items()):
                    return note
            assert time.monotonic() < deadline, f"no {what} {facts} in {self.notes()}"
            assert not self.is_over(), self.process.communicate()[1]
            time.sleep(0.1)

    def until_submitted(self, title: str, **facts: object) -> dict:
        """The note of the submitted step whose name begins so."""
        deadline = time.monotonic() + 120
        while True:
            for note in self.notes():
                named = note["note"] == "submitted" and note["step"].startswith(title)
                if named and all(note.get(name) == value for name, value in facts.items()):
                    return note
            self.until("submitted")
            assert time.monotonic() < deadline, f"{title} was not submitted: {self.notes()}"
            time.sleep(0.1)

    def until_running(self, title: str) -> dict:
        """The same, once it runs."""
        found = self.until_submitted(title)
        self.until("state", state="running", step=found["step"])
        return found

    def until_ended(self, steps: int) -> None:
        """Wait until so many steps have ended."""
        deadline = time.monotonic() + 120
        while len({note["step"] for note in self.notes() if note["note"] == "ended"}) < steps:
            assert time.monotonic() < deadline, f"fewer than {steps} steps have ended: {self.notes()}"
            assert not self.is_over(), self.process.communicate()[1]
            time.sleep(0.1)

    def is_over(self) -> bool:
        """Whether the process has ended."""
        return self.process.poll() is not None

    def end(self, seconds: float = 150) -> tuple[int, str]:
        """The exit code, and what was said on standard error."""
        said = self.process.communicate(timeout=seconds)[1]
        return self.process.returncode, said

    def record(self) -> dict:
        """run.json."""
        return json.loads((self.output / "run.json").read_text())


def left_behind(client: Client, seconds: float = 30) -> list[str]:
    """The jobs and the processes of a run that are still there after this time."""
    deadline = time.monotonic() + seconds
    runs = {note["ref"]["run"] for note in client.notes() if note["note"] == "submitted"}
    while (found := [one for name in runs for one in _of_run(name)]) and time.monotonic() < deadline:
        time.sleep(0.2)
    return found


def _of_run(name: str) -> Iterator[str]:
    if (ROOT / "slurm" / "slurm.conf").exists():
        listed = run("squeue", "--noheader", f"--name=nbc-{name}", "--format=%i %T", env=slurm.ENVIRONMENT)
        yield from (f"job {line}" for line in listed.splitlines())
    for process in Path("/proc").glob("[0-9]*"):
        with contextlib.suppress(OSError):
            facts = f"{(process / 'cwd').readlink()} {(process / 'environ').read_bytes()!r}"
            if f"/runs/{name}/" in facts:
                yield f"process {process.name} {(process / 'cmdline').read_bytes()!r}"
    roots = ("slurm-root", "home/*/*", "home/*/*/work")
    for path in (path for root in roots for path in ROOT.glob(f"{root}/runs/{name}/jobs/*/pid")):
        with contextlib.suppress(OSError, ValueError):
            claim = json.loads(path.read_text())
            if str(daemons.start_time(claim["pid"])) == claim["start"]:
                yield f"supervisor {claim['pid']}"


def shown(directory: Path) -> list:
    """The execution counts and outputs of the executed notebook's code cells."""
    cells = json.loads(next(directory.glob("*.executed.ipynb")).read_text("utf-8"))["cells"]
    return [[cell["execution_count"], *map(_plain, cell["outputs"])] for cell in cells if cell["cell_type"] == "code"]


def _plain(output: dict) -> object:
    return output.get("text") or output.get("data") or [output["ename"], output["evalue"]]
