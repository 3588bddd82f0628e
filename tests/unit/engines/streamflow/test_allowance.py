"""What may go between places is counted before it leaves; what need not go is not counted."""

import asyncio
import hashlib

import pytest

from nbcompile.backend import Fatal, Lease, Opening, RunId
from nbcompile.engines.streamflow.allowance import Allowance, TransferRefused, moved_before, name_of_files
from nbcompile.engines.streamflow.notes import NoteReader, NoteWriter
from nbcompile.engines.streamflow.place import Here, Place
from nbcompile.testing import ReferenceSession
from nbcompile.testing.reference import ReferenceSettings


async def nothing(*_):
    return ()


def place(root, name, allowance, kind=ReferenceSession):
    lease = Lease(name, nothing, nothing)
    session = kind(root / name, Opening(deployment=name, run=RunId("tests"), settings=ReferenceSettings(str(root)), lease=lease))
    return Place(name, Here(session), allowance=allowance)


def play(scenario):
    return asyncio.run(asyncio.wait_for(scenario, 60))


def file(path, size, letter=b"x"):
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(letter * size)
    return path


def digest(path):
    return hashlib.sha256(path.read_bytes()).hexdigest()


async def there(session, *paths):
    return [digest(path) in await session.has([digest(path)]) for path in paths]


class CountingSession(ReferenceSession):
    """Tells how often each content was read."""

    def __init__(self, *words):
        super().__init__(*words)
        self.reads = []

    async def get(self, sha256):
        self.reads.append(sha256)
        async for piece in super().get(sha256):
            yield piece


def test_a_directory_goes_as_a_whole_or_nothing_of_it_goes(tmp_path):
    paths = [file(tmp_path / "data" / name, 600, name.encode()) for name in "ab"]

    async def scenario():
        far = place(tmp_path, "far", Allowance(1000, "a.run"))
        with pytest.raises(TransferRefused) as caught:
            await far.bring(tmp_path / "data", "/w/data", "data")
        left = await there(far.session, *paths)
        await far.bring(tmp_path / "data" / "a", "/w/a", "data/a")
        return caught.value, left, await there(far.session, *paths), far.tree.find("/w/data")

    error, left, later, named = play(scenario())
    words = "NB326 `data`, 1.2 KiB, would go from this machine to `far`, and this run may move 1000 B between places"
    assert (str(error), left, later, named) == (words, [False, False], [True, False], None)
    assert error.advice.startswith("`nbcompile runs resume a.run --max-transfer 1MiB` allows it")


def test_a_name_is_told_so_that_a_terminal_does_not_obey_it(tmp_path):
    async def scenario():
        await place(tmp_path, "far", Allowance(0)).bring(file(tmp_path / "a\x1b[2J\n", 1), "/w/a", "a\x1b[2J\n")

    with pytest.raises(TransferRefused) as caught:
        play(scenario())
    assert str(caught.value).isprintable()
    assert "a\\x1b[2J\\n" in str(caught.value)


def test_what_is_there_counts_for_nothing(tmp_path):
    """Not what an earlier run has left there, and not what several steps need."""
    first, second = file(tmp_path / "first", 900), file(tmp_path / "second", 900, b"y")

    async def scenario():
        before = place(tmp_path, "far", Allowance())
        await before.bring(first, "/w/first", "first")
        far = place(tmp_path, "far", Allowance(1000))
        await asyncio.gather(*(far.bring(second, f"/w/second-{number}", "second") for number in range(3)))
        await far.bring(first, "/w/first", "first")

    play(scenario())


def test_what_is_there_takes_nothing_from_what_goes_at_the_same_time(tmp_path):
    old, new = file(tmp_path / "old", 800), file(tmp_path / "new", 400, b"y")

    class Slow(ReferenceSession):
        """Ends to take what is there when the other has been sent, or refused."""

        other_is_through = asyncio.Event()

        async def put(self, content, *, sha256, size):
            if sha256 == digest(old):
                await asyncio.wait_for(self.other_is_through.wait(), 30)
            await super().put(content, sha256=sha256, size=size)

    async def scenario():
        await place(tmp_path, "far", Allowance()).bring(old, "/w/old", "old")
        far = place(tmp_path, "far", Allowance(1000), Slow)

        async def bring_new():
            try:
                await far.bring(new, "/w/new", "new")
            finally:
                far.session.other_is_through.set()

        await asyncio.gather(far.bring(old, "/w/old", "old"), bring_new())
        return await there(far.session, old, new)

    assert play(scenario()) == [True, True]


def test_all_places_of_a_run_share_what_may_go(tmp_path):
    path = file(tmp_path / "a", 600)

    async def scenario():
        allowance = Allowance(1000)
        one, other = place(tmp_path, "one", allowance), place(tmp_path, "other", allowance)
        await one.bring(path, "/w/a.nbc", "a")
        with pytest.raises(TransferRefused, match=r"`a`, 600 B, would go from `one` to `other`, .*of which 600 B have gone"):
            await other.bring_from(one, "/w/a.nbc", "/w/b", "a")
        return await there(other.session, path)

    assert play(scenario()) == [False]


def test_what_earlier_clients_of_the_run_have_moved_counts(tmp_path):
    """What went, not what was there, and not what did not come to it."""
    paths = [file(tmp_path / name, 600, name.encode()) for name in "abc"]
    notes = NoteWriter(tmp_path / "notes")

    def client(limit):
        before = moved_before(NoteReader(tmp_path / "notes").news())
        allowance = Allowance(limit, "a.run", before=before, tell=lambda size: notes.write("moved", bytes=size))
        return place(tmp_path, "far", allowance, CountingSession)

    async def scenario():
        first, second, third = paths
        far = client(1500)
        await far.bring(first, "/w/a", "a")
        await far.receive([(far.tree.find("/w/a"), tmp_path / "here")], "a")
        far = client(1500)
        await far.bring(first, "/w/a", "a")
        with pytest.raises(TransferRefused, match=r"may move 1.5 KiB between places, of which 1.2 KiB have gone") as caught:
            await far.bring(second, "/w/b", "b")
        assert "--max-transfer 1MiB" in caught.value.advice
        far = client(2000)
        await far.bring(second, "/w/b", "b")
        with pytest.raises(TransferRefused, match=r"of which 1.8 KiB have gone"):
            await client(2000).bring(third, "/w/c", "c")
        return moved_before(NoteReader(tmp_path / "notes").news())

    assert play(scenario()) == 1800


def test_what_an_earlier_client_has_brought_here_does_not_come_again(tmp_path):
    async def scenario():
        far = place(tmp_path, "far", Allowance())
        await far.bring(file(tmp_path / "a", 600), "/w/a")
        content = far.tree.find("/w/a")
        await far.receive([(content, tmp_path / "here")], "a")
        next_client = place(tmp_path, "far", Allowance(0), CountingSession)
        await next_client.receive([(content, tmp_path / "here"), (content, tmp_path / "there")], "a")
        (tmp_path / "here").write_bytes(b"y" * 600)
        last = place(tmp_path, "far", Allowance(600), CountingSession)
        await last.receive([(content, tmp_path / "here")], "a")
        return len(next_client.session.reads), len(last.session.reads)

    assert play(scenario()) == (0, 1)
    assert {(tmp_path / name).read_bytes() for name in ("here", "there")} == {b"x" * 600}


def test_within_a_place_and_for_what_steps_are_made_of_nothing_is_counted(tmp_path):
    path = file(tmp_path / "a", 600)

    async def scenario():
        one, here = place(tmp_path, "one", Allowance(0)), place(tmp_path, "local", Allowance(0))
        await one.bring(path, "/w/a")
        await one.bring_from(one, "/w/a", "/w/b", "a")
        await here.bring(path, "/w/a", "a")

    play(scenario())


def test_what_could_not_be_sent_may_be_sent_again(tmp_path):
    class Full(ReferenceSession):
        tries = 0

        async def put(self, content, *, sha256, size):
            self.tries += 1
            if self.tries == 1:
                raise Fatal("the disk is full")
            await super().put(content, sha256=sha256, size=size)

    async def scenario():
        far = place(tmp_path, "far", Allowance(1000), Full)
        with pytest.raises(Fatal, match="full"):
            await far.bring(file(tmp_path / "a", 600), "/w/a", "a")
        await far.bring(tmp_path / "a", "/w/a", "a")

    play(scenario())


def test_results_come_once_and_as_a_whole_or_not_at_all(tmp_path):
    paths = [file(tmp_path / "made" / "0" / name, 600, name.encode()) for name in "ab"]

    async def scenario():
        allowance = Allowance()
        far = place(tmp_path, "far", allowance, CountingSession)
        await far.bring(tmp_path / "made", "/w/step.files")
        far.allowance._limit = 1000
        with pytest.raises(TransferRefused, match=r"NB326 `a, b`, 1.2 KiB, would go from `far` to this machine"):
            await far.hand_back("/w/step.files", tmp_path / "back")
        reads = [*far.session.reads]
        far.allowance._limit = 1200
        await asyncio.gather(*(far.hand_back("/w/step.files", tmp_path / name) for name in ("back", "again")))
        return reads, sorted(far.session.reads)

    reads, later = play(scenario())
    assert (reads, later) == ([], sorted(map(digest, paths)))
    assert [(tmp_path / name / "0" / "b").read_bytes() for name in ("back", "again")] == [b"b" * 600] * 2


def test_a_copy_is_made_only_of_what_is_still_there_as_it_came(tmp_path):
    async def scenario():
        far = place(tmp_path, "far", Allowance(), CountingSession)
        await far.bring(file(tmp_path / "a", 600), "/w/a")
        await far.hand_back("/w/a", tmp_path / "first")
        (tmp_path / "first").write_bytes(b"changed")
        await far.hand_back("/w/a", tmp_path / "second")

    play(scenario())
    assert (tmp_path / "second").read_bytes() == b"x" * 600


@pytest.mark.parametrize(
    ("paths", "words"),
    [(["0/a.csv", "files.json"], "a.csv"), (["x.nbc"], "x.nbc"), ([f"0/{name}" for name in "abcde"], "a, b, c and 2 more")],
)
def test_files_are_named_as_the_cells_do(paths, words):
    assert name_of_files(paths) == words
