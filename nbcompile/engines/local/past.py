"""What need not run again: steps that had finished before a run was resumed, and results that the cache has."""

from __future__ import annotations

import contextlib
import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from nbcompile.engines.cache import Made, ResultCache, WarmModules, is_worth_keeping
from nbcompile.engines.file_digests import FileDigests, sha256_of
from nbcompile.engines.job import RunJob
from nbcompile.engines.keys import StepInput, StepKey, given_files, imported_modules, sent_through, step_key, surroundings
from nbcompile.engines.outputs import cell_records, read_outputs
from nbcompile.engines.store import Experience, Store
from nbcompile.model.graph import FILE
from nbcompile.model.plan import Link, Step, StepId
from nbcompile.model.reuse import Reuse
from nbcompile.model.run import KEPT, KnownStep, StepRecord, StepState
from nbcompile.runtime.payload_file import PayloadFile, Piece, read_index
from nbcompile.runtime.problem import StepProblem


@dataclass(slots=True)
class Past:
    """The keys of a run's steps, and what is known under them.

    `finished` are the steps that an earlier start of the same run had finished. Without a cache nothing is taken from
    other runs or kept for them.
    """

    job: RunJob
    probe: Mapping[str, Any]
    environ: Mapping[str, str]
    digests: FileDigests
    store: Store
    cache: ResultCache | None = None
    finished: Mapping[StepId, KnownStep] = field(default_factory=dict)
    warm: WarmModules = field(default_factory=WarmModules)
    keys: dict[StepId, StepKey] = field(default_factory=dict)
    _taken: list[tuple[str, Experience]] = field(default_factory=list)
    _changes: dict[StepId, tuple[str, ...]] = field(default_factory=dict)
    _mentioned: dict[StepId, tuple[str, ...]] = field(default_factory=dict)

    def experiences(self) -> dict[StepId, Experience]:
        """What steps took when they were last made."""
        found = ((step.id, self.store.last(self._name(step))) for step in self.job.plan.steps)
        return {step: experience for step, experience in found if experience}

    def key(self, step: Step) -> StepKey:
        """The key of a step all of whose inputs are there."""
        if step.id not in self.keys:
            inputs = [self._input(link) for link in self.job.plan.links if link.target == step.id]
            self._mentioned[step.id] = tuple(dict.fromkeys(name for one in inputs for name in one.definitions))
            around = surroundings(self.probe, self.job.runtime, self.environ, self._reuse(step).variables)
            files = given_files(step, self.job.notebook.parent, self.digests)
            self.keys[step.id] = step_key(self._document(step), around, inputs, files)
        return self.keys[step.id]

    def recall(self, step: Step) -> StepRecord | None:
        """What became of a step that need not run: its results are in its directory now."""
        known = self.finished.get(step.id)
        if known is None and self.cache is None:
            return None
        key = self.key(step)
        if known and known.record and known.key == key.digest and self._is_there(step.id, known):
            return replace(known.record, start=KEPT, why="it had finished before the run went on")
        if self.cache is None or not self._may_be_shared(step):
            return None
        result = self.cache.find(key)
        if result is None:
            self._changes[step.id] = self.cache.changes(key, self._name(step))
        if result is None or not self.cache.restore(result, self.job.directory, step.id):
            return None
        return StepRecord(
            step=step.id,
            cells=step.cells,
            state=StepState.FINISHED,
            exit_code=0,
            seconds=result.seconds,
            cpu_seconds=result.cpu_seconds,
            peak_memory_mib=result.peak_memory_mib,
            start="cached",
            cached=True,
            why="its result was kept by an earlier run",
            cell_records=cell_records(self._outputs(step.id)),
        )

    def remember(self, step: Step, record: StepRecord) -> KnownStep:
        """Keep the result of a step that ended, if other runs may use it; what the journal should know.

        What other runs should know is written down by `settle`: the next step need not wait for it.
        """
        known = KnownStep(step=step.id, state=record.state.value, record=record)
        if record.state is not StepState.FINISHED:
            return known
        key, outputs = self.key(step), self._outputs(step.id)
        why = self.why_not_kept(step, outputs)
        if self.cache is not None and not record.cached and not why:
            modules = (*self.warm.needed_by(imported_modules(self._document(step), self._mentioned[step.id])), *outputs["modules"])
            sources = [path for name in modules for path in (*self.warm.sources.get(name, ()), *outputs["sources"].get(name, ()))]
            payloads = tuple(payload["payload"] for payload in outputs["payloads"])
            made = Made(record=record, payloads=payloads, modules=modules, sources=tuple(dict.fromkeys(sources)))
            self.cache.keep(key, made, self.job.directory)
        if not record.cached:
            took = Experience(parts=key.parts, seconds=record.seconds or 0.0, peak_memory_mib=record.peak_memory_mib or 0.0)
            self._taken.append((self._name(step), took))
        job = {
            "outputs": sha256_of(self.job.directory.outputs(step.id)),
            "not_kept": why,
            "changes": list(self._changes.get(step.id, ())),
        }
        return replace(known, key=key.digest, parts=key.parts, job=job)

    def settle(self) -> None:
        """Write down what steps took that have ended. It tells later runs when to start them, also those that do not want results."""
        while self._taken:
            name, took = self._taken.pop()
            with contextlib.suppress(OSError):
                # A result that is not kept, as those that `verify` compares, is none that the next run could have used.
                last = self.store.last(name) if self.cache is None else None
                self.store.note(name, replace(took, parts=last.parts) if last else took)

    def why_not_kept(self, step: Step, outputs: Mapping[str, Any]) -> str:
        """Why other runs cannot use the result of a step; empty where they can."""
        if not self._may_be_shared(step):
            return self._reuse(step).volatile
        return "" if is_worth_keeping(outputs, self._reuse(step)) else "it had to do with more than its inputs"

    def _may_be_shared(self, step: Step) -> bool:
        return not self._reuse(step).volatile

    def _name(self, step: Step) -> str:
        return f"{self.job.notebook.absolute()} {step.id}"

    def _reuse(self, step: Step) -> Reuse:
        return self.job.reuse.get(step.id, Reuse())

    def _document(self, step: Step) -> Mapping[str, Any]:
        document: dict[str, Any] = json.loads(self.job.documents[step.id])
        return document

    def _outputs(self, step: StepId) -> Mapping[str, Any]:
        return read_outputs(self.job.directory.outputs(step))

    def _input(self, link: Link) -> StepInput:
        sends = bool(link.versions) and not link.versions[0].name.startswith(FILE)
        outputs, work = self._outputs(link.source), self.job.directory.work(link.source)
        paths = [work / f"{payload['payload']}.nbc" for payload in sent_through(link, outputs)] if sends else []
        wanted = {str(version) for version in link.versions}
        names = dict.fromkeys(name for path in paths if path.exists() for name in _definitions(str(path), wanted))
        return StepInput(link, outputs, tuple(names))

    def _is_there(self, step: StepId, known: KnownStep) -> bool:
        """Whether everything that a finished step left is still as it was."""
        directory = self.job.directory
        try:
            if sha256_of(directory.outputs(step)) != (known.job or {}).get("outputs"):
                return False
            outputs = self._outputs(step)
            for payload in outputs.get("payloads", ()):
                check_payload(str(directory.work(step) / f"{payload['payload']}.nbc"), payload["versions"])
            return all(
                sha256_of(directory.files(step) / str(file["cell"]) / file["path"]) == file["sha256"]
                for file in outputs.get("files", ())
                if "sha256" in file
            )
        except (OSError, StepProblem):
            return False


def _definitions(path: str, versions: set[str]) -> Iterable[str]:
    try:
        groups = read_index(path)["groups"]
    except StepProblem:
        # Whoever reads it tells what is wrong with it.
        return ()
    return dict.fromkeys(name for group in groups if versions & set(group["versions"]) for name in group["definitions"])


def check_payload(path: str, versions: list[Any]) -> None:
    """Compare all of a payload with its digests. Raises `StepProblem` where they differ."""
    payload = PayloadFile(path)
    payload.memory.close()
    if payload.index["versions"] != versions:
        raise StepProblem("NB592", f"the payload `{path}` is another than the step wrote")
    payload.check([Piece(*piece) for piece in payload.index["pieces"]])
