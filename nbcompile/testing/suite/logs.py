"""What a job prints."""

from __future__ import annotations

from nbcompile.backend import Stream
from nbcompile.testing.place import PlaceUnderTest, promise


class Logs:
    """Raw bytes, while it runs and after it ended."""

    @promise
    async def test_both_streams_are_kept_byte_for_byte(self, place: PlaceUnderTest) -> None:
        """Standard output and error are apart, and not decoded."""
        code = "import sys; sys.stdout.buffer.write(bytes(range(256))); sys.stderr.buffer.write(b'\\x1b[31mred\\xff\\r\\n')"
        async with place.visit() as visit:
            status = await visit.result(visit.job(code))
            assert await visit.printed(status.ref) == bytes(range(256))
            assert await visit.printed(status.ref, Stream.STDERR) == b"\x1b[31mred\xff\r\n"

    @promise
    async def test_a_log_is_read_on_from_where_one_was(self, place: PlaceUnderTest) -> None:
        """`offset` counts bytes; past the end there is nothing."""
        async with place.visit() as visit:
            status = await visit.result(visit.job("print('0123456789', end='')"))
            assert [await visit.printed(status.ref, offset=at) for at in (0, 4, 10, 99)] == [b"0123456789", b"456789", b"", b""]

    @promise
    async def test_a_running_jobs_log_can_be_read(self, place: PlaceUnderTest) -> None:
        """What is printed is there before the job ends."""
        async with place.visit() as visit:
            ref = await visit.session.submit(visit.job("import time; print('early', flush=True); time.sleep(120)"))
            assert await visit.until_printed(ref) == "early"
            assert (await visit.session.poll([ref]))[0].state.value == "running"

    @promise
    async def test_a_silent_job_has_an_empty_log(self, place: PlaceUnderTest) -> None:
        """No banner, no complaint."""
        async with place.visit() as visit:
            status = await visit.result(visit.job("pass"))
            assert (await visit.printed(status.ref), await visit.printed(status.ref, Stream.STDERR)) == (b"", b"")

    @promise
    async def test_a_long_log_arrives_whole(self, place: PlaceUnderTest) -> None:
        """Nothing is cut."""
        async with place.visit() as visit:
            status = await visit.result(visit.job("for i in range(300_000): print(i)"))
            assert await visit.printed(status.ref) == b"".join(b"%d\n" % i for i in range(300_000))
