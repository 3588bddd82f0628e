"""The ssh backend against real sshd: who may log in, how, and what happens when that ends."""

import asyncio
import contextlib
import os
import resource
import subprocess
import time
from pathlib import Path

import pytest

from nbcompile.backend import AgentIdentity, AuthExpired, Fatal, JobState, Opening, PrivateKey, Retryable, RunId, Secret
from nbcompile.testing.place import PlaceUnderTest
from tests.services import daemons, sshd
from tests.services.delay import delay_proxy
from tests.services.ground import ROOT, run
from tests.services.logins import key_of, lease_of, open_ssh, settings_of

pytestmark = [pytest.mark.ssh, pytest.mark.usefixtures("ssh_hosts", "calm")]
RUN = RunId("tests-ssh")


def scenario(coroutine):
    return asyncio.run(asyncio.wait_for(coroutine, 120))


async def says(*sites, **more):
    """Who one is on these hosts."""
    session = await open_ssh(RUN, *(sites or (sshd.HOST1,)), **more)
    try:
        return (await session.exec(["id", "-un"])).stdout.decode().strip()
    finally:
        await session.close()


@contextlib.contextmanager
def said_by(site):
    """What a site's sshd logs meanwhile."""
    start = site.log.stat().st_size
    lines = []
    yield lines
    time.sleep(0.1)
    lines += site.log.read_bytes()[start:].decode(errors="replace").splitlines()


def new_certificate(directory, *, principal="nbc-alice", validity="-1m:+10m", key_id="tests-ssh", name="key"):
    """A fresh key that only a certificate lets in."""
    key = directory / name
    sshd.make_key(key)
    certificate = sshd.certify(directory / f"{name}.pub", principals=(principal,), key_id=key_id, validity=validity)
    return PrivateKey(Secret(key.read_text()), certificate.read_text())


@pytest.fixture
def agent(tmp_path):
    """An ssh-agent with two foreign keys and, once asked, ours."""
    socket = tmp_path / "agent"
    process = subprocess.Popen(["ssh-agent", "-D", "-a", socket], stdout=subprocess.DEVNULL)
    daemons.wait_for(socket.exists, "the agent is there")

    def add(key):
        run("ssh-add", "-q", key, env={"SSH_AUTH_SOCK": str(socket)})

    for name in ("stranger1", "stranger2"):
        sshd.make_key(tmp_path / name)
        add(tmp_path / name)
    yield socket, add
    process.terminate()
    process.wait()


@pytest.fixture
def fragile():
    """An sshd of this test's own, to be killed."""
    yield from _own_site("fragile", 100)


@pytest.fixture(scope="module")
def quiet(ssh_hosts):
    """An sshd of this process's own, whose log tells only what these tests do."""
    yield from _own_site("quiet", 150)


def _own_site(name, addresses):
    site = sshd.Site(f"{name}-{os.getpid()}", f"127.0.1.{addresses + os.getpid() % 50}")
    sshd.start(site)
    yield site
    sshd.stop(site, hard=True)


class TestCredentials:
    def test_a_certificate_is_enough_and_names_the_run_in_the_hosts_log(self, tmp_path, quiet):
        with said_by(quiet) as lines:
            assert scenario(says(quiet, lease=lease_of(new_certificate(tmp_path, key_id="run-4711")))) == "nbc-alice"
        assert any("run-4711" in line and "CA ED25519" in line for line in lines)

    @pytest.mark.parametrize(
        "wrong", [{"principal": "nbc-bob"}, {"validity": "-2m:-1m"}, {"validity": "+1h:+2h"}], ids=["principal", "expired", "early"]
    )
    def test_a_wrong_certificate_is_refused_and_not_tried_again(self, tmp_path, wrong, quiet):
        lease = lease_of(new_certificate(tmp_path, **wrong))
        with said_by(quiet) as lines, pytest.raises(AuthExpired, match="does not accept the credential") as refused:
            scenario(says(quiet, lease=lease))
        assert "nbcompile doctor" in refused.value.advice
        assert sum("Connection from" in line for line in lines) == 1

    def test_only_the_named_key_is_offered(self, tmp_path, monkeypatch, agent, quiet):
        """A hostile ~/.ssh/config, a default key and a full agent are there, and none of them is used."""
        socket, _ = agent
        home = tmp_path / "home"
        (home / ".ssh").mkdir(parents=True)
        canary = tmp_path / "canary"
        (home / ".ssh" / "config").write_text(
            f"Host *\n ProxyCommand touch {canary}\n IdentityFile {tmp_path}/stranger1\n User root\n Port 1\nMatch exec 'touch {canary}'\n"
        )
        (home / ".ssh" / "id_ed25519").write_text((tmp_path / "stranger2").read_text())
        monkeypatch.setenv("HOME", str(home))
        monkeypatch.setenv("SSH_AUTH_SOCK", str(socket))
        with said_by(quiet) as lines:
            assert scenario(says(quiet, lease=lease_of(key_of("nbc-alice", certified=False)))) == "nbc-alice"
        assert not canary.exists()
        assert not [line for line in lines if "Failed" in line or "stranger" in line]
        assert len([line for line in lines if "Accepted publickey" in line]) == 1

    def test_an_agent_is_pinned_by_fingerprint(self, tmp_path, agent, quiet):
        socket, add = agent
        key = sshd.KEYS / "nbc-alice"
        fingerprint = run("ssh-keygen", "-lf", f"{key}.pub").split()[1]
        pin = lease_of(AgentIdentity(socket, fingerprint=fingerprint))
        with pytest.raises(AuthExpired, match="none is SHA256"):
            scenario(says(quiet, lease=pin))
        add(key)
        with said_by(quiet) as lines:
            assert scenario(says(quiet, lease=pin)) == "nbc-alice"
        assert not [line for line in lines if "Failed" in line]

    def test_an_agent_is_pinned_by_authority_and_principal(self, tmp_path, agent, quiet):
        """What sites with a second factor give: a certificate for some hours, in the agent, on a key that changes."""
        socket, add = agent
        authority = run("ssh-keygen", "-lf", sshd.KEYS / "user_ca.pub").split()[1]
        pin = lease_of(AgentIdentity(socket, authority=authority, principal="nbc-alice"))
        new_certificate(tmp_path, principal="nbc-bob", name="bobs")
        add(tmp_path / "bobs")
        with pytest.raises(AuthExpired, match="for nbc-alice"):
            scenario(says(quiet, lease=pin))
        new_certificate(tmp_path, key_id="this-morning")
        add(tmp_path / "key")
        with said_by(quiet) as lines:
            assert scenario(says(quiet, lease=pin)) == "nbc-alice"
        assert any("this-morning" in line for line in lines)

    def test_a_key_that_cannot_be_opened_says_so_without_showing_it(self, quiet):
        with pytest.raises(AuthExpired, match="cannot be read") as refused:
            scenario(says(quiet, lease=lease_of(PrivateKey(Secret("-----BEGIN OPENSSH PRIVATE KEY-----\nc2VjcmV0\n")))))
        assert "c2Vjc" not in str(refused.value)


class TestHostKeys:
    def test_another_host_key_is_refused_before_login(self, quiet):
        with said_by(quiet) as lines, pytest.raises(Fatal, match="not the pinned one"):
            scenario(says(quiet, host_keys=(sshd.HOST2.host_key,)))
        assert not [line for line in lines if "publickey" in line or "Accepted" in line]

    def test_a_host_authority_replaces_pinned_keys(self, quiet):
        authority = " ".join((sshd.KEYS / "host_ca.pub").read_text().split()[:2])
        assert scenario(says(quiet, host_keys=(), host_ca=(authority,))) == "nbc-alice"
        with pytest.raises(Fatal, match="not the pinned one"):
            scenario(says(quiet, host_keys=(), host_ca=(quiet.host_key,)))

    def test_without_a_host_key_nobody_is_called(self, quiet):
        with said_by(quiet) as lines, pytest.raises(Fatal, match=r"host key .* is not known"):
            scenario(says(quiet, host_keys=()))
        assert not [line for line in lines if "Connection from" in line]


class TestQuestions:
    def test_a_one_time_password_is_asked_for_and_not_kept(self, tmp_path):
        asked, codes = [], []

        async def answer(challenge):
            asked.append(challenge)
            codes.append(sshd.next_code("nbc-alice"))
            return (Secret(codes[-1]),)

        lease = lease_of(key_of("nbc-alice"), answer=answer)
        assert scenario(says(sshd.OTP, lease=lease)) == "nbc-alice"
        assert [(one.host, [prompt.echo for prompt in one.prompts]) for one in asked] == [("127.0.1.24:2222", [False])]
        assert codes[0] not in repr(vars(lease) if hasattr(lease, "__dict__") else lease)

    def test_a_wrong_code_is_refused(self):
        async def answer(challenge):
            return (Secret("000000"),)

        with pytest.raises(AuthExpired):
            scenario(says(sshd.OTP, lease=lease_of(key_of("nbc-alice"), answer=answer)))

    def test_a_question_that_nobody_hears_ends_the_login_with_that(self):
        with pytest.raises(AuthExpired, match="nobody is there"):
            scenario(says(sshd.OTP))


class TestHops:
    def test_a_host_is_reached_through_others(self, quiet):
        hop = Opening(deployment="jump", run=RUN, settings=settings_of(sshd.LOGIN, person="nbc-bob"), lease=lease_of(key_of("nbc-bob")))
        with said_by(sshd.LOGIN) as first, said_by(quiet) as second:
            assert scenario(says(quiet, hops=(hop,))) == "nbc-alice"
        assert [line for line in first if "Accepted publickey for nbc-bob" in line]
        # Other tests may log in there at the same time.
        assert not [line for line in first if "Starting session" in line and "nbc-bob" in line], "nothing runs on a hop"
        assert [line for line in second if "Accepted publickey for nbc-alice" in line]

    def test_each_hop_has_its_own_credential_and_host_key(self, quiet):
        for settings, lease, error in (
            (settings_of(sshd.LOGIN, host_keys=(sshd.HOST2.host_key,)), lease_of(key_of("nbc-alice")), Fatal),
            (settings_of(sshd.LOGIN), lease_of(key_of("nbc-bob", certified=False)), AuthExpired),
        ):
            hop = Opening(deployment="jump", run=RUN, settings=settings, lease=lease)
            with said_by(quiet) as lines, pytest.raises(error):
                scenario(says(quiet, hops=(hop,)))
            assert not [line for line in lines if "Connection from" in line]


class TestWeather:
    def test_a_job_outlives_its_connection_and_is_found_again(self, fragile):
        events = []

        async def lose_and_find():
            place = PlaceUnderTest(lambda name: open_ssh(name, fragile, observe=events.append))
            async with place.visit() as visit:
                ref = await visit.session.submit(visit.job("import time; time.sleep(4); print('done')"))
                await visit.until_running(ref)
                ending = asyncio.ensure_future(visit.end(ref))
                await asyncio.to_thread(sshd.stop, fragile, hard=True)
                await _until(lambda: any(event.kind == "away" for event in events))
                await asyncio.to_thread(sshd.start, fragile)
                (status,) = await ending
                return status, await visit.printed(ref)

        status, printed = scenario(lose_and_find())
        assert (status.state, printed) == (JobState.FINISHED, b"done\n")
        kinds = [event.kind for event in events]
        assert kinds[0] == "away"
        assert kinds[-1] == "connected"

    @pytest.mark.parametrize("direction", ["in", "out"])
    def test_a_file_on_its_way_survives_a_broken_connection(self, fragile, direction):
        content = os.urandom(16 << 20)

        async def interrupted():
            async with delay_proxy(fragile.address, fragile.port, round_trip=0.1) as port:
                near = fragile._replace(address="127.0.1.40", port=port)
                session = await open_ssh(RUN, near)
                place = PlaceUnderTest(lambda name: _already(session))
                async with place.visit(RUN) as visit:
                    moving = asyncio.ensure_future(visit.put(content) if direction == "in" else _there_and_back(visit, content))
                    await asyncio.sleep(0.4)
                    await asyncio.to_thread(sshd.stop, fragile, hard=True)
                    await asyncio.to_thread(sshd.start, fragile)
                    digest = await moving
                    assert await visit.fetched(digest) == content

        scenario(interrupted())

    def test_a_quick_command_on_a_broken_connection_is_not_repeated(self, fragile):
        async def broken():
            session = await open_ssh(RUN, fragile)
            made = (await session.exec(["mktemp"])).stdout.decode().strip()
            asked = asyncio.ensure_future(session.exec(["sh", "-c", 'echo once >> "$1"; sleep 30', "x", made]))
            await _until(lambda: Path(made).read_bytes())
            await asyncio.to_thread(sshd.stop, fragile, hard=True)
            await asyncio.to_thread(sshd.start, fragile)
            with pytest.raises(Retryable, match="went away"):
                await asked
            written = (await session.exec(["cat", made])).stdout
            await session.exec(["rm", made])
            await session.close()
            return written

        assert scenario(broken()) == b"once\n"

    def test_a_credential_that_ends_makes_the_session_wait_for_login(self, fragile, tmp_path):
        events, now = [], [new_certificate(tmp_path)]

        async def expire():
            lease = lease_of()

            async def credentials():
                return tuple(now)

            object.__setattr__(lease, "credentials", credentials)
            place = PlaceUnderTest(lambda name: open_ssh(name, fragile, lease=lease, observe=events.append))
            async with place.visit() as visit:
                ref = await visit.session.submit(visit.job("import time; time.sleep(5)"))
                now[:] = [new_certificate(tmp_path, validity="-2m:-1m")]
                await asyncio.to_thread(sshd.stop, fragile, hard=True)
                await asyncio.to_thread(sshd.start, fragile)
                ending = asyncio.ensure_future(visit.end(ref))
                await _until(lambda: any(event.kind == "waiting-for-login" for event in events))
                now[:] = [new_certificate(tmp_path, name="fresh")]
                return (await ending)[0]

        with said_by(fragile) as lines:
            assert scenario(expire()).state is JobState.FINISHED
        assert events[-1].kind == "connected"
        assert sum("expired" in line for line in lines) <= 2, "a refused credential is not offered again and again"

    def test_hundreds_of_questions_share_one_session(self, quiet):
        async def ask():
            session = await open_ssh(RUN, quiet)
            answers = await asyncio.gather(*(session.exec(["echo", str(number)]) for number in range(200)))
            await session.close()
            return [answer.stdout for answer in answers]

        with said_by(quiet) as lines:
            assert scenario(ask()) == [b"%d\n" % number for number in range(200)]
        assert sum("Starting session" in line for line in lines) == 1


class TestFarSide:
    def test_login_files_may_print(self):
        bashrc = ROOT / "home" / "nbc-bob" / ".bashrc"
        before = bashrc.read_text()
        try:
            bashrc.write_text("echo Welcome to the cluster; echo noise >&2\n")
            assert scenario(says(person="nbc-bob")) == "nbc-bob"
        finally:
            bashrc.write_text(before)

    def test_a_host_without_python_says_so(self):
        with pytest.raises(Fatal, match=r"the agent does not start .*no-such-python"):
            scenario(says(python="/opt/no-such-python"))

    @pytest.mark.parametrize(
        "spoil",
        [
            lambda root: root.mkdir(mode=0o700),
            lambda root: (root.mkdir(), root.chmod(0o777), os.chown(root, *_ids("nbc-alice"))),
            lambda root: (root.with_suffix(".real").mkdir(), root.symlink_to(root.with_suffix(".real"))),
            lambda root: root.write_text("a file"),
        ],
        ids=["another's", "open to all", "link to another's", "a file"],
    )
    def test_a_work_root_that_somebody_prepared_is_refused(self, spoil):
        root = Path(run("mktemp", "-d", "-p", "/srv").strip())
        try:
            root.chmod(0o1777)
            spoil(root / "work")
            with pytest.raises(Fatal):
                scenario(says(work_root=str(root / "work")))
        finally:
            run("rm", "-rf", root)

    def test_hostile_host_names_and_users_are_refused_before_anything_runs(self, tmp_path):
        from nbcompile.backend import read_options
        from nbcompile.model.errors import UsageError
        from nbcompile_backends.ssh import SshSettings

        plain = {"user": "a", "host": "h", "workRoot": "~/w", "hostKeys": [sshd.HOST1.host_key]}
        read_options(SshSettings, plain, "here")
        hostile = (
            "-oProxyCommand=x",
            "a b",
            "a;b",
            "$(id)",
            "a\n",
            "a@b",
            "`id`",
            "a/b",
            "",
            "..",
            "-",
            "a\x00",
            "ä",
            "[::1",
            "h:99999999",
        )
        for key in ("host", "user"):
            for value in hostile:
                if (key, value) != ("user", ".."):
                    with pytest.raises(UsageError):
                        read_options(SshSettings, {**plain, key: value}, "here")
        for value in ("relative", "a\n", "~/a\nb", "x; id"):
            with pytest.raises(UsageError):
                read_options(SshSettings, {**plain, "workRoot": value}, "here")
        for value in ("python3; id", "python3 -c", "$(id)", "python3\n", "'"):
            with pytest.raises(UsageError):
                read_options(SshSettings, {**plain, "python": value}, "here")


@pytest.mark.slow
def test_large_files_take_little_memory():
    size, piece = 512 << 20, bytes(range(256)) * 4096

    async def there_and_back():
        import hashlib

        digest = hashlib.sha256()
        for _ in range(size // len(piece)):
            digest.update(piece)

        async def content():
            for _ in range(size // len(piece)):
                yield piece

        session = await open_ssh(RUN, sshd.HOST1)
        before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
        await session.put(content(), sha256=digest.hexdigest(), size=size)
        arrived = 0
        async for one in session.get(digest.hexdigest()):
            arrived += len(one)
        await session.close()
        return arrived, resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before

    arrived, grown_kib = scenario(there_and_back())
    assert arrived == size
    assert grown_kib < 128 << 10


async def _until(true):
    while not true():  # noqa: ASYNC110 - another process decides
        await asyncio.sleep(0.05)


async def _already(session):
    return session


async def _there_and_back(visit, content):
    digest = await visit.put(content)
    await visit.fetched(digest)
    return digest


def _ids(person):
    import pwd

    entry = pwd.getpwnam(person)
    return entry.pw_uid, entry.pw_gid
