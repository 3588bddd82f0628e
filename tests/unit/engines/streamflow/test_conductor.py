"""Steps run once each, again after what trying again can mend, and a failure waits for what is still wanted."""

import asyncio
import hashlib
import shlex
import sys

import pytest

from nbcompile.backend import Cause, Fatal, JobState, JobStatus, Lease, Opening, RunId
from nbcompile.engines.streamflow.allowance import TransferRefused
from nbcompile.engines.streamflow.command import Manner
from nbcompile.engines.streamflow.conductor import Conductor, Policy
from nbcompile.engines.streamflow.deliver import Delivery
from nbcompile.engines.streamflow.notes import NoteReader, NoteWriter, Reason
from nbcompile.engines.streamflow.place import Here, Place
from nbcompile.model.placement import PlacedStep, Placement
from nbcompile.model.plan import StepId
from nbcompile.testing import ReferenceSession
from nbcompile.testing.reference import ReferenceSettings

PLACEMENT = Placement(
    (
        PlacedStep(step=StepId("first"), cells=(0,)),
        PlacedStep(step=StepId("bad"), cells=(1,)),
        PlacedStep(step=StepId("late"), cells=(2,)),
    )
)


async def nothing(*_):
    return ()


class ForgetfulSession(ReferenceSession):
    """Says of the first attempt at every job that it is lost."""

    async def poll(self, refs):
        found = await super().poll(refs)
        return tuple(
            JobStatus(ref=one.ref, state=JobState.LOST, cause=Cause.LOST, reason="gone") if one.ref.attempt == 1 else one for one in found
        )


class Stage:
    """A conductor with one place on this machine; steps are Python programs."""

    def __init__(self, root, policy=Policy(), kind=ReferenceSession):
        self.path = root / "notes.jsonl"
        opening = Opening(
            deployment="here", run=RunId("tests"), settings=ReferenceSettings(str(root)), lease=Lease("here", nothing, nothing)
        )
        self.place = Place("here", Here(kind(root / "place", opening)), Manner(python=sys.executable))
        before = tuple(NoteReader(self.path).news())
        self.asked = 0
        self.conductor = Conductor(PLACEMENT, NoteWriter(self.path), policy, Delivery(None), before, make_room=self.make_room)

    async def make_room(self):
        self.asked += 1

    async def step(self, name, code):
        # The last words are what a job of ours is called with, and nothing to this program.
        words = [shlex.quote(word) for word in ("python3", "-c", code)]
        return await self.conductor.run_step(self.place, f"/{name}/0", words, f"/nbcompile/{name}", "/nbcompile")

    async def close(self):
        await self.conductor.finish()
        await self.place.stop()
        await self.place.close()

    async def until(self, what, step):
        """Wait for a note; the conductor has gone on from there as far as it goes by itself."""
        while step not in [noted for noted, _ in self.notes(what)]:  # noqa: ASYNC110 - a file tells nobody
            await asyncio.sleep(0.01)
        for _ in range(20):
            await asyncio.sleep(0)

    def notes(self, what):
        return [(note["step"], note.get("state", note.get("attempt"))) for note in NoteReader(self.path).news() if note["note"] == what]


def play(scenario):
    return asyncio.run(asyncio.wait_for(scenario, 60))


def test_outputs_are_presented_by_content(tmp_path):
    async def scenario():
        stage = Stage(tmp_path)
        assert await stage.step("first", "open('first.outputs.json', 'w').write('{}')") == ("", 0)
        await stage.close()
        return stage.place.tree.find("/nbcompile/first/first.outputs.json")

    assert play(scenario()).sha256 == hashlib.sha256(b"{}").hexdigest()


def test_a_failure_waits_for_the_cells_before_it_and_ends_those_after_it(tmp_path):
    async def scenario():
        stage = Stage(tmp_path)
        late = asyncio.ensure_future(stage.step("late", "import time; time.sleep(60)"))
        await stage.until("submitted", "late")
        bad = asyncio.ensure_future(stage.step("bad", "raise SystemExit(3)"))
        await stage.until("ended", "bad")
        await stage.until("ended", "late")
        assert not bad.done()
        assert stage.conductor.held(stage.place) == stage.asked == 2
        assert await stage.step("first", "pass") == ("", 0)
        codes = [(await bad)[1], (await late)[1]]
        assert stage.conductor.held(stage.place) == 0
        await stage.close()
        return codes, stage.notes("ended")

    codes, ended = play(scenario())
    assert codes == [1, 1]
    assert sorted(ended) == [("bad", "failed"), ("first", "finished"), ("late", "cancelled")]


def test_a_failure_waits_for_a_step_that_is_just_being_submitted(tmp_path):
    """StreamFlow closes the place as soon as it hears of the failure."""

    class SlowSession(ReferenceSession):
        asked, may_go = asyncio.Event(), asyncio.Event()

        async def submit(self, job):
            if job.name == "late":
                self.asked.set()
                await self.may_go.wait()
            return await super().submit(job)

    async def scenario():
        stage = Stage(tmp_path, kind=SlowSession)
        late = asyncio.ensure_future(stage.step("late", "import time; time.sleep(60)"))
        await stage.place.session.asked.wait()
        await stage.step("first", "pass")
        bad = asyncio.ensure_future(stage.step("bad", "raise SystemExit(3)"))
        await stage.until("ended", "bad")
        assert not bad.done()
        stage.place.session.may_go.set()
        await bad
        submitted = stage.notes("submitted")
        await late
        await stage.close()
        return submitted, stage.notes("ended")

    submitted, ended = play(scenario())
    assert submitted[-1] == ("late", 1)
    assert sorted(ended) == [("bad", "failed"), ("first", "finished"), ("late", "cancelled")]


def test_what_the_end_of_a_run_cancels_has_not_failed(tmp_path):
    async def scenario():
        stage = Stage(tmp_path)
        stage.conductor = Conductor(Placement(PLACEMENT.steps[2:]), NoteWriter(stage.path), Policy(), Delivery(None))
        late = asyncio.ensure_future(stage.step("late", "import time; time.sleep(60)"))
        while not stage.place.watch.refs:  # noqa: ASYNC110 - the place tells nobody
            await asyncio.sleep(0.05)
        stage.conductor.end()
        await stage.place.stop()
        await late
        await stage.conductor.finish()
        await stage.place.close()
        return [(note["state"], note["withdrawn"]) for note in NoteReader(stage.path).news() if note["note"] == "ended"]

    assert play(scenario()) == [("cancelled", True)]


def test_a_step_that_comes_after_a_failure_does_not_start(tmp_path):
    async def scenario():
        stage = Stage(tmp_path)
        await stage.step("first", "pass")
        await stage.step("bad", "raise SystemExit(3)")
        text, code = await stage.step("late", "pass")
        await stage.close()
        return text, code, stage.notes("submitted")

    text, code, submitted = play(scenario())
    assert ("not run" in text, code) == (True, 1)
    assert submitted == [("first", 1), ("bad", 1)]


def test_with_keep_going_later_cells_run(tmp_path):
    async def scenario():
        stage = Stage(tmp_path, Policy(keep_going=True))
        bad = asyncio.ensure_future(stage.step("bad", "raise SystemExit(3)"))
        await stage.step("first", "pass")
        assert await stage.step("late", "pass") == ("", 0)
        code = (await bad)[1]
        await stage.close()
        return code

    assert play(scenario()) == 1


@pytest.mark.parametrize(
    ("policy", "code", "attempts"),
    [(Policy(), 0, [1, 2]), (Policy(retries=0), 1, [1]), (Policy(retry_on=("preempted",)), 1, [1])],
    ids=["usually", "never", "after other causes"],
)
def test_what_is_lost_is_tried_again(tmp_path, policy, code, attempts):
    async def scenario():
        stage = Stage(tmp_path, policy, ForgetfulSession)
        placement = PlacedStep(step=StepId("first"), cells=(0,))
        stage.conductor = Conductor(Placement((placement,)), NoteWriter(stage.path), policy, Delivery(None))
        found = await stage.step("first", "pass")
        await stage.close()
        return found[1], stage.notes("submitted")

    assert play(scenario()) == (code, [("first", attempt) for attempt in attempts])


def test_a_file_that_cannot_be_moved_fails_the_step_that_waits_for_it(tmp_path):
    """Once, however many of its files are; the cells before it still run."""

    async def scenario():
        stage = Stage(tmp_path)
        stage.place.name = PLACEMENT.steps[1].target
        why = Reason("disk full", "make room")
        moving = [asyncio.ensure_future(stage.conductor.cannot_move(stage.place, "bad.json", why)) for _ in range(2)]
        await asyncio.sleep(0)
        assert await stage.step("first", "pass") == ("", 0)
        await asyncio.gather(*moving)
        late = await stage.step("late", "pass")
        await stage.close()
        failed = [note for note in NoteReader(stage.path).news() if note.get("state") == "failed"]
        return late[1], [(note["step"], note["reason"], note["advice"]) for note in failed]

    assert play(scenario()) == (1, [("bad", "disk full", "make room")])


def test_what_a_rule_refuses_is_noted_with_its_code_and_not_tried_again(tmp_path):
    """Where a result is brought here, and where a file is moved, each in its own words."""

    async def scenario():
        stage = Stage(tmp_path)
        refused = TransferRefused("NB326 `rows` would be too much", "allow more")

        async def refuse(*_, **__):
            raise refused

        stage.conductor._delivery.bring = refuse
        await stage.step("first", "pass")
        stage.place.name = PLACEMENT.steps[1].target
        await stage.conductor.cannot_move(stage.place, "bad.json", Reason.of(refused, "`bad.json` cannot be moved"))
        await stage.close()
        failed = [note for note in NoteReader(stage.path).news() if note.get("state") == "failed"]
        return stage.notes("submitted"), [(note["step"], note["code"], note["reason"], note["advice"]) for note in failed]

    submitted, failed = play(scenario())
    why = ("NB326", "NB326 `rows` would be too much", "allow more")
    assert sorted(failed) == [("bad", *why), ("first", *why)]
    assert submitted == [("first", 1)]


def test_what_cannot_be_brought_here_fails_once_and_is_left_at_the_place_for_a_next_client(tmp_path):
    """Who made it has ended well: it does not run again."""
    count = f"open({str(tmp_path / 'count')!r}, 'a').write('x')"

    async def client(*, refused):
        stage = Stage(tmp_path)
        notes = tuple(NoteReader(stage.path).news())
        stage.conductor = Conductor(Placement(PLACEMENT.steps[:2]), NoteWriter(stage.path), Policy(), Delivery(None), notes)

        async def full(*_, **__):
            raise Fatal("the disk is full", "make room")

        if refused:
            stage.conductor._delivery.bring = full
        first = await stage.step("first", count)
        moved = [asyncio.ensure_future(stage.conductor.cannot_hand_back(stage.place, "first.files", Reason("full")))] if refused else []
        await stage.step("bad", "pass")
        await asyncio.gather(*moved)
        await stage.conductor.finish()
        done = stage.conductor.is_done
        await stage.close()
        failed = [note for note in NoteReader(stage.path).news() if note.get("state") == "failed" and not note.get("withdrawn")]
        return first[1], done, [(note["step"], note["advice"]) for note in failed[len(notes) :]]

    async def scenario():
        before = await client(refused=True)
        return before, await client(refused=False)

    (code, done, failed), later = play(scenario())
    assert (code, done, sorted(failed)) == (0, False, [("bad", "make room"), ("first", "make room")])
    assert later[:2] == (0, True)
    assert (tmp_path / "count").read_text() == "x"


def test_a_next_client_finds_what_has_ended_and_tries_what_had_failed(tmp_path):
    count = f"open({str(tmp_path / 'count')!r}, 'a').write('x'); "

    async def client(code):
        stage = Stage(tmp_path)
        stage.conductor = Conductor(
            Placement(PLACEMENT.steps[:2]), NoteWriter(stage.path), Policy(), Delivery(None), tuple(NoteReader(stage.path).news())
        )
        first = await stage.step("first", count)
        bad = await stage.step("bad", code)
        await stage.close()
        return first[1], bad[1]

    flag = tmp_path / "flag"
    code = f"import os; raise SystemExit(0 if os.path.exists({str(flag)!r}) else 3)"
    assert play(client(code)) == (0, 1)
    flag.touch()
    assert play(client(code)) == (0, 0)
    assert (tmp_path / "count").read_text() == "x"
