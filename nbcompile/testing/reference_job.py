"""The supervisor of one job of the reference backend: `python reference_job.py DIRECTORY`, secrets on standard input."""

import contextlib
import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path


def main(directory: Path) -> None:
    """Leave whoever started us, run the command, and write down how it ended."""
    job = json.loads((directory / "job.json").read_text())
    secrets = json.load(sys.stdin)
    if os.fork():
        return
    start = Path("/proc/self/stat").read_text().rpartition(")")[2].split()[19]
    _write(directory / "pid", {"pid": os.getpid(), "start": start})
    null = os.open(os.devnull, os.O_RDWR)
    for stream in (0, 1, 2):
        os.dup2(null, stream)
    signal.signal(signal.SIGTERM, lambda *_: None)
    _write(directory / "exit", _run(directory, job, secrets))


def _run(directory: Path, job: dict, secrets: list) -> dict:  # type: ignore[type-arg]
    work = directory / "work"
    variables = {"PATH": "/usr/local/bin:/usr/bin:/bin", "LANG": "C.UTF-8", "HOME": str(work), "TMPDIR": str(directory / "tmp")}
    if job["prefix"] and not Path(job["prefix"], "bin").is_dir():
        return {"code": None, "signal": None, "cause": "environment", "error": f"there is no {job['prefix']}/bin"}
    if job["prefix"]:
        variables["PATH"] = f"{job['prefix']}/bin:{variables['PATH']}"
    variables.update(dict(job["variables"]) | dict(secrets))
    environment = {os.fsencode(name): os.fsencode(value) for name, value in variables.items()}
    with (directory / "stdout").open("ab") as out, (directory / "stderr").open("ab") as err:
        argv = [os.fsencode(word) for word in job["argv"]]
        try:
            child = subprocess.Popen(  # noqa: S603 - an argv, never a shell
                argv, stdin=0, stdout=out, stderr=err, cwd=work, env=environment, start_new_session=True
            )
        except OSError as error:
            return {"code": 127, "signal": None, "cause": "environment", "error": str(error)}
    cause = _watch(directory, job, child)
    _signal(child, signal.SIGKILL)  # what it left in its group
    code = child.wait()
    return {"code": code if code >= 0 else None, "signal": -code if code < 0 else None, "cause": cause, "error": ""}


def _watch(directory: Path, job: dict, child: "subprocess.Popen[bytes]") -> str:  # type: ignore[type-arg]
    """Wait for the command, or for a reason to end it."""
    started, lease = time.monotonic(), Path(job["lease"])
    while child.poll() is None:
        cause = ""
        if (directory / "cancel").exists():
            cause = "cancelled"
        elif job["seconds"] and time.monotonic() > started + job["seconds"]:
            cause = "timeout"
        elif lease.exists() and time.time() - lease.stat().st_mtime > job["lease_seconds"]:
            cause = "lease"
        if cause:
            _signal(child, signal.SIGTERM)
            try:
                child.wait(job["grace_seconds"])
            except subprocess.TimeoutExpired:
                _signal(child, signal.SIGKILL)
            return cause
        time.sleep(0.02)
    return ""


def _signal(child: "subprocess.Popen[bytes]", number: int) -> None:
    with contextlib.suppress(ProcessLookupError):
        os.killpg(child.pid, number)


def _write(path: Path, value: object) -> None:
    staging = path.with_name(f"{path.name}.new")
    staging.write_text(json.dumps(value))
    staging.rename(path)


if __name__ == "__main__":
    main(Path(sys.argv[1]))
