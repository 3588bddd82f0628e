"""Our StreamFlow connector beside its own: `python -m tests.benchmarks.streamflow_connectors ROUNDS STEPS SHAPE-OR-PLACE...`.

The same CWL of steps that copy a small file, as a chain, as a fan-out and scattered; rounds are interleaved. The place `ours` is Slurm
with our connector alone. Prints the rows of docs/benchmarks-streamflow.md.
"""

import asyncio
import contextlib
import json
import os
import re
import resource
import shutil
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from datetime import datetime
from pathlib import Path
from typing import NamedTuple

from tests.integration.placed import PERSON, write_deployments
from tests.integration.streamflow_environment import STREAMFLOW
from tests.services import facility, slurm, sshd
from tests.services.delay import delay_proxy
from tests.services.ground import ROOT, run

STAMP = re.compile(r"(\d{4}-\d\d-\d\d \d\d:\d\d:\d\d\.\d{3}) INFO")
TOOL = {
    "class": "CommandLineTool",
    "baseCommand": "cp",
    "inputs": {"source": {"type": "File", "inputBinding": {"position": 1}}, "target": {"type": "string", "inputBinding": {"position": 2}}},
    "outputs": {"made": {"type": "File", "outputBinding": {"glob": "$(inputs.target)"}}},
}


class Measured(NamedTuple):
    """Of one run: the time steps took, all of it, and what the client used of the processor."""

    steps: float
    wall: float
    cpu: float
    questions: int


def workflow(shape, count):
    """A chain, steps side by side, or one step scattered."""
    if shape == "scatter":
        return scattered(count)
    steps = {}
    for number in range(count):
        source = f"s{number - 1}/made" if shape == "chain" and number else "first"
        steps[f"s{number}"] = {
            "run": TOOL,
            "in": {"source": source, "target": {"default": f"s{number}.outputs.json"}},
            "out": ["made"],
        }
    ends = [f"s{count - 1}"] if shape == "chain" else list(steps)
    outputs = {f"o{name}": {"type": "File", "outputSource": f"{name}/made"} for name in ends}
    return {"cwlVersion": "v1.2", "class": "Workflow", "inputs": {"first": "File"}, "outputs": outputs, "steps": steps}


def scattered(count):
    """One step, `count` times."""
    targets = [f"s.outputs.{number}.json" for number in range(count)]
    step = {"run": TOOL, "in": {"source": "first", "target": {"default": targets}}, "scatter": "target", "out": ["made"]}
    return {
        "cwlVersion": "v1.2",
        "class": "Workflow",
        "requirements": [{"class": "ScatterFeatureRequirement"}],
        "inputs": {"first": "File"},
        "outputs": {"all": {"type": "File[]", "outputSource": "s/made"}},
        "steps": {"s": step},
    }


def stock(kind, port, host, interval):
    """Deployments of StreamFlow's own connectors."""
    login = {"nodes": [f"{host}:{port}"], "username": PERSON, "sshKey": str(sshd.KEYS / PERSON), "checkHostKey": False}
    workdir = str(ROOT / "home" / PERSON / "sf")
    ssh = {"type": "ssh", "workdir": workdir, "config": login}
    if kind == "ssh":
        return {"place": ssh}
    queue = {"maxConcurrentJobs": 100, "pollingInterval": interval}
    return {"login": ssh, "place": {"type": "slurm", "wraps": "login", "workdir": workdir, "config": queue}}


def ours(name, identifier):
    """A deployment of our connector."""
    config = {"tenant": "personal", "deployment": name, "run": identifier}
    return {"place": {"type": "nbcompile.session", "workdir": "/nbcompile", "config": config}}


def prepare(directory, shape, count, deployments, target):
    """Write all that `streamflow run` needs."""
    (directory / "workflow.cwl").write_text(json.dumps(workflow(shape, count)))
    (directory / "first.txt").write_text("hello\n")
    (directory / "inputs.yml").write_text(json.dumps({"first": {"class": "File", "path": "first.txt"}}))
    none = {"cpus": None, "memory_mib": None, "gpus": 0, "gpu_type": "", "minutes": None}
    chained = [
        {"step": f"s{n}", "cells": [n], "after": [f"s{n - 1}"] if shape == "chain" and n else [], "target": target, "resources": none}
        for n in range(count)
    ]
    one = {"step": "s", "cells": [0], "after": [], "target": target, "resources": none, "scattered": True}
    steps = [one] if shape == "scatter" else chained
    (directory / "placement.json").write_text(json.dumps({"schema": "nbcompile/placement/1", "steps": steps}))
    document = {
        "version": "v1.0",
        "workflows": {
            "main": {
                "type": "cwl",
                "config": {"file": "workflow.cwl", "settings": "inputs.yml"},
                "bindings": [{"step": "/", "target": {"deployment": "place"}}],
            }
        },
        "deployments": deployments,
        "database": {"type": "default", "config": {"connection": ":memory:"}},
    }
    (directory / "streamflow.yml").write_text(json.dumps(document))


def measure(directory):
    """Run StreamFlow once."""
    environment = {**os.environ, **slurm.ENVIRONMENT, "HOME": str(directory), "TMPDIR": str(directory)}
    before, asked, started = resource.getrusage(resource.RUSAGE_CHILDREN), questions(), time.monotonic()
    done = subprocess.run(
        [STREAMFLOW / "bin" / "streamflow", "run", "--outdir", directory / "out", directory / "streamflow.yml"],
        capture_output=True,
        text=True,
        check=False,
        env=environment,
        timeout=1200,
    )
    wall = time.monotonic() - started
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    if done.returncode:
        raise SystemExit(done.stderr[-3000:])
    lines = [(STAMP.match(line), line) for line in done.stderr.splitlines()]
    begin = next(moment(found) for found, line in lines if found and "EXECUTING workflow" in line)
    end = [moment(found) for found, line in lines if found and "COMPLETED Step" in line][-1]
    cpu = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    return Measured(end - begin, wall, cpu, questions() - asked)


def moment(found):
    """When a line was logged."""
    return datetime.strptime(found[1], "%Y-%m-%d %H:%M:%S.%f").timestamp()


def questions():
    """What Slurm's controller and its accounting were asked so far: squeue and scontrol, and sacct."""
    if not (ROOT / "slurm" / "slurm.conf").exists():
        return 0
    told = run("sdiag", env=slurm.ENVIRONMENT) + run("sacctmgr", "show", "stats", env=slurm.ENVIRONMENT)
    counted = re.findall(r"(?:REQUEST_JOB_(?:USER_)?INFO(?:_SINGLE)?|DBD_GET_JOBS_COND)\s*\(\s*\d+\)\s*count:\s*(\d+)", told)
    return sum(map(int, counted))


def compare(title, shape, count, contestants, rounds):
    """One row a contestant; the medians of interleaved rounds."""
    results = {name: [] for name in contestants}
    for number in range(rounds):
        for name, (deployments, target) in contestants.items():
            with tempfile.TemporaryDirectory() as temporary:
                identifier = f"bench-{os.getpid()}-{number}-{name}".replace(" ", "-").replace(",", "").lower()
                prepare(Path(temporary), shape, count, deployments(identifier), target)
                results[name].append(measure(Path(temporary)))
    first = statistics.median(one.steps for one in next(iter(results.values())))
    for name, found in results.items():
        steps, wall, cpu, asked = (statistics.median(values) for values in zip(*found, strict=True))
        sys.stdout.write(
            f"| {title} | {shape} of {count} | {name} | {steps:.2f} | {steps / count * 1000:.0f} | {steps / first:.2f} |"
            f" {wall:.1f} | {cpu / count * 1000:.0f} | {asked:.0f} |\n"
        )
        sys.stdout.flush()


@contextlib.contextmanager
def slow_network(site, round_trip):
    """A port that leads to the site with this delay."""
    ready, done, loop = threading.Event(), None, asyncio.new_event_loop()
    ports = []

    async def serve():
        nonlocal done
        done = asyncio.Event()
        async with delay_proxy(site.address, site.port, round_trip=round_trip) as port:
            ports.append(port)
            ready.set()
            await done.wait()

    thread = threading.Thread(target=loop.run_until_complete, args=(serve(),), daemon=True)
    thread.start()
    ready.wait()
    yield ports[0]
    loop.call_soon_threadsafe(done.set)
    thread.join()


def main():
    rounds, count, *wanted = int(sys.argv[1]), int(sys.argv[2]), *sys.argv[3:]
    visit = facility.up(with_slurm=True)
    directory = Path(tempfile.mkdtemp())
    try:
        sys.stdout.write(
            "| place | shape | connector | steps s | ms a step | ratio | wall s | client CPU ms a step | questions to Slurm |\n"
            "|---|---|---|---|---|---|---|---|---|\n"
        )
        with slow_network(sshd.HOST1, 0.05) as port:
            slow = {"host": f"127.0.1.40:{port}"}
            far = {**json.loads(write_deployments(directory / "first.yml").read_text())["deployments"]["host1"], **slow}
            os.environ["NBCOMPILE_DEPLOYMENTS"] = str(write_deployments(directory / "deployments.yml", far=far))
            for shape in [shape for shape in ("chain", "fan-out", "scatter") if shape in wanted]:
                if "ssh" in wanted:
                    both = {
                        "stock ssh": (lambda _: stock("ssh", sshd.HOST1.port, sshd.HOST1.address, 0), "place"),
                        "ours": (lambda run_: ours("host1", run_), "host1"),
                    }
                    compare("ssh, loopback", shape, count, both, rounds)
                if "ssh50" in wanted:
                    both = {
                        "stock ssh": (lambda _: stock("ssh", port, "127.0.1.40", 0), "place"),
                        "ours": (lambda run_: ours("far", run_), "far"),
                    }
                    compare("ssh, 50 ms", shape, count, both, rounds)
                if "ours" in wanted:
                    compare("Slurm over ssh", shape, count, {"ours": (lambda run_: ours("hpc", run_), "hpc")}, rounds)
                if "slurm" in wanted:
                    three = {
                        "stock slurm, 5 s": (lambda _: stock("slurm", sshd.LOGIN.port, sshd.LOGIN.address, 5), "place"),
                        "stock slurm, 1 s": (lambda _: stock("slurm", sshd.LOGIN.port, sshd.LOGIN.address, 1), "place"),
                        "ours": (lambda run_: ours("hpc", run_), "hpc"),
                    }
                    compare("Slurm over ssh", shape, count, three, rounds)
    finally:
        facility.leave(visit)
        shutil.rmtree(directory)


if __name__ == "__main__":
    main()
