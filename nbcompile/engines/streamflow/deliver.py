"""What a person sees of a step, brought to the directory of the run: while it runs, and when it has ended."""

from __future__ import annotations

import asyncio
import contextlib
from pathlib import Path

from nbcompile.backend import JobRef, JobStatus, Output, Stream
from nbcompile.engines.directory import RunDirectory
from nbcompile.engines.streamflow.allowance import name_of_files
from nbcompile.engines.streamflow.place import Place
from nbcompile.engines.streamflow.tree import Content
from nbcompile.model.errors import NbcompileError
from nbcompile.model.plan import StepId

_LOOK_SECONDS = 1.0
# Of many jobs each is looked at less often.
_SECONDS_PER_JOB = 0.1
_LONGEST_LOG = 1 << 20


class Delivery:
    """Keeps the directory of a run up to date with what happens at the places; without one, nothing is brought."""

    def __init__(self, directory: RunDirectory | None) -> None:
        self._directory = directory
        self._following: dict[JobRef, asyncio.Task[None]] = {}

    def follow(self, place: Place, ref: JobRef, step: StepId, shard: str) -> None:
        """Begin to write the events of a running step to where those of a step of this machine are."""
        if self._directory is not None and not shard and ref not in self._following:
            path = self._directory.events(step)
            path.parent.mkdir(parents=True, exist_ok=True)
            path.unlink(missing_ok=True)
            self._following[ref] = asyncio.ensure_future(self._follow(place, ref, path))

    async def bring(self, place: Place, status: JobStatus, step: StepId, shard: str, *, ran: bool = True) -> None:
        """Bring what the step's cells showed, the files they wrote, and, where it `ran` in this run, what its process printed besides."""
        if self._directory is None:
            return
        following = self._following.pop(status.ref, None)
        if following is not None:
            following.cancel()
            await asyncio.gather(following, return_exceptions=True)
            await self._append(place, status.ref, self._directory.events(step))
        name = StepId(f"{step}.{shard}" if shard else step)
        wanted = [(_content(output), target) for output in status.outputs if (target := _target(self._directory, output, step, name))]
        files = self._directory.files(name)
        shown = [(content, target) for content, target in wanted if files not in target.parents]
        await place.receive(shown)
        if ran:
            await self._bring_log(place, status.ref, self._directory.log(name))
        written = [(content, target) for content, target in wanted if files in target.parents]
        await place.receive(written, name_of_files([str(target.relative_to(files)) for _, target in written]))

    async def _follow(self, place: Place, ref: JobRef, path: Path) -> None:
        while True:
            with contextlib.suppress(NbcompileError):
                await self._append(place, ref, path)
            await asyncio.sleep(max(_LOOK_SECONDS, _SECONDS_PER_JOB * len(self._following)))

    async def _append(self, place: Place, ref: JobRef, path: Path) -> None:
        """Add what the step has said since; the length of the file is how much that was."""
        with path.open("ab") as file:
            async for piece in place.session.logs(ref, Stream.STDOUT, file.tell()):
                file.write(piece)
                file.flush()

    async def _bring_log(self, place: Place, ref: JobRef, path: Path) -> None:
        said = bytearray()
        async for piece in place.session.logs(ref, Stream.STDERR):
            said += piece
            if len(said) > _LONGEST_LOG:
                break
        path.write_bytes(said[:_LONGEST_LOG])


def _content(output: Output) -> Content:
    return Content(output.sha256, output.sha1, output.size)


def _target(directory: RunDirectory, output: Output, step: StepId, name: StepId) -> Path | None:
    """Where a file that a step wrote belongs; what only other steps read stays where it is."""
    if output.path == f"{step}.outputs.json":
        return directory.outputs(step)
    if name != step and output.path.startswith(f"{step}.outputs."):
        return directory.outputs(name)
    below = output.path.removeprefix(f"{step}.files/")
    return directory.files(name) / below if below != output.path else None
