"""Forecast -> text for people, JSON for machines."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import asdict

from nbcompile.model.forecast import Forecast, Hop, PlannedJob
from nbcompile.model.plainly import plainly
from nbcompile.model.sizes import size_words


def forecast_text(found: Forecast) -> str:
    """Jobs by place, what moves, and what stays."""
    lines = []
    for place in dict.fromkeys(job.place for job in found.jobs):
        jobs = [job for job in found.jobs if job.place == place]
        lines.append(f"{'this machine' if place == 'local' else place}: {len(jobs)} {'step' if len(jobs) == 1 else 'steps'}{_hours(jobs)}")
        lines += [f"  {line}" for job in jobs for line in _job_lines(job)]
    for hop in found.hops:
        lines.append(f"{_place(hop.source)} -> {_place(hop.target)}: {_size(hop)}")
        lines += [
            f"  {'?' if one.size is None else size_words(one.size):>10}  {plainly(one.name)}, for {one.step}"
            for one in sorted(hop.parcels, key=lambda one: -(one.size or 0))
        ]
    if any(not hop.is_known for hop in found.hops):
        lines.append("what is not known yet is held to --max-transfer while the run goes on, before any of it leaves its place")
    lines += [f"stays at {place}: {plainly(path)}, for {step}" for path, place, step in found.resident]
    return "".join(f"{line}\n" for line in lines)


def forecast_json(found: Forecast) -> str:
    """`nbcompile/forecast/1`."""
    document = {
        "schema": "nbcompile/forecast/1",
        "jobs": [{**asdict(job), "core_hours": job.core_hours} for job in found.jobs],
        "core_hours": _sum(found.jobs),
        "hops": [
            {
                "source": hop.source,
                "target": hop.target,
                "bytes": hop.size,
                "all_known": hop.is_known,
                "parcels": [{"name": one.name, "step": one.step, "bytes": one.size} for one in hop.parcels],
            }
            for hop in found.hops
        ],
        "bytes": found.size,
        "resident": [{"path": path, "place": place, "step": step} for path, place, step in found.resident],
        "critical_path": [*found.critical_path],
    }
    return json.dumps(document, indent=1, ensure_ascii=False) + "\n"


def _job_lines(job: PlannedJob) -> Iterator[str]:
    cells = f"cell {job.cells[0]}" if len(job.cells) == 1 else f"cells {', '.join(map(str, job.cells))}"
    asked = ", ".join(_asked(job))
    yield f"{job.step}  {cells}{f'  asks for {asked}' if asked else ''}"
    if job.why:
        yield f"  {job.why}"


def _asked(job: PlannedJob) -> Iterator[str]:
    need = job.resources
    if need.cpus:
        yield f"{need.cpus} processors"
    if need.memory_mib:
        yield size_words(need.memory_mib * 2**20)
    if need.gpus:
        yield f"{need.gpus} GPUs{f' {need.gpu_type}' if need.gpu_type else ''}"
    if need.minutes:
        yield f"{need.minutes} min"
    if job.environment:
        yield f"environment {job.environment}"
    if job.nodes > 1:
        yield f"{job.nodes} nodes"
    if job.scattered:
        yield "as many jobs as there are shards"


def _hours(jobs: list[PlannedJob]) -> str:
    if jobs[0].place == "local":
        return ""
    total = sum(job.core_hours or 0.0 for job in jobs)
    open_ = sum(job.core_hours is None for job in jobs)
    return f", {total:.1f} core-hours asked" + (f", {open_} without a limit" if open_ else "")


def _sum(jobs: tuple[PlannedJob, ...]) -> float:
    return round(sum(job.core_hours or 0.0 for job in jobs if job.place != "local"), 3)


def _place(name: str) -> str:
    return "this machine" if name == "local" else name


def _size(hop: Hop) -> str:
    if hop.is_known:
        return size_words(hop.size)
    return f"{size_words(hop.size)}, and what nobody knows the size of yet" if hop.size else "of a size that nobody knows yet"
