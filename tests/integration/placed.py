"""Runs with steps elsewhere, for tests: a person's deployments on the services, and a client to be followed and ended."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from pathlib import Path

from nbcompile.tenancy.relay import QuestionDesk
from tests.integration.streamflow_environment import STREAMFLOW
from tests.services import science, slurm, sshd
from tests.services.ground import ROOT

PERSON = "nbc-alice"


def write_deployments(path: Path, **more: dict) -> Path:
    """A person's file: `host1` by ssh, `hpc` by Slurm through ssh, `cluster` by Slurm on this machine. JSON is YAML."""
    software = {"environments": {"default": {"prefix": str(science.prepare(PERSON))}}}
    slurm_there = {"backend": "slurm", "conf": str(slurm.CONF), "minPollSeconds": 1, **software}
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


class Client:
    """`nbcompile` as a process of its own, and what it notes of its steps."""

    def __init__(self, directory: Path, *words: str, desk: QuestionDesk | None = None) -> None:
        self.output = directory / "out"
        self.process = subprocess.Popen(
            [sys.executable, "-m", "nbcompile", *words],
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
            assert self.process.poll() is None, self.process.communicate()[1]
            time.sleep(0.1)

    def until_running(self, title: str) -> dict:
        """The note of the submitted step whose name begins so, once it runs."""
        while not (found := [note for note in self.notes() if note["note"] == "submitted" and note["step"].startswith(title)]):
            self.until("submitted")
            time.sleep(0.1)
        self.until("state", state="running", step=found[-1]["step"])
        return found[-1]

    def end(self, seconds: float = 150) -> tuple[int, str]:
        """The exit code, and what was said on standard error."""
        said = self.process.communicate(timeout=seconds)[1]
        return self.process.returncode, said

    def record(self) -> dict:
        """run.json."""
        return json.loads((self.output / "run.json").read_text())


def shown(directory: Path) -> list:
    """The execution counts and outputs of the executed notebook's code cells."""
    cells = json.loads(next(directory.glob("*.executed.ipynb")).read_text("utf-8"))["cells"]
    return [[cell["execution_count"], *map(_plain, cell["outputs"])] for cell in cells if cell["cell_type"] == "code"]


def _plain(output: dict) -> object:
    return output.get("text") or output.get("data") or [output["ename"], output["evalue"]]
