"""Notes of what happened to steps -> their records, their failures, and the events that a person watches."""

from __future__ import annotations

import shutil
import signal
from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import Any

from nbcompile.backend import Cause
from nbcompile.engines.directory import RunDirectory
from nbcompile.engines.local.follow import StepFollower
from nbcompile.engines.outputs import cell_records, failures_in, last_shard, read_outputs
from nbcompile.engines.streamflow.more import how_to_ask_for_more
from nbcompile.engines.streamflow.notes import BEGAN, Note
from nbcompile.model.diagnostic import Diagnostic, Place
from nbcompile.model.placement import Placement
from nbcompile.model.plan import Resources, StepId
from nbcompile.model.run import Failure, Found, KnownStep, Notice, RunEvent, StepEnded, StepRecord, StepStarted, StepState, StepWaits
from nbcompile.rules import find_rule
from nbcompile.runtime.supervisor import report_death

_STATES = {"finished": StepState.FINISHED, "cancelled": StepState.CANCELLED}
_NAMES = {
    Cause.TIMEOUT: "TimeLimit",
    Cause.OUT_OF_MEMORY: "OutOfMemory",
    Cause.CANCELLED: "Cancelled",
    Cause.NODE_FAILURE: "NodeFailed",
    Cause.PREEMPTED: "Preempted",
    Cause.UNSCHEDULABLE: "Unschedulable",
    Cause.ENVIRONMENT: "EnvironmentFailed",
    Cause.LOST: "StepLost",
}
_ADVICE = {
    Cause.CANCELLED: "`nbcompile runs resume last` runs it again",
    Cause.UNSCHEDULABLE: "see `nbcompile doctor` for what the deployment has, and correct the placement",
    Cause.ENVIRONMENT: "see `nbcompile doctor`, and correct the environment of the deployment",
}
_CACHED = "cached"
_NOT_HERE = "it ended well, and what its cells showed is not in the directory of the run"
TRY_AGAIN = "`nbcompile runs resume last` goes on where this run ended"


class Records:
    """What is known of the steps of a run. `began` is when the run began, in seconds since 1970.

    `before` is what the journal knows from an earlier client of the run, or from a plan that it ran by before.
    """

    def __init__(
        self, directory: RunDirectory, placement: Placement, began: float, *, streams: bool, before: Sequence[KnownStep] = ()
    ) -> None:
        self._directory, self._began, self._streams = directory, began, streams
        self._before = {known.step: known for known in before}
        self._placement = placement
        self.steps = {placed.step: StepRecord(step=placed.step, cells=placed.cells, place=placed.target) for placed in placement.steps}
        self.failures: list[Failure] = []
        self.opened: dict[str, Note] = {}
        self.refused: Note | None = None
        self.jobs: dict[StepId, Note] = {}
        self.swept: set[str] = set()
        # Whether every step has ended well and all is here; the places may have nothing of the run any more.
        self.done = False
        self.told: dict[StepId, dict[str, Any]] = {}
        self._followers: dict[StepId, StepFollower] = {}

    def take(self, note: Note) -> Iterator[RunEvent]:
        """What one note is worth telling."""
        handle = {
            BEGAN: lambda _: iter(()),
            "opened": self._opened,
            "not-opened": self._not_opened,
            "place": self._place,
            "submitted": self._submitted,
            "state": self._state,
            "again": self._again,
            "ended": self._ended,
            "swept": self._swept,
            "done": self._all_done,
            "moved": self._moved,
        }[note["note"]]
        yield from handle(note)

    def news(self) -> Iterator[RunEvent]:
        """What running steps have said since the last time."""
        for follower in self._followers.values():
            yield from follower.news()

    def _opened(self, note: Note) -> Iterator[RunEvent]:
        self.opened[note["place"]] = note
        yield Notice(f"{note['place']}: {note['user']} on {note['host']}, at most {note['slots']} jobs at a time", detail=True)

    def _not_opened(self, note: Note) -> Iterator[RunEvent]:
        self.refused = note
        step = next((placed.step for placed in self._placement.steps if placed.target == note["place"]), StepId(""))
        message = f"`{note['place']}` cannot be used: {note['reason']}"
        where = f"{self._cells_of(step)} at {note['place']}: " if step else ""
        self.failures.append(
            Failure(step, -1, "PlaceFailed", f"{where}{message}", _lines(note["advice"]), lost=True, code=note.get("rule", ""))
        )
        yield Notice(message)

    def _place(self, note: Note) -> Iterator[RunEvent]:
        words = {"away": "is away", "connected": "is back", "waiting-for-login": "waits for a login"}
        yield Notice(f"{note['place']} {words.get(note['state'], note['state'])}: {note['reason']}")

    def _swept(self, note: Note) -> Iterator[RunEvent]:
        # Where something is left, the engine tries once more, and tells what it cannot end either.
        self.swept |= set() if note["left"] else {note["place"]}
        yield from ()

    def _all_done(self, _: Note) -> Iterator[RunEvent]:
        self.done = True
        yield from ()

    @staticmethod
    def _moved(note: Note) -> Iterator[RunEvent]:  # noqa: ARG004 - a next client reads it
        yield from ()

    def _submitted(self, note: Note) -> Iterator[RunEvent]:
        step = StepId(note["step"])
        self.jobs[step] = note
        record = self.steps[step]
        if record.started_seconds is None:
            record = self.steps[step] = replace(record, started_seconds=self._since(note), place=note["place"])
            yield StepStarted(step, record.cells, record.started_seconds or 0.0, f"at {note['place']}")

    def _state(self, note: Note) -> Iterator[RunEvent]:
        step = StepId(note["step"])
        if note["state"] == "running" and step not in self._followers and not note["shard"]:
            self._followers[step] = StepFollower(step, self._directory.events(step), streams=self._streams)
        yield StepWaits(step, note["place"], note["state"], note["native"], note["reason"], note["start"])

    def _again(self, note: Note) -> Iterator[RunEvent]:
        self._followers.pop(StepId(note["step"]), None)
        yield Notice(f"{note['step']} is tried again at {note['place']}: {note['reason']}")

    def _ended(self, note: Note) -> Iterator[RunEvent]:
        step = StepId(note["step"])
        name = StepId(f"{step}.{note['shard']}" if note["shard"] else step)
        outputs = self._outputs(name, note)
        if note["state"] == "finished" and not note["shard"] and not outputs:
            # A notebook without its outputs is no result, whatever lost them.
            note = {**note, "state": "failed", "found": False, "cause": Cause.LOST.value, "reason": _NOT_HERE}
        follower = self._followers.pop(step, None) or StepFollower(step, self._directory.events(step), streams=self._streams)
        if not note["shard"]:
            yield from follower.last_news(outputs)
        self.failures += self._failures(step, name, note, outputs)
        yield from self._findings(step, note)
        if note.get("cached") and self.steps[step].started_seconds is None:
            yield StepStarted(step, self.steps[step].cells, self._since(note), _CACHED)
        if not note["shard"]:
            self.told[step] = note.get("told") or {}
        self.steps[step] = self._earlier(step, note) or self._record(step, note, outputs)
        if note["shard"] and note["state"] != "finished" and not note.get("withdrawn"):
            self._show_shard(step, name)
        if not note["shard"] or self.steps[step].state is StepState.FAILED:
            yield StepEnded(self.steps[step], self._since(note))

    def _show_shard(self, step: StepId, name: StepId) -> None:
        """A shard that failed is what there is to see of its step."""
        source, target = self._directory.outputs(name), self._directory.outputs(step)
        if source.exists() and not target.exists():
            target.parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(source, target)

    def _outputs(self, name: StepId, note: Note) -> dict[str, Any]:
        """What the cells showed; of a step that could not write it down itself, what it had told on the way."""
        path, journal = self._directory.outputs(name), self._directory.events(name)
        if note["state"] != "finished" and not path.exists() and journal.exists():
            report_death(str(journal.parent), str(path), signal.SIGKILL)
        return read_outputs(path)

    def _earlier(self, step: StepId, note: Note) -> StepRecord | None:
        """The record of a step that had finished before: what it took was taken then."""
        known = self._before.get(step)
        found = note.get("found") and not note["shard"] and known and known.record and known.key == note["key"]
        if found and known and known.record and known.record.state is not StepState.FINISHED:
            return None  # what it had made could not be brought then
        return replace(known.record, why="it had finished before the run went on") if found and known and known.record else None

    def _record(self, step: StepId, note: Note, outputs: dict[str, Any]) -> StepRecord:
        before = self.steps[step]
        state = _STATES.get(note["state"], StepState.FAILED)
        if state is StepState.CANCELLED and not note["withdrawn"]:
            state = StepState.FAILED
        started = before.started_seconds if before.started_seconds is not None else self._since(note)
        cached = bool(note.get("cached")) and not note["shard"]
        if cached:
            before = replace(before, start=_CACHED, cached=True, why="its result was kept by an earlier run")
        return replace(
            before,
            state=before.state if before.state is StepState.FAILED or (note["shard"] and state is StepState.FINISHED) else state,
            exit_code=note.get("exit"),
            started_seconds=started,
            seconds=note["seconds"] if cached else self._since(note) - started,
            cpu_seconds=_sum(before.cpu_seconds, note.get("cpu_seconds")),
            peak_memory_mib=max(before.peak_memory_mib or 0.0, note.get("peak_memory_mib") or 0.0) or None,
            place=note["place"],
            cell_records=cell_records(outputs),
        )

    def _failures(self, step: StepId, name: StepId, note: Note, outputs: dict[str, Any]) -> list[Failure]:
        if note["state"] == "finished" or note.get("withdrawn"):
            return []
        if rule := find_rule(note.get("code", "")):
            kind = rule.name.title().replace("-", "")
            return [Failure(step, -1, kind, self._what_became(note, ""), _lines(note["advice"]), shard=_label(note), code=rule.code)]
        cause = Cause(note.get("cause", ""))
        if cause is Cause.EXIT and (found := failures_in(step, note["exit"] or 0, outputs)):
            return found
        cells = outputs.get("cells") or ()
        cell = cells[-1]["index"] if cells and cells[-1].get("state") == "died" else -1
        kind = "StepBroken" if cause is Cause.EXIT else _NAMES.get(cause, "StepLost")
        problem = outputs.get("problem") or {}
        said = (problem.get("message") or self._last_words(name)) if cause is Cause.EXIT else ""
        return [
            Failure(
                step,
                cell,
                kind,
                self._what_became(note, said),
                _lines(problem.get("advice") or note.get("advice") or self._advice(step, cause, note["place"])),
                lost=True,
                shard=last_shard(outputs) or _label(note),
            )
        ]

    def _findings(self, step: StepId, note: Note) -> Iterator[RunEvent]:
        """What the run did that a rule forbids."""
        rule = None if note.get("withdrawn") else find_rule(note.get("code", ""))
        if rule is not None:
            message = self._what_became({**note, "reason": note["reason"].removeprefix(f"{rule.code} ")}, "")
            yield Found(Diagnostic(rule=rule, message=message, place=Place(self.steps[step].cells[0]), help=note["advice"]))

    def _advice(self, step: StepId, cause: Cause, place: str) -> str:
        asked = Resources(**self.jobs[step]["resources"]) if step in self.jobs else Resources()
        return how_to_ask_for_more(cause, asked, place) or _ADVICE.get(cause, TRY_AGAIN)

    def _what_became(self, note: Note, said: str) -> str:
        job = f", job {note['native']}" if note.get("native") and note["native"] != "this machine" else ""
        on = f" on {note['host']}" if note.get("host") else ""
        where = f"{self._cells_of(StepId(note['step']))} at {note['place']}{job}{on}"
        cause = note.get("cause", "").upper()
        words = ": ".join(word for word in (cause if cause not in ("", "EXIT") else "", said or note["reason"]) if word)
        return f"{where}: {words or note['state'].upper()}"

    def _cells_of(self, step: StepId) -> str:
        cells = self.steps[step].cells
        return f"{step} (cell{'' if len(cells) == 1 else 's'} {', '.join(map(str, cells))})"

    def _last_words(self, name: StepId) -> str:
        log = self._directory.log(name)
        lines = log.read_text("utf-8", "replace").strip().splitlines() if log.exists() else []
        return lines[-1] if lines else ""

    def _since(self, note: Note) -> float:
        return max(0.0, float(note["at"]) - self._began)


def _sum(before: float | None, more: float | None) -> float | None:
    return before if more is None else (before or 0.0) + more


def _label(note: Note) -> str:
    """What a person calls the shard of a note."""
    return str(note["shard"]).replace(".", "-")


def _lines(advice: str) -> tuple[str, ...]:
    return (advice,) if advice else ()
