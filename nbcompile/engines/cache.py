"""Results from one run to the next: found under the key of a step, put into its directory as if it had run, kept after it has."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from nbcompile.engines.directory import RunDirectory
from nbcompile.engines.distributions import Distributions
from nbcompile.engines.file_digests import ABSENT, sha256_of
from nbcompile.engines.keys import StepKey, changed_parts
from nbcompile.engines.store import KeptFile, Result, Store
from nbcompile.model.plan import StepId
from nbcompile.model.reuse import Reuse
from nbcompile.model.run import StepRecord

if TYPE_CHECKING:
    from concurrent.futures import Future

# What cells show depends on it, whatever they import.
_ALWAYS = ("IPython",)


@dataclass(frozen=True, slots=True)
class WarmModules:
    """What a process that does imports for many steps has loaded: which module imports which, and files that nobody installed."""

    edges: Mapping[str, Sequence[str]] = field(default_factory=dict)
    sources: Mapping[str, Sequence[str]] = field(default_factory=dict)

    def needed_by(self, imported: Iterable[str] | None) -> tuple[str, ...]:
        """The modules that come with those `imported`; all, where it is not known which these are."""
        if imported is None:
            return tuple(dict.fromkeys((*self.edges, *(name for names in self.edges.values() for name in names))))
        found = dict.fromkeys(imported)
        waiting = list(found)
        while waiting:
            for name in self.edges.get(waiting.pop(), ()):
                if name not in found:
                    found[name] = None
                    waiting.append(name)
        return tuple(found)


@dataclass(frozen=True, slots=True, kw_only=True)
class Made:
    """A step that ended well: the payloads it wrote, the modules it depends on, and files of such that no distribution installed."""

    record: StepRecord
    payloads: tuple[str, ...] = ()
    modules: tuple[str, ...] = ()
    sources: tuple[str, ...] = ()


class ResultCache:
    """The results of earlier runs, for one run. What is kept is copied in a second thread, while the next steps run."""

    def __init__(self, store: Store, installed: Distributions) -> None:
        self._store, self._installed = store, installed
        self._sources: dict[str, str] = {}
        # Runs without a cache start sooner without it.
        from concurrent.futures import ThreadPoolExecutor  # noqa: PLC0415

        self._keeper = ThreadPoolExecutor(1, "keeper")
        self._kept: list[Future[None]] = []

    def find(self, key: StepKey) -> Result | None:
        """A whole result under this key that was made with the versions that are installed now."""
        try:
            return next((result for result in self._store.find(key.digest) if not self._differing(result)), None)
        except OSError:
            return None

    def changes(self, key: StepKey, name: str) -> tuple[str, ...]:
        """What keeps the newest result called `name` from being used, in words; empty where there is none."""
        try:
            versions = next((self._differing(result) for result in self._store.find(key.digest)), ())
        except OSError:
            versions = ()
        last = self._store.last(name)
        return versions or (tuple(changed_parts(last.parts, key.parts)) or ("its result was no longer kept",) if last else ())

    def restore(self, result: Result, directory: RunDirectory, step: StepId) -> bool:
        """Put a result where the step would have left it; false when it has gone meanwhile."""
        work = directory.work(step)
        shutil.rmtree(work, ignore_errors=True)
        try:
            for kept in result.kept:
                self._store.put(kept.blob, work / kept.path, shared=kept in result.payloads)
        except OSError:
            shutil.rmtree(work, ignore_errors=True)
            return False
        return True

    def keep(self, key: StepKey, made: Made, directory: RunDirectory) -> None:
        """Keep what a step has made."""
        self._kept.append(self._keeper.submit(self._publish, key, made, directory))

    def close(self) -> tuple[str, ...]:
        """Wait until everything is kept; says why something could not be."""
        self._keeper.shutdown(wait=True)
        problems = (str(one.exception()) for one in self._kept if isinstance(one.exception(), OSError))
        for one in self._kept:
            if one.exception() is not None and not isinstance(one.exception(), OSError):
                one.result()
        return tuple(dict.fromkeys(problems))

    def _publish(self, key: StepKey, made: Made, directory: RunDirectory) -> None:
        step, record = made.record.step, made.record
        work = directory.work(step)

        def kept(path: Path, *, shared: bool = False) -> KeptFile:
            return KeptFile(path.relative_to(work).as_posix(), self._store.add(path, shared=shared))

        self._store.publish(
            key.digest,
            Result(
                step=step,
                outputs=kept(directory.outputs(step)),
                payloads=tuple(kept(work / f"{payload}.nbc", shared=True) for payload in made.payloads),
                files=tuple(kept(path) for path in sorted(directory.files(step).rglob("*")) if path.is_file()),
                parts=key.parts,
                versions={**self._installed.owners((*made.modules, *_ALWAYS)), **{path: _source_digest(path) for path in made.sources}},
                seconds=record.seconds or 0.0,
                cpu_seconds=record.cpu_seconds or 0.0,
                peak_memory_mib=record.peak_memory_mib or 0.0,
            ),
        )

    def _differing(self, result: Result) -> tuple[str, ...]:
        now = {name: self._version(name) for name in result.versions}
        return tuple(
            f"{name} changed" if os.sep in name else f"{name} {version} before, {now[name]} now"
            for name, version in result.versions.items()
            if now[name] != version
        )

    def _version(self, name: str) -> str:
        """The version of a distribution, or the digest of a source file that belongs to none, as it is now."""
        if os.sep not in name:
            return self._installed.version(name) or ABSENT
        if name not in self._sources:
            self._sources[name] = _source_digest(name)
        return self._sources[name]


def is_worth_keeping(outputs: Mapping[str, Any], reuse: Reuse) -> bool:
    """Whether another run may use a result: nothing went wrong, and the step had to do with nothing but its inputs."""
    return not reuse.volatile and not outputs.get("guards") and all(one in reuse.seeded for one in outputs.get("contacts", ("unknown",)))


def _source_digest(path: str) -> str:
    try:
        return sha256_of(Path(path))
    except OSError:
        return ABSENT
