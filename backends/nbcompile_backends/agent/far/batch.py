"""Hand jobs to a scheduler once, whatever breaks meanwhile.

    ROOT/runs/RUN/batches/TOKEN/     pid of who submits, jobs (their directories, a line each), native (the scheduler's id)

A batch whose submitter died without an id may or may not be known to the scheduler: only whoever asks it can tell.
"""

import os
import re
import shutil
import subprocess
from typing import Any, Dict, List

from .environment import Variables
from .layout import DIGEST, Root, checked, private_directory, to_bytes, write_whole
from .process import claim, claimant, is_alive

SCRIPT = '#!/bin/sh\nexec "$@"\n'
_NATIVE = re.compile(r"([0-9]+)(;[A-Za-z0-9_.-]+)?\s*")
_LONGEST_SECONDS = 120


class Batches:
    """The submissions of all runs."""

    def __init__(self, root: Root) -> None:
        self._root = root

    def natives(self, run: str, jobs: List[str]) -> List[str]:
        """The scheduler's id of each job, or nothing."""
        return [_read(os.path.join(self._root.job(run, job), "native")) for job in jobs]

    def tokens(self, run: str, jobs: List[str]) -> List[str]:
        """The token of the batch that each job was submitted in, or nothing."""
        return [_read(os.path.join(self._root.job(run, job), "batch")) for job in jobs]

    def submit(self, run: str, token: str, jobs: List[str], argv: List[str], variables: Variables) -> Dict[str, Any]:
        """Run the submit command unless it was run before: the id, what the command said, or that nobody knows."""
        directory = self._directory(run, token)
        native = _read(os.path.join(directory, "native"))
        if native:
            return {"native": native}
        if not claim(directory):
            owner = claimant(directory)
            return {"busy": owner is not None and is_alive(owner)}
        script = os.path.join(self._root.path, "agent", "batch.sh")
        if not os.path.exists(script):
            write_whole(script, SCRIPT.encode())
        lines = "".join(self._root.job(run, job) + "\n" for job in jobs)
        write_whole(os.path.join(directory, "jobs"), lines.encode())
        process = subprocess.Popen(  # noqa: S603 - an argv, never a shell
            [to_bytes(word) for word in argv],
            env=variables,
            cwd="/",
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            start_new_session=True,
        )
        try:
            out, err = process.communicate(timeout=_LONGEST_SECONDS)
        except subprocess.TimeoutExpired:
            process.kill()
            out, err = process.communicate()
        found = _NATIVE.fullmatch(out.decode("utf-8", "replace"))
        if process.returncode == 0 and found:
            self.found(run, token, jobs, found.group(1))
            return {"native": found.group(1)}
        return {"code": process.returncode, "said": (err or out).decode("utf-8", "replace")[-2000:]}

    def found(self, run: str, token: str, jobs: List[str], native: str) -> None:
        """Write down the id: of the batch, and of each job in it."""
        directory = self._directory(run, token)
        for number, job in enumerate(jobs):
            own = native if len(jobs) == 1 else f"{native}_{number}"
            write_whole(os.path.join(self._root.job(run, job), "batch"), token.encode())
            write_whole(os.path.join(self._root.job(run, job), "native"), own.encode())
        write_whole(os.path.join(directory, "native"), native.encode())

    def forget(self, run: str, token: str) -> None:
        """The scheduler does not know the batch: it may be submitted again."""
        shutil.rmtree(self._directory(run, token), ignore_errors=True)

    def _directory(self, run: str, token: str) -> str:
        base = os.path.join(self._root.run(run), "batches")
        private_directory(base)
        directory = os.path.join(base, checked(DIGEST, token))
        private_directory(directory)
        return directory


def _read(path: str) -> str:
    try:
        with open(path, encoding="ascii") as handle:
            return handle.read()
    except FileNotFoundError:
        return ""
