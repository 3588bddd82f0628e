"""Bytes arrive as they were sent, under the names they have, and nothing else does."""

from __future__ import annotations

import contextlib
import hashlib

import pytest

from nbcompile.backend import Fatal, JobInput, JobState, Lost
from nbcompile.testing.place import PlaceUnderTest, pieces, promise

NAMES = ("plain.txt", "with space", "ünï-çødé", "new\nline", "-leading", "quote'\"`$(id)", "back\\slash", "deep/er/file.txt", "*?[glob]")
READ = "import sys; sys.stdout.buffer.write(open(sys.argv[1], 'rb').read())"


class Files:
    """The store, inputs, outputs."""

    @pytest.mark.parametrize("size", [0, 1, 1 << 20, (5 << 20) + 3])
    @promise
    async def test_a_file_comes_back_as_it_was_put(self, place: PlaceUnderTest, size: int) -> None:
        """Put, then get, is the same bytes."""
        content = (hashlib.sha256(str(size).encode()).digest() * (size // 32 + 1))[:size]
        async with place.visit() as visit:
            assert await visit.fetched(await visit.put(content)) == content

    @promise
    async def test_a_file_that_is_not_what_its_digest_says_is_refused(self, place: PlaceUnderTest) -> None:
        """The place checks what arrives, and keeps nothing of it."""
        digest = hashlib.sha256(b"not this" + place.python.encode()).hexdigest()
        async with place.visit() as visit:
            with pytest.raises(Fatal):
                await visit.session.put(pieces(b"but this"), sha256=digest, size=8)
            assert not await visit.session.has([digest])

    @promise
    async def test_a_file_that_is_not_there_is_lost(self, place: PlaceUnderTest) -> None:
        """Getting it raises `Lost`, and is not an empty file."""
        async with place.visit() as visit:
            with pytest.raises(Lost):
                await visit.fetched(hashlib.sha256(b"never put anywhere").hexdigest())

    @promise
    async def test_a_job_without_its_input_is_not_started(self, place: PlaceUnderTest) -> None:
        """Submitting it raises `Lost`."""
        async with place.visit() as visit:
            with pytest.raises(Lost):
                await visit.session.submit(visit.job("pass", inputs=(JobInput("gone", hashlib.sha256(b"never put").hexdigest()),)))

    @pytest.mark.parametrize("name", NAMES, ids=[str(number) for number in range(len(NAMES))])
    @promise
    async def test_an_input_has_its_name(self, place: PlaceUnderTest, name: str) -> None:
        """The job finds it as `../in/NAME`, whatever characters that holds."""
        async with place.visit() as visit:
            given = await visit.given(name, b"for " + name.encode())
            status = await visit.result(visit.job(READ, f"../in/{name}", inputs=(given,)))
            assert await visit.printed(status.ref) == b"for " + name.encode()

    @pytest.mark.parametrize("name", ["../escape", "/etc/escape", "a/../../b", "", "a//b", "./a"])
    @promise
    async def test_an_input_stays_in_its_directory(self, place: PlaceUnderTest, name: str) -> None:
        """A name that leads out of the job's directory is refused."""
        async with place.visit() as visit:
            given = await visit.put(b"x")
            with pytest.raises(Fatal):
                await visit.session.submit(visit.job("pass", inputs=(JobInput(name, given),)))

    @promise
    async def test_outputs_are_what_the_job_wrote(self, place: PlaceUnderTest) -> None:
        """Every regular file is an output with path, size and digests, and can be got."""
        code = (
            "import os, sys\n"
            "for name in sys.argv[1:]:\n"
            "    os.makedirs(os.path.dirname(name) or '.', exist_ok=True)\n"
            "    with open(name, 'w') as handle: handle.write('made ' + name)\n"
            "open('empty', 'w').close(); open('tool', 'w').write('#!/bin/sh'); os.chmod('tool', 0o755)\n"
        )
        async with place.visit() as visit:
            status = await visit.result(visit.job(code, *NAMES))
            found = {output.path: output for output in status.outputs}
            assert sorted(found) == sorted([*NAMES, "empty", "tool"])
            for name in NAMES:
                content = f"made {name}".encode()
                expected = (len(content), hashlib.sha256(content).hexdigest(), hashlib.sha1(content).hexdigest())  # noqa: S324
                assert found[name][1:4] == expected
                assert await visit.fetched(found[name].sha256) == content
            assert (found["empty"].size, found["tool"].executable, found["empty"].executable) == (0, True, False)

    @promise
    async def test_only_the_outputs_that_were_asked_for_are_kept(self, place: PlaceUnderTest) -> None:
        """Patterns choose among the first parts of the paths."""
        code = "import os; os.makedirs('keep/a'); [open(n, 'w') for n in ('keep/a/b', 'x.json', 'x.tmp')]"
        async with place.visit() as visit:
            status = await visit.result(visit.job(code, outputs=("keep", "*.json")))
        assert [output.path for output in status.outputs] == ["keep/a/b", "x.json"]

    @promise
    async def test_a_failed_job_has_outputs(self, place: PlaceUnderTest) -> None:
        """What a job wrote before it failed is there: it says why."""
        async with place.visit() as visit:
            status = await visit.result(visit.job("open('why', 'w').write('because'); raise SystemExit(3)"))
            assert [output.path for output in status.outputs] == ["why"]
            assert await visit.fetched(status.outputs[0].sha256) == b"because"

    @promise
    async def test_links_and_pipes_are_not_outputs(self, place: PlaceUnderTest) -> None:
        """A symbolic link to a file elsewhere does not bring that file."""
        code = (
            "import os; os.symlink('/etc/passwd', 'link'); os.mkfifo('pipe'); os.mkdir('d'); os.symlink('/etc', 'd/etc'); open('real', 'w')"
        )
        async with place.visit() as visit:
            status = await visit.result(visit.job(code))
        assert (status.state, [output.path for output in status.outputs]) == (JobState.FINISHED, ["real"])

    @promise
    async def test_an_output_is_the_next_jobs_input(self, place: PlaceUnderTest) -> None:
        """What one job wrote, another takes by digest, and no bytes travel."""
        async with place.visit() as visit:
            first = await visit.result(visit.job("open('made', 'wb').write(b'm' * 1000)"))
            given = JobInput("taken", first.outputs[0].sha256)
            second = await visit.result(visit.job(READ, "../in/taken", inputs=(given,)))
            assert await visit.printed(second.ref) == b"m" * 1000

    @promise
    async def test_a_job_that_changes_its_input_changes_it_for_nobody_else(self, place: PlaceUnderTest) -> None:
        """The next job finds what was put, or is told that it is lost."""
        code = "import os; os.chmod('../in/given', 0o600); open('../in/given', 'w').write('changed')"
        async with place.visit() as visit:
            given = await visit.given("given", b"original, " + visit.run.encode())
            await visit.result(visit.job(code, inputs=(given,)))
            try:
                status = await visit.result(visit.job(READ, "../in/given", inputs=(given,)))
            except Lost:
                return
            assert await visit.printed(status.ref) == b"original, " + visit.run.encode()

    @promise
    async def test_a_job_that_changes_its_output_later_is_noticed(self, place: PlaceUnderTest) -> None:
        """A file of the store that no longer is what its digest says is lost, and never passed on."""
        async with place.visit() as visit:
            first = await visit.result(visit.job("import os; open('made', 'w').write('m' * 50); print(os.getcwd())"))
            where = (await visit.printed(first.ref)).decode().strip()
            change = 'chmod u+w "$1"; printf changed > "$1"'
            await visit.session.exec(["sh", "-c", change, "change", f"{where}/made"])
            with contextlib.suppress(Lost, Fatal):
                assert await visit.fetched(first.outputs[0].sha256) == b"m" * 50

    @promise
    async def test_hundreds_of_outputs_arrive(self, place: PlaceUnderTest) -> None:
        """Many small files are many outputs."""
        async with place.visit() as visit:
            status = await visit.result(visit.job("import os; os.mkdir('d'); [open(f'd/{i}', 'w').write(str(i)) for i in range(300)]"))
        assert sorted(output.path for output in status.outputs) == sorted(f"d/{i}" for i in range(300))
