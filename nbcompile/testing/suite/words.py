"""Arguments, variables and the world around a job."""

from __future__ import annotations

import ast
import os

import pytest

from nbcompile.backend import Retryable
from nbcompile.testing.place import PlaceUnderTest, promise

HOSTILE = (
    "",
    " ",
    "two words",
    "tab\tand\nnewline\r\n",
    "'single' \"double\"",
    "$(echo pwned) `echo pwned` ${HOME} $HOME",
    "; echo pwned; && || | > < & #",
    "-rf",
    "--export=ALL",
    "%s %n %%",
    "*?[a-z]{a,b}~",
    "\\n\\\\",
    "ünï ☃ 𝒳",
    "!history",
    "\x01\x1b[31m\x7f",
    "raw \udcff\udc80 bytes",
    "x" * 50_000,
)
SHOW = "import os, sys; print(ascii([os.fsencode(word) for word in sys.argv[1:]]))"
SHOW_VARIABLES = "import os; print(ascii(dict(os.environb)))"


class Words:
    """Nothing is interpreted on the way."""

    @promise
    async def test_arguments_arrive_byte_for_byte(self, place: PlaceUnderTest) -> None:
        """No shell, template or scheduler reads them."""
        async with place.visit() as visit:
            status = await visit.result(visit.job(SHOW, *HOSTILE))
            assert ast.literal_eval((await visit.printed(status.ref)).decode()) == [os.fsencode(word) for word in HOSTILE]
            assert status.outputs == ()

    @promise
    async def test_variables_arrive_byte_for_byte(self, place: PlaceUnderTest) -> None:
        """The values of variables are data."""
        given = {f"V{number}": word for number, word in enumerate(HOSTILE)}
        async with place.visit() as visit:
            status = await visit.result(visit.job(SHOW_VARIABLES, variables=tuple(given.items())))
            found = ast.literal_eval((await visit.printed(status.ref)).decode())
        assert {name: found[name.encode()] for name in given} == {name: os.fsencode(value) for name, value in given.items()}

    @promise
    async def test_nothing_of_the_clients_environment_arrives(self, place: PlaceUnderTest, monkeypatch: pytest.MonkeyPatch) -> None:
        """A job sees no variable of the process that submitted it."""
        canaries = {"NBC_CANARY": "1", "SBATCH_RESERVATION": "canary", "SLURM_CANARY": "1", "LD_PRELOAD_X": "1", "PYTHONPATH": "/canary"}
        for name, value in canaries.items():
            monkeypatch.setenv(name, value)
        async with place.visit() as visit:
            status = await visit.result(visit.job(SHOW_VARIABLES))
            found = ast.literal_eval((await visit.printed(status.ref)).decode())
        assert not {name.encode() for name in canaries} & set(found)

    @promise
    async def test_a_job_starts_in_an_empty_home_of_its_own(self, place: PlaceUnderTest) -> None:
        """Where it runs is its home, empty, and its temporary directory is elsewhere and can be written."""
        code = (
            "import os; here = os.getcwd(); tmp = os.environ['TMPDIR']; open(os.path.join(tmp, 'x'), 'w')\n"
            "print([os.listdir(here), os.path.samefile(os.environ['HOME'], here), os.path.samefile(tmp, here)])"
        )
        async with place.visit() as visit:
            status = await visit.result(visit.job(code))
            assert ast.literal_eval((await visit.printed(status.ref)).decode()) == [[], True, False]
            assert status.outputs == ()

    @promise
    async def test_a_job_has_no_input_to_wait_for(self, place: PlaceUnderTest) -> None:
        """Standard input is at its end."""
        async with place.visit() as visit:
            status = await visit.result(visit.job("import sys; print(len(sys.stdin.read()))"))
            assert await visit.printed(status.ref) == b"0\n"

    @promise
    async def test_quick_commands_take_words_and_bytes_as_they_are(self, place: PlaceUnderTest) -> None:
        """`exec` passes arguments, variables and standard input unchanged, and gives both streams and the exit code."""
        code = (
            SHOW + "; sys.stderr.write(os.environ['V']); sys.stdout.flush(); sys.stdout.buffer.write(sys.stdin.buffer.read()); sys.exit(9)"
        )
        async with place.visit() as visit:
            done = await visit.session.exec([place.python, "-c", code, *HOSTILE], stdin=bytes(range(256)), variables=[("V", "a 'b' $(c)")])
        shown, _, rest = done.stdout.partition(b"\n")
        assert ast.literal_eval(shown.decode()) == [os.fsencode(word) for word in HOSTILE]
        assert (done.exit_code, rest, done.stderr) == (9, bytes(range(256)), b"a 'b' $(c)")

    @promise
    async def test_a_quick_command_that_is_not_there_has_code_127(self, place: PlaceUnderTest) -> None:
        """As a shell says it."""
        async with place.visit() as visit:
            assert (await visit.session.exec(["no-such-program-anywhere"])).exit_code == 127

    @promise
    async def test_a_quick_command_that_is_not_quick_is_ended(self, place: PlaceUnderTest) -> None:
        """`exec` gives up after its time, and says that trying again may help."""
        async with place.visit() as visit:
            with pytest.raises(Retryable):
                await visit.session.exec(["sleep", "60"], seconds=1)
