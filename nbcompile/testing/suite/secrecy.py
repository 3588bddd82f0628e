"""What others must not see."""

from __future__ import annotations

import ast
import secrets

from nbcompile.backend import Secret
from nbcompile.testing.place import PlaceUnderTest, promise

SHOW = "import os, time; print(os.environ['TOKEN'] == os.environ['T1'] + os.environ['T2'], os.getcwd(), flush=True); time.sleep(120)"


class Secrecy:
    """Secrets reach the job's environment and nothing else; files are the owner's alone."""

    @promise
    async def test_a_secret_is_a_variable_and_nowhere_else(self, place: PlaceUnderTest) -> None:
        """While the job runs, its secret is in no file of the run and on no command line."""
        first, second = secrets.token_hex(12), secrets.token_hex(12)
        async with place.visit() as visit:
            job = visit.job(SHOW, secrets=(("TOKEN", Secret(first + second)),), variables=(("T1", first), ("T2", second)))
            ref = await visit.session.submit(job)
            agrees, where = (await visit.until_printed(ref)).split()
            assert agrees == "True"
            parts = [visit.place.python, "-c", FIND, first, second, f"{where}/../.."]
            found = await visit.session.exec(parts)
            assert (found.stdout, found.exit_code) == (b"[]\n", 0), found

    @promise
    async def test_a_jobs_files_are_its_owners_alone(self, place: PlaceUnderTest) -> None:
        """Nobody else may look into the directory of a job."""
        code = "import os; print([os.stat(p).st_mode & 0o077 for p in ('.', '../in', os.environ['TMPDIR'])], os.stat('..').st_mode & 0o077)"
        async with place.visit() as visit:
            status = await visit.result(visit.job(code))
            assert await visit.printed(status.ref) == b"[0, 0, 0] 0\n"

    @promise
    async def test_runs_do_not_share_jobs(self, place: PlaceUnderTest) -> None:
        """The same key in another run is another job, and sweeping one run leaves the other's alone."""
        code = "import os, time; print(os.getcwd(), flush=True); time.sleep(120)"
        async with place.visit() as one, place.visit() as other:
            job = one.job(code)
            first, second = await one.session.submit(job), await other.session.submit(job)
            await one.until_running(first)
            await other.until_running(second)
            await one.session.sweep()
            # Whoever ends the other's job may take a moment to.
            assert (await other.session.wait([second], 2))[0].state.value == "running"

    @promise
    async def test_the_place_says_who_one_is(self, place: PlaceUnderTest) -> None:
        """Capabilities name the account that commands run under."""
        async with place.visit() as visit:
            facts = await visit.session.capabilities()
            assert (await visit.session.exec(["id", "-un"])).stdout.decode().strip() == facts.user
            status = await visit.result(visit.job("import os, pwd; print([pwd.getpwuid(os.geteuid()).pw_name])"))
            assert ast.literal_eval((await visit.printed(status.ref)).decode()) == [facts.user]


FIND = """
import os, sys
wanted = (sys.argv[1] + sys.argv[2]).encode()
found = []
for folder, _, names in os.walk(sys.argv[3]):
    for name in names:
        try:
            if wanted in open(os.path.join(folder, name), 'rb').read():
                found.append(name)
        except OSError:
            pass
for pid in filter(str.isdigit, os.listdir('/proc')):
    try:
        if wanted in open('/proc/%s/cmdline' % pid, 'rb').read():
            found.append(pid)
    except OSError:
        pass
print(found)
"""
