"""How often Slurm is asked, and what: with a login host that answers from a script, for what no clock of a real one could show."""

import asyncio
from dataclasses import replace
from types import SimpleNamespace

import pytest

from nbcompile.backend import Completed, Fatal, JobRef, JobState, RunId
from nbcompile_backends.slurm import session
from nbcompile_backends.slurm.options import SlurmSettings
from nbcompile_backends.slurm.session import SlurmSession

MANY, SECONDS = 300, 3.0
ENDED = {"state": "ended", "code": 0, "signal": None, "cause": "", "error": "", "outputs": [], "started": 1.0, "ended": 2.0}
QUICK, SLOW = (JobRef(deployment="hpc", run=RunId("tests"), key=digit * 64, attempt=1, native=digit) for digit in "12")


class Login:
    """A login host. What its jobs wrote down is in `records`, what the queue says in `queue`."""

    name, facts = "login", SimpleNamespace(user="alice")

    def __init__(self, records, queue):
        self.records, self.queue = records, queue
        self.hosts = (self,)
        self.commands, self.argvs, self.patience, self.cancelled, self.asked = [], [], [], set(), []

    async def ask(self, verb, *, jobs, seconds=0, **_):
        if verb == "cancel":
            self.cancelled.update(jobs)
            return {}, b""
        if verb == "batches":
            self.asked.append(jobs)
            return ["ours" if job[0] == "1" else "" for job in jobs], b""
        assert verb == "wait"
        self.patience.append(seconds)
        await asyncio.sleep(seconds)
        return [self.records[job[0]] for job in jobs], b""

    async def exec(self, argv, *_):
        self.commands.append(argv[0])
        return Completed(0, self.queue.encode(), b"")


def wait(login, refs=(QUICK, SLOW)):
    async def scenario():
        session = SlurmSession("hpc", RunId("tests"), SlurmSettings(), login, lambda _: None)
        return await asyncio.wait_for(session.wait([*refs], 20), 10)

    return [status.state for status in asyncio.run(scenario())]


def test_a_configuration_that_is_not_there_is_told_before_slurm_waits_for_it():
    class Without(Login):
        async def exec(self, argv, *_):
            assert [*argv] == ["test", "-r", "/etc/none.conf"]
            return Completed(1, b"", b"")

    session = SlurmSession("hpc", RunId("tests"), SlurmSettings(conf="/etc/none.conf"), Without({}, ""), lambda _: None)
    with pytest.raises(Fatal, match=r"no /etc/none.conf on login") as told:
        asyncio.run(session.open())
    assert told.value.advice == "correct `conf` of the deployment"


def test_a_job_that_has_ended_is_not_kept_waiting_by_one_that_goes_on():
    login = Login({"1": ENDED, "2": {"state": "running"}}, "1|COMPLETED|N/A|n1|c|None\n2|RUNNING|N/A|n1|c|None\n")
    assert wait(login) == [JobState.FINISHED, JobState.RUNNING]
    assert set(login.patience) == {0}


def test_the_queue_is_asked_once_for_the_end_of_a_job_and_accounting_never():
    login = Login({"1": ENDED, "2": {"state": "running"}}, "1|COMPLETED|N/A|n1|c|None\n2|RUNNING|N/A|n1|c|None\n")
    wait(login)
    assert login.commands == ["squeue"]


def test_slurm_has_the_last_word_on_a_job_that_says_it_ended_well():
    login = Login({"1": ENDED, "2": {"state": "running"}}, "1|OUT_OF_MEMORY|N/A|n1|c|None\n2|RUNNING|N/A|n1|c|None\n")
    assert wait(login) == [JobState.FAILED, JobState.RUNNING]


def test_a_job_that_had_written_down_that_it_ended_well_is_not_lost_with_its_node():
    """So says a controller that was killed while it ended, and finds it on no node afterwards. Resumed runs would run it again."""
    login = Login({"1": ENDED, "2": {"state": "running"}}, "1|NODE_FAIL|N/A|n1|c|None\n2|RUNNING|N/A|n1|c|None\n")
    assert wait(login) == [JobState.FINISHED, JobState.RUNNING]


def test_a_job_that_had_failed_when_its_node_did_is_the_nodes():
    login = Login({"1": {**ENDED, "code": 1}, "2": {"state": "running"}}, "1|NODE_FAIL|N/A|n1|c|None\n2|RUNNING|N/A|n1|c|None\n")
    assert wait(login) == [JobState.FAILED, JobState.RUNNING]


def test_a_job_that_left_no_record_is_told_to_end_where_it_may_still_run():
    """Slurm takes a node for lost that it does not reach; the job there may go on, and sees the directory."""
    login = Login({"1": {"state": "running"}, "2": {"state": "running"}}, "1|NODE_FAIL|N/A|n1|c|None\n2|RUNNING|N/A|n2|c|None\n")
    assert wait(accounted(login, b"1|NODE_FAIL|0:0|n1|5|1|Unknown\n")) == [JobState.FAILED, JobState.RUNNING]
    assert login.cancelled == {f"{QUICK.key}.1"}


@pytest.mark.parametrize(("record", "state"), [(ENDED, JobState.FINISHED), ({"state": "running"}, JobState.LOST)])
def test_a_job_that_only_accounting_knows_of_is_not_waited_for(monkeypatch, record, state):
    """So it is when a controller was killed before it had written the job down: nobody will ever tell accounting that it has ended."""
    monkeypatch.setattr(session, "_DISBELIEF_SECONDS", 0.1)
    monkeypatch.setattr(session, "_STALE_SECONDS", 0.5)
    login = accounted(Login({"1": record, "2": {"state": "running"}}, "2|RUNNING|N/A|n2|c|None\n"), b"1|RUNNING|0:0|n1|5|1|Unknown\n")
    assert wait(login) == [state, JobState.RUNNING]


def accounted(login, said):
    """What accounting says, beside the queue."""
    login.log, asked = lambda *_: nothing(), login.exec

    async def exec_(argv, *more):
        login.argvs.append(argv)
        return Completed(0, said, b"") if argv[0] == "sacct" else await asked(argv, *more)

    login.exec = exec_
    return login


def test_a_job_that_was_done_when_the_controller_forgot_it_is_done():
    """Accounting ends it when the controller comes back; of jobs that somebody cancels it says who did."""
    login = Login({"1": ENDED, "2": {"state": "running"}}, "2|RUNNING|N/A|n2|c|None\n")
    assert wait(accounted(login, b"1|CANCELLED|0:0|n1|5|1|Unknown\n")) == [JobState.FINISHED, JobState.RUNNING]
    assert wait(accounted(login, b"1|CANCELLED by 0|0:0|n1|5|1|Unknown\n")) == [JobState.CANCELLED, JobState.RUNNING]


def test_a_job_that_was_done_is_not_started_again(monkeypatch):
    """The controller had not written down yet that it had started it."""
    monkeypatch.setattr(session, "_DISBELIEF_SECONDS", 0.1)
    login = Login({"1": ENDED, "2": {"state": "running"}}, "1|PENDING|N/A|n1|c|Priority\n2|RUNNING|N/A|n2|c|None\n")
    assert wait(accounted(login, b"1|PENDING|0:0|n1|0|1|Unknown\n")) == [JobState.FINISHED, JobState.RUNNING]
    assert ("scancel", "--quiet", "--name=nbc-tests", "1") in login.argvs


def test_a_job_that_was_done_when_its_node_refused_to_start_it_again_is_done():
    """The controller had not written down that it had started it, and the node, where the first start was not over, had it cancelled."""
    login = Login({"1": {**ENDED, "ended": 1790000000.0}, "2": {"state": "running"}}, "2|RUNNING|N/A|n2|c|None\n")
    assert wait(accounted(login, b"1|CANCELLED by 0|0:0|n1|5|1790000001|Unknown\n")) == [JobState.FINISHED, JobState.RUNNING]
    assert wait(accounted(login, b"1|CANCELLED by 0|0:0|n1|5|1789999990|Unknown\n")) == [JobState.CANCELLED, JobState.RUNNING]


def test_an_id_that_another_job_has_now_says_nothing_of_the_first(monkeypatch):
    monkeypatch.setattr(session, "_DISBELIEF_SECONDS", 0.1)
    login = Login({"1": ENDED, "2": {"state": "running"}}, "1|FAILED|N/A|n1|tests:another|None\n2|RUNNING|N/A|n2|c|None\n")
    assert wait(accounted(login, b"1|FAILED|1:0|n1|5|1|Unknown\n")) == [JobState.FINISHED, JobState.RUNNING]


def test_what_accounting_says_of_a_job_that_had_the_id_before_is_not_believed():
    """A controller that was killed has given the id again; the first question about the queue came before it had the new job."""
    login = accounted(Login({"1": {"state": "prepared"}, "2": {"state": "running"}}, ""), b"1|CANCELLED|0:0|n1|5|1|Unknown\n")
    asked = login.exec

    async def exec_(argv, *more):
        answer = await asked(argv, *more)
        if argv[0] == "sacct":
            login.queue = "1|RUNNING|N/A|n1|c|None\n2|RUNNING|N/A|n2|c|None\n"
            login.records["1"] = {"state": "running"}
        return answer

    async def scenario():
        waiting = SlurmSession("hpc", RunId("tests"), SlurmSettings(min_poll_seconds=1), login, lambda _: None)
        return await asyncio.wait_for(waiting.wait([QUICK], 3), 10)

    login.exec = exec_
    assert [status.state for status in asyncio.run(scenario())] == [JobState.RUNNING]


@pytest.mark.parametrize(("end", "state"), [(1790000009, JobState.FINISHED), (1790000000, JobState.CANCELLED)])
def test_a_job_that_was_done_before_somebody_cancelled_it_is_done(end, state):
    """A controller that was killed takes it for running, and those who end the run cancel it there."""
    login = Login({"1": {**ENDED, "ended": 1790000002.5}, "2": {"state": "running"}}, "1|CANCELLED|1|n1|c|None\n2|RUNNING|N/A|n2|c|None\n")
    assert wait(accounted(login, f"1|CANCELLED by 1000|0:0|n1|5|1790000000|{end}\n".encode())) == [state, JobState.RUNNING]


@pytest.mark.parametrize(("batch", "state"), [("ours", JobState.FAILED), ("another", JobState.FINISHED)])
def test_a_task_is_known_by_the_batch_it_was_submitted_in(monkeypatch, batch, state):
    """Which its directory tells a client that did not submit it; one whose directory does not is believed."""
    monkeypatch.setattr(session, "_DISBELIEF_SECONDS", 0.1)
    tasks = [replace(QUICK, native="7_0"), replace(SLOW, native="7_1")]
    queue = f"7_0|FAILED|N/A|n1|tests:{batch}|None\n7_1|RUNNING|N/A|n2|tests:whatever|None\n"
    login = accounted(Login({"1": ENDED, "2": {"state": "running"}}, queue), b"7_0|FAILED|1:0|n1|5|1|Unknown\n")
    assert wait(login, tasks) == [state, JobState.RUNNING]
    assert login.asked == [[f"{QUICK.key}.1", f"{SLOW.key}.1"]]


def test_a_job_that_was_started_twice_and_left_no_record_is_lost(monkeypatch):
    monkeypatch.setattr(session, "_RECORD_SECONDS", 0.1)
    login = Login({"1": {"state": "running"}, "2": {"state": "running"}}, "1|FAILED|N/A|n1|c|None\n2|RUNNING|N/A|n2|c|None\n")
    assert wait(accounted(login, b"1|FAILED|75:0|n1|5|1|Unknown\n")) == [JobState.LOST, JobState.RUNNING]
    assert login.cancelled == {f"{QUICK.key}.1"}


async def nothing():
    for piece in ():
        yield piece


class Shards(Login):
    """A login host of many jobs, of which one more ends at every moment, and none is in the queue any more."""

    def __init__(self):
        super().__init__({}, "")
        self.began = asyncio.get_running_loop().time()

    async def ask(self, verb, *, jobs, **_):
        if verb == "batches":
            self.asked.append(jobs)
            return ["ours" if job[0] == "1" else "" for job in jobs], b""
        assert verb == "wait"
        ended = (asyncio.get_running_loop().time() - self.began) / SECONDS * MANY
        return [ENDED if int(job[:64], 16) < ended else {"state": "running"} for job in jobs], b""

    async def exec(self, argv, *_):
        self.commands.append(argv[0])
        said = [f"{number}|COMPLETED|0:0|n1|1|1|Unknown\n" for number in range(MANY)] if argv[0] == "sacct" else []
        return Completed(0, "".join(said).encode(), b"")


def test_questions_to_slurm_do_not_grow_with_the_jobs_that_end():
    async def scenario():
        login = Shards()
        session = SlurmSession("hpc", RunId("tests"), SlurmSettings(min_poll_seconds=1), login, lambda _: None)
        refs = [JobRef(deployment="hpc", run=RunId("tests"), key=f"{n:064x}", attempt=1, native=f"{n}") for n in range(MANY)]
        waits = 0
        while refs:
            found = await asyncio.wait_for(session.wait(refs, 2), 60)
            refs = [status.ref for status in found if not status.state.is_final]
            waits += 1
        seconds = asyncio.get_running_loop().time() - login.began
        return waits, seconds, login.commands

    waits, seconds, commands = asyncio.run(scenario())
    # A question to each daemon a second, and some at the end, when few jobs are left to be asked for together.
    assert len(commands) <= 2 * (seconds + 1) + 20, (waits, seconds, commands)
    assert commands.count("sacct") >= 1
