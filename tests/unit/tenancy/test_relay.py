"""A process without a terminal asks the person through the one that started it."""

import asyncio
import os
import subprocess
import sys
import threading

import pytest

from nbcompile.backend import AuthExpired, Secret
from nbcompile.tenancy.relay import QuestionDesk, inherited_ask

CHILD = """
import asyncio, os, sys
from nbcompile.backend import AuthExpired, Challenge, Prompt
from nbcompile.tenancy.relay import inherited_ask
ask = inherited_ask(os.environ)
async def both():
    challenges = [Challenge(host, "", "", (Prompt("Code:", False), Prompt("Name:", True))) for host in sys.argv[1:]]
    return await asyncio.gather(*map(ask, challenges), return_exceptions=True)
for found in asyncio.run(both()):
    print([one.reveal() for one in found] if isinstance(found, tuple) else f"{type(found).__name__}: {found}")
"""


@pytest.fixture
def desk():
    desks = []

    def start(ask):
        desks.append(QuestionDesk(ask))
        return desks[-1]

    yield start
    for one in desks:
        one.close()


def child(desk, *hosts):
    return subprocess.Popen(
        [sys.executable, "-c", CHILD, *hosts],
        env={**os.environ, **desk.variables()},
        pass_fds=(desk.descriptor,),
        start_new_session=True,
        stdout=subprocess.PIPE,
        text=True,
    )


def test_each_question_gets_its_own_answers(desk):
    asked = []

    async def ask(challenge):
        asked.append(challenge)
        return (Secret(f"code of {challenge.host}"), Secret("ü☃"))

    said = child(desk(ask), "one", "two").communicate(timeout=30)[0]
    assert sorted(said.splitlines()) == ["['code of one', 'ü☃']", "['code of two', 'ü☃']"]
    assert sorted(one.host for one in asked) == ["one", "two"]
    assert [prompt.echo for prompt in asked[0].prompts] == [False, True]


def test_a_refusal_arrives_as_one(desk):
    async def ask(challenge):
        raise AuthExpired("nobody is at the terminal")

    assert child(desk(ask), "one").communicate(timeout=30)[0] == "AuthExpired: nobody is at the terminal\n"


def test_when_the_person_goes_away_nobody_can_be_asked(desk):
    begun, never = threading.Event(), threading.Event()

    async def ask(challenge):
        begun.set()
        never.wait(30)
        return ()

    started = desk(ask)
    process = child(started, "one")
    assert begun.wait(30)
    threading.Timer(0.2, never.set).start()
    started.close()
    assert "nobody can be asked" in process.communicate(timeout=30)[0]


def test_a_question_at_the_terminal_is_taken_back(desk):
    """Whoever waits for what is typed has switched off the echo."""
    begun, ended = threading.Event(), threading.Event()

    async def ask(challenge):
        begun.set()
        try:
            await asyncio.sleep(300)
        finally:
            ended.set()

    started = desk(ask)
    process = child(started, "one")
    assert begun.wait(60)
    started.close()
    assert ended.wait(60)
    assert "nobody can be asked" in process.communicate(timeout=60)[0]


@pytest.mark.parametrize("given", [{}, {"NBCOMPILE_QUESTIONS": "none"}])
def test_a_process_that_nobody_started_so_does_not_relay(given):
    assert inherited_ask(given) is None
