"""What earlier runs made at deployments: found under the key of a step, and presented as if it had run.

The bytes of a result stay in the store of its place; kept here are their digests, and what the result is made of. A step of this
machine works in a store that goes with its run, so that its bytes are kept here as well. A key is made as on this machine
(nbcompile/engines/keys.py), and holds the place besides. Shards, and what gathers them, are known by the contents they are given.
"""

from __future__ import annotations

import asyncio
import hashlib
import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from nbcompile.backend import Job, JobRef, JobState, JobStatus, Output, RunId, Session
from nbcompile.engines.cache import is_worth_keeping
from nbcompile.engines.directory import RunDirectory
from nbcompile.engines.keys import StepInput, StepKey, changed_parts, step_key, surroundings
from nbcompile.engines.outputs import read_outputs
from nbcompile.engines.store import Experience, KeptFile, PlacedResult, Result, Store
from nbcompile.engines.streamflow.command import RUNTIME
from nbcompile.engines.streamflow.transfer import Sender, fetch
from nbcompile.model.errors import NbcompileError
from nbcompile.model.graph import Version
from nbcompile.model.placement import PlacedStep
from nbcompile.model.plan import Link, Plan, StepId
from nbcompile.model.reuse import Reuse
from nbcompile.model.software import Site, Software, read_software

FILE_NAME = "past.json"
NATIVE = "cache"
"""What stands for the native id of a job that did not run."""

_HERE = "local"
_ALWAYS = ("IPython",)
_OUTSIDE = ("/", "~")
_LOOK_SECONDS = 60.0
# What a step wrote is on its way here when the next one starts.
_PATIENCE_SECONDS = 600.0
# A file is known by its size and its time, a directory by those of all below it; a large one is not looked at.
_STAMP = """
import json, os, sys
def stamp(path):
    found = os.stat(path)
    if not os.path.isdir(path):
        return [[found.st_size, found.st_mtime_ns]]
    entries = []
    for folder, folders, names in os.walk(path):
        folders.sort()
        for name in sorted(names):
            one = os.lstat(os.path.join(folder, name))
            entries.append([os.path.relpath(os.path.join(folder, name), path), one.st_size, one.st_mtime_ns])
        if len(entries) > 10000:
            return None
    return entries
answer = {}
for path in json.load(sys.stdin):
    try:
        answer[path] = stamp(os.path.expanduser(path))
    except OSError:
        answer[path] = "absent"
print(json.dumps(answer))
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class StepFacts:
    """What the plan knows of a step that its placement does not say."""

    links: tuple[Link, ...]
    files_in: tuple[str, ...]
    reuse: Reuse


@dataclass(frozen=True, slots=True, kw_only=True)
class PastFacts:
    """What is needed to know a result again: where results are kept, the notebook's name among them, steps, and sites."""

    root: str
    name: str
    steps: Mapping[StepId, StepFacts]
    sites: Mapping[Site, Software]


def past_facts(root: Path, name: str, plan: Plan, reuse: Mapping[StepId, Reuse], sites: Mapping[Site, Software]) -> PastFacts:
    """The facts of a plan."""
    steps = {
        step.id: StepFacts(
            links=tuple(link for link in plan.links if link.target == step.id),
            files_in=step.files_in,
            reuse=reuse.get(step.id, Reuse(volatile="nothing is known of it")),
        )
        for step in plan.steps
    }
    return PastFacts(root=str(root), name=name, steps=steps, sites=sites)


def write_facts(facts: PastFacts) -> bytes:
    """The facts as JSON."""
    sites = [[site.deployment, site.environment, asdict(software)] for site, software in facts.sites.items()]
    return json.dumps(
        {"root": facts.root, "name": facts.name, "steps": {step: asdict(one) for step, one in facts.steps.items()}, "sites": sites}
    ).encode()


def read_facts(content: bytes) -> PastFacts:
    """The inverse of `write_facts`."""
    found = json.loads(content)
    sites = {Site(deployment, environment): read_software(one) for deployment, environment, one in found["sites"]}
    steps = {StepId(step): _step_facts(one) for step, one in found["steps"].items()}
    return PastFacts(root=found["root"], name=found["name"], steps=steps, sites=sites)


@dataclass(frozen=True, slots=True)
class Told:
    """What the journal should know of a step's key."""

    parts: Mapping[str, str] = field(default_factory=dict)
    changes: tuple[str, ...] = ()
    not_kept: str = ""


class PlacedPast:
    """The results of earlier runs, for one run. `bundle` has the documents of the steps."""

    def __init__(self, facts: PastFacts, run: RunId, bundle: Path, directory: RunDirectory) -> None:
        self._facts, self._run, self._bundle, self._directory = facts, run, bundle, directory
        self._store = Store(Path(facts.root))
        self._runtime = (bundle / RUNTIME).read_text("utf-8")
        self._known: dict[str, Experience | None] = {}
        self._keys: dict[tuple[str, int], StepKey | None] = {}
        self._told: dict[StepId, Told] = {}
        self._delivered: dict[StepId, asyncio.Event] = {}

    def delivered(self, step: StepId) -> None:
        """What a step's cells showed is here, or will never be."""
        self._there(step).set()

    def told(self, step: StepId) -> Told:
        """What is known of a step's key."""
        return self._told.get(step, Told())

    async def recall(self, session: Session, place: str, step: PlacedStep, job: Job, *, whole: bool) -> JobStatus | None:
        """What an earlier run made of a job, if the place still has it. `whole` says that the job is the whole step."""
        last = self._last(place, step)
        # The first run of a step waits for nothing.
        if last is None or self._why_never(place, step):
            return None
        key = await self._key(session, place, step, job, whole=whole)
        if key is None:
            return None
        for result in self._results(place, key):
            changes = self._differing(result, place, step)
            outputs = None if changes else await self._outputs_of(session, result)
            if outputs is not None:
                return self._status(place, job, result, outputs)
            self._told[step.step] = Told(key.parts, changes or ("its place no longer has what it made",))
            return None
        self._told[step.step] = Told(key.parts, tuple(changed_parts(last.parts, key.parts)) or ("its result was no longer kept",))
        return None

    async def keep(self, session: Session, place: str, step: PlacedStep, job: Job, status: JobStatus, name: StepId, *, whole: bool) -> None:
        """Keep what a job has made, if other runs may use it. `name` is what its outputs are called in the run's directory."""
        why, outputs = self._why_never(place, step), read_outputs(self._directory.outputs(name))
        if not why and (not outputs or not is_worth_keeping(outputs, self._facts.steps[step.step].reuse)):
            why = "it had to do with more than its inputs"
        if not why and outputs.get("sources"):
            why = "it imports files there that nobody installed"
        key = None if why else await self._key(session, place, step, job, whole=whole)
        before = self.told(step.step)
        self._told[step.step] = Told(key.parts if key else {}, before.changes, why or ("" if key else "its inputs are not all known"))
        if key is None:
            return
        result = PlacedResult(
            step=step.step,
            files=status.outputs,
            versions=self._versions(place, step, outputs.get("modules", ())),
            seconds=status.seconds or 0.0,
            cpu_seconds=status.cpu_seconds or 0.0,
            peak_memory_mib=status.peak_memory_mib or 0.0,
        )
        if place == _HERE:
            self._store.publish(key.digest, await self._taken(session, result))
        else:
            self._store.publish_placed(key.digest, result)
        self._note(place, step, key, result)

    # Keys.

    async def _key(self, session: Session, place: str, step: PlacedStep, job: Job, *, whole: bool) -> StepKey | None:
        asked = (job.key, job.attempt)
        if asked not in self._keys:
            self._keys[asked] = await self._made_key(session, place, step, job, whole=whole)
        return self._keys[asked]

    async def _made_key(self, session: Session, place: str, step: PlacedStep, job: Job, *, whole: bool) -> StepKey | None:
        facts, document = self._facts.steps[step.step], json.loads((self._bundle / f"steps/{step.step}.json").read_bytes())
        stamps = await _stamps(session, [path for path in facts.files_in if path.startswith(_OUTSIDE)])
        inputs = await self._inputs(facts.links) if whole else [_any_definition(document)]
        if stamps is None or inputs is None:
            return None
        software = self._facts.sites[Site(place, step.environment)]
        probe = {"version": software.python, "implementation": software.implementation, "platform": software.platform}
        around = {
            **surroundings(probe, self._runtime, _environment(job), facts.reuse.variables),
            "place": place,
            "environment": _digest(asdict(job.environment)),
            "command": _digest([word for word in job.argv if not word.startswith("../in/")]),
            **dict(_contents(job, step, whole=whole)),
        }
        return step_key(document, around, inputs, stamps)

    async def _inputs(self, links: Sequence[Link]) -> list[StepInput] | None:
        """What links bring, once it is known; nothing where that never will be."""
        found = []
        for link in links:
            try:
                await asyncio.wait_for(self._there(link.source).wait(), _PATIENCE_SECONDS)
            except asyncio.TimeoutError:
                return None
            outputs = read_outputs(self._directory.outputs(link.source))
            if not outputs:
                return None
            wanted = {str(version) for version in link.versions}
            names = (
                name
                for payload in outputs.get("payloads", ())
                for version in payload["versions"]
                if version["version"] in wanted
                for name in version.get("definitions", ())
            )
            found.append(StepInput(link, outputs, tuple(dict.fromkeys(names))))
        return found

    def _there(self, step: StepId) -> asyncio.Event:
        return self._delivered.setdefault(step, asyncio.Event())

    # Whether a result may be used.

    def _why_never(self, place: str, step: PlacedStep) -> str:
        facts = self._facts.steps.get(step.step)
        if facts is None or Site(place, step.environment) not in self._facts.sites:
            return "nobody knows the software it ran with"
        unknown = facts.reuse.variables and place != _HERE
        return facts.reuse.volatile or ("it reads environment variables of its place" if unknown else "")

    def _versions(self, place: str, step: PlacedStep, modules: Iterable[str]) -> Mapping[str, str]:
        """The distributions that brought these modules; all, where the Python there cannot tell."""
        software = self._facts.sites[Site(place, step.environment)]
        if not software.tops:
            return software.versions
        names = {name for module in (*modules, *_ALWAYS) for name in software.tops.get(module, ())}
        return {name: software.versions.get(name, "") for name in sorted(names)}

    def _differing(self, result: PlacedResult | Result, place: str, step: PlacedStep) -> tuple[str, ...]:
        now = self._facts.sites[Site(place, step.environment)].versions
        changed = ((name, version, now.get(name, "absent")) for name, version in result.versions.items() if now.get(name) != version)
        return tuple(f"{name} {before} before, {after} now" for name, before, after in changed)

    def _results(self, place: str, key: StepKey) -> Iterator[PlacedResult | Result]:
        return self._store.find(key.digest) if place == _HERE else self._store.find_placed(key.digest)

    async def _outputs_of(self, session: Session, result: PlacedResult | Result) -> tuple[Output, ...] | None:
        """What the place has of a result, once all of it is there; nothing where it cannot be."""
        try:
            if isinstance(result, Result):
                return await self._given_back(session, result)
            digests = {one.sha256 for one in result.files}
            return result.files if digests <= await session.has(sorted(digests)) else None
        except (NbcompileError, OSError):
            return None

    async def _given_back(self, session: Session, result: Result) -> tuple[Output, ...]:
        """Bring what is kept here into the store of this run."""
        sender, found = Sender(session), []
        with self._passing() as directory:
            for number, kept in enumerate(result.kept):
                path = directory / str(number)
                await asyncio.to_thread(self._store.put, kept.blob, path, shared=True)
                content = await sender.take_file(path)
                found.append(Output(kept.path, content.size, content.sha256, content.sha1))
        return tuple(found)

    async def _taken(self, session: Session, result: PlacedResult) -> Result:
        """A result with bytes of its own. Raises where they cannot be kept."""
        kept = []
        with self._passing() as directory:
            for number, one in enumerate(result.files):
                path = directory / str(number)
                await fetch(session.get(one.sha256), path)
                kept.append(KeptFile(one.path, await asyncio.to_thread(self._store.add, path, shared=True)))
        outputs = min(kept, key=lambda one: not one.path.startswith(f"{result.step}.outputs"))
        return Result(
            step=result.step,
            outputs=outputs,
            payloads=tuple(one for one in kept if one is not outputs),
            versions=result.versions,
            seconds=result.seconds,
            cpu_seconds=result.cpu_seconds,
            peak_memory_mib=result.peak_memory_mib,
        )

    @contextmanager
    def _passing(self) -> Iterator[Path]:
        """A directory for what passes from one store to another."""
        with TemporaryDirectory(prefix="passing-", dir=self._directory.state) as directory:
            yield Path(directory)

    def _status(self, place: str, job: Job, result: PlacedResult | Result, outputs: tuple[Output, ...]) -> JobStatus:
        ref = JobRef(deployment=place, run=self._run, key=job.key, attempt=job.attempt, native=NATIVE)
        return JobStatus(
            ref=ref,
            state=JobState.FINISHED,
            exit_code=0,
            native=NATIVE,
            seconds=result.seconds,
            cpu_seconds=result.cpu_seconds,
            peak_memory_mib=result.peak_memory_mib,
            outputs=outputs,
        )

    # What a step was last made of.

    def _last(self, place: str, step: PlacedStep) -> Experience | None:
        name = self._name(place, step)
        if name not in self._known:
            self._known[name] = self._store.last(name)
        return self._known[name]

    def _note(self, place: str, step: PlacedStep, key: StepKey, result: PlacedResult) -> None:
        took = Experience(parts=key.parts, seconds=result.seconds, peak_memory_mib=result.peak_memory_mib)
        self._store.note(self._name(place, step), took)

    def _name(self, place: str, step: PlacedStep) -> str:
        return f"{self._facts.name} {step.step} at {place}"


def _contents(job: Job, step: PlacedStep, *, whole: bool) -> Iterator[tuple[str, str]]:
    """The files a job is given. Of a whole step payloads are known by what is in them, and are no part of this."""
    ours = (RUNTIME, f"{step.step}.json")
    for one in job.inputs:
        name = one.name.partition("/")[2]
        if name not in ours and not (whole and name.endswith(".nbc") and "/" not in name):
            yield f"given {one.name if not whole else name}", one.sha256


def _environment(job: Job) -> dict[str, str]:
    """The variables a job finds; what is made of them here holds no value."""
    return dict(job.variables) | {name: secret.reveal() for name, secret in job.secrets}


def _any_definition(document: Mapping[str, Any]) -> StepInput:
    """What a shard brings may mention any definition."""
    nothing = Link(StepId(""), StepId(""), "", ())
    return StepInput(nothing, {}, tuple(one["id"] for one in document["definitions"]))


async def _stamps(session: Session, paths: Sequence[str]) -> dict[str, str] | None:
    """What tells files of the place apart from what they were; nothing where that cannot be told."""
    if not paths:
        return {}
    try:
        done = await session.exec(["python3", "-sBc", _STAMP], stdin=json.dumps([*paths]).encode(), seconds=_LOOK_SECONDS)
        found = json.loads(done.stdout)
    except (NbcompileError, ValueError):
        return None
    if not isinstance(found, dict) or any(found.get(path) is None for path in paths):
        return None
    return {path: _digest(found[path]) for path in paths}


def _step_facts(found: Mapping[str, Any]) -> StepFacts:
    links = tuple(
        Link(StepId(source), StepId(target), payload, tuple(Version(*version) for version in versions), shards)
        for source, target, payload, versions, shards in found["links"]
    )
    reuse = found["reuse"]
    return StepFacts(
        links=links,
        files_in=tuple(found["files_in"]),
        reuse=Reuse(volatile=reuse["volatile"], variables=tuple(reuse["variables"]), seeded=tuple(reuse["seeded"])),
    )


def _digest(value: object) -> str:
    return hashlib.sha256(json.dumps(value, sort_keys=True).encode("utf-8", "surrogatepass")).hexdigest()
