"""A backend over plain processes of this machine: the shortest that keeps every promise. Read it to write your own."""

from __future__ import annotations

import asyncio
import fnmatch
import getpass
import hashlib
import json
import os
import platform
import shutil
import signal
import stat
import subprocess
import sys
import time
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar

from nbcompile.backend import (
    Backend,
    Capabilities,
    Cause,
    Completed,
    Fatal,
    Job,
    JobRef,
    JobState,
    JobStatus,
    Lost,
    Opening,
    Output,
    Retryable,
    Session,
    Stream,
    option,
)

_GRACE_SECONDS = 2.0
_SUPERVISOR = Path(__file__).with_name("reference_job.py")


@dataclass(frozen=True, slots=True)
class ReferenceSettings:
    """What a deployment of this backend says."""

    root: str = option("a directory for everything that jobs need", pattern="/.+")


@dataclass(frozen=True, slots=True)
class ReferenceOptions:
    """Jobs can ask for nothing special."""


class ReferenceBackend(Backend):
    """Processes of this machine."""

    name = "reference"
    Settings: ClassVar[type] = ReferenceSettings
    Options: ClassVar[type] = ReferenceOptions

    async def open(self, opening: Opening) -> Session:
        """Make the directories."""
        if not isinstance(opening.settings, ReferenceSettings):
            raise Fatal("these are not settings of the reference backend")
        return ReferenceSession(Path(opening.settings.root), opening)


class ReferenceSession(Session):
    """ROOT/store/SHA256, and ROOT/RUN/KEY.ATTEMPT/{job.json,in,work,tmp,stdout,stderr,pid,exit}."""

    def __init__(self, root: Path, opening: Opening) -> None:
        self._store = root / "store"
        self._run = root / opening.run
        self._opening = opening
        for directory in (root, self._store, self._run):
            directory.mkdir(mode=0o700, parents=True, exist_ok=True)

    async def capabilities(self) -> Capabilities:
        """This machine."""
        memory_mib = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") >> 20
        cpus = os.cpu_count() or 1
        return Capabilities(
            host=platform.node(),
            user=getpass.getuser(),
            python=platform.python_version(),
            cpus=cpus,
            memory_mib=memory_mib,
            slots=cpus,
        )

    async def exec(
        self, argv: Sequence[str], *, stdin: bytes = b"", variables: Sequence[tuple[str, str]] = (), seconds: float = 60
    ) -> Completed:
        """Run a command as a child."""
        environment = {"PATH": os.defpath + ":/usr/local/bin", "HOME": str(Path.home()), **dict(variables)}
        words = [os.fsencode(word) for word in argv]
        try:
            done = await asyncio.to_thread(
                subprocess.run, words, input=stdin, capture_output=True, env=environment, timeout=seconds, check=False
            )
        except FileNotFoundError:
            return Completed(127, b"", b"there is no such program")
        except subprocess.TimeoutExpired:
            raise Retryable(f"{argv[0]} did not end within {seconds} s") from None
        return Completed(done.returncode, done.stdout, done.stderr)

    async def put(self, content: AsyncIterator[bytes], *, sha256: str, size: int) -> None:
        """Write beside, check, rename."""
        partial = self._store / f"{sha256}.{os.getpid()}"
        digest = hashlib.sha256()
        with partial.open("wb") as handle:
            async for piece in content:
                digest.update(piece)
                handle.write(piece)
        if digest.hexdigest() != sha256 or partial.stat().st_size != size:
            partial.unlink()
            raise Fatal("the content is not what its digest says")
        partial.chmod(0o444)
        partial.rename(self._store / sha256)

    async def get(self, sha256: str) -> AsyncIterator[bytes]:
        """Read and check."""
        path = self._store / sha256
        if not path.exists():
            raise Lost(f"there is no file {sha256}")
        digest = hashlib.sha256()
        with path.open("rb") as handle:
            while piece := handle.read(1 << 20):
                digest.update(piece)
                yield piece
        if digest.hexdigest() != sha256:
            raise Fatal("the content is not what its digest says")

    async def has(self, digests: Sequence[str]) -> frozenset[str]:
        """Look into the directory."""
        return frozenset(one for one in digests if (self._store / one).exists())

    async def submit(self, job: Job) -> JobRef:
        """Copy the inputs, start the supervisor: making the directory is the claim."""
        ref = self._ref_of(job)
        missing = {one.sha256 for one in job.inputs} - await self.has([one.sha256 for one in job.inputs])
        if missing:
            raise Lost(f"the inputs {', '.join(sorted(missing))} are not in the store")
        directory = self._directory(ref)
        try:
            directory.mkdir(mode=0o700)
        except FileExistsError:
            return ref
        for name in ("in", "work", "tmp"):
            (directory / name).mkdir(mode=0o700)
        for one in job.inputs:
            target = directory / "in" / one.name
            target.parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(self._store / one.sha256, target)
        self._start(directory, job)
        return ref

    async def poll(self, refs: Sequence[JobRef]) -> tuple[JobStatus, ...]:
        """Look into the directories."""
        if self._run.exists():
            (self._run / "lease").touch()
        return tuple(self._status(ref) for ref in refs)

    async def cancel(self, refs: Sequence[JobRef]) -> None:
        """Leave a note for the supervisors, and wake them."""
        for ref in refs:
            directory = self._directory(ref)
            if directory.exists():
                (directory / "cancel").touch()
                record = _read(directory / "pid")
                if record and _start_time(record["pid"]) == record["start"]:
                    os.kill(record["pid"], signal.SIGTERM)

    async def logs(self, ref: JobRef, stream: Stream = Stream.STDERR, offset: int = 0) -> AsyncIterator[bytes]:
        """Read the file."""
        path = self._directory(ref) / stream.value
        if path.exists():
            with path.open("rb") as handle:
                handle.seek(offset)
                while piece := handle.read(1 << 20):
                    yield piece

    async def sweep(self, seconds: float = 30) -> tuple[str, ...]:
        """Cancel, and wait for the supervisors."""
        refs = [self._ref(directory) for directory in self._directories()]
        await self.cancel([ref for ref in refs if not self._status(ref).state.is_final])
        until = time.monotonic() + seconds
        while left := tuple(ref.key for ref in refs if not self._status(ref).state.is_final):
            if time.monotonic() > until:
                break
            await asyncio.sleep(0.02)
        return left

    async def remove(self) -> None:
        """Remove the run's directory."""
        for directory in self._run.glob("*.*/**/"):
            directory.chmod(0o700)  # a job may have made one that nobody can enter
        if self._run.exists():
            shutil.rmtree(self._run)

    async def close(self) -> None:
        """Nothing is held."""

    def _start(self, directory: Path, job: Job) -> None:
        document = {
            "argv": [*job.argv],
            "variables": [list(pair) for pair in job.variables],
            "seconds": job.seconds,
            "lease_seconds": job.lease_seconds,
            "lease": str(self._run / "lease"),
            "grace_seconds": _GRACE_SECONDS,
            "prefix": job.environment.prefix,
        }
        (directory / "job.json").write_text(json.dumps(document))
        (directory / "outputs.json").write_text(json.dumps(job.outputs))
        secrets = json.dumps([[name, secret.reveal()] for name, secret in job.secrets]).encode()
        supervisor = subprocess.Popen(  # noqa: S603 - our own program
            [sys.executable, "-IBS", _SUPERVISOR, directory],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            start_new_session=True,
        )
        supervisor.communicate(secrets)  # the supervisor leaves us once it runs

    def _status(self, ref: JobRef) -> JobStatus:
        directory = self._directory(ref)
        record, found = _read(directory / "pid"), _read(directory / "exit")
        if found is None and record and _start_time(record["pid"]) == record["start"]:
            return JobStatus(ref=ref, state=JobState.RUNNING)
        found = found or _read(directory / "exit")
        if found is None:
            return JobStatus(ref=ref, state=JobState.LOST, cause=Cause.LOST, reason="its supervisor is gone")
        state, cause, reason = _verdict(found)
        return JobStatus(ref=ref, state=state, cause=cause, exit_code=found["code"], reason=reason, outputs=self._outputs(directory))

    def _outputs(self, directory: Path) -> tuple[Output, ...]:
        patterns = _read(directory / "outputs.json")
        found = []
        for path in sorted((directory / "work").rglob("*")):
            name = path.relative_to(directory / "work")
            if stat.S_ISREG(path.lstat().st_mode) and any(fnmatch.fnmatchcase(name.parts[0], one) for one in patterns):
                content = path.read_bytes()
                digest = hashlib.sha256(content).hexdigest()
                if not (self._store / digest).exists():
                    shutil.copyfile(path, self._store / digest)
                executable = bool(path.stat().st_mode & stat.S_IXUSR)
                found.append(Output(str(name), len(content), digest, hashlib.sha1(content).hexdigest(), executable))  # noqa: S324
        return tuple(found)

    def _directories(self) -> list[Path]:
        return [path for path in sorted(self._run.glob("*.*")) if path.is_dir()]

    def _knows(self, job: Job) -> bool:
        return self._directory(self._ref_of(job)).exists()

    def _ref_of(self, job: Job) -> JobRef:
        return JobRef(deployment=self._opening.deployment, run=self._opening.run, key=job.key, attempt=job.attempt, native="here")

    def _directory(self, ref: JobRef) -> Path:
        return self._run.parent / ref.run / f"{ref.key}.{ref.attempt}"

    def _ref(self, directory: Path) -> JobRef:
        key, _, attempt = directory.name.partition(".")
        return JobRef(deployment=self._opening.deployment, run=self._opening.run, key=key, attempt=int(attempt), native="here")  # type: ignore[arg-type]


def _verdict(found: dict[str, Any]) -> tuple[JobState, Cause, str]:
    if found["cause"] in ("cancelled", "lease"):
        return JobState.CANCELLED, Cause(found["cause"]), found["cause"]
    if found["cause"]:
        return JobState.FAILED, Cause(found["cause"]), found["error"] or found["cause"]
    if found["code"] is None:
        return JobState.FAILED, Cause.SIGNAL, f"killed by signal {found['signal']}"
    if found["code"]:
        return JobState.FAILED, Cause.EXIT, f"exit code {found['code']}"
    return JobState.FINISHED, Cause.NONE, ""


def _read(path: Path) -> Any:  # noqa: ANN401 - JSON
    try:
        return json.loads(path.read_text())
    except FileNotFoundError:
        return None


def _start_time(pid: int) -> str | None:
    try:
        fields = Path(f"/proc/{pid}/stat").read_text(errors="replace").rpartition(")")[2].split()
    except OSError:
        return None
    return None if fields[0] in "ZX" else fields[19]
