"""Questions of a login that come up in a process without a terminal, such as an engine's: put to the person by the one that has it.

Questions and answers go through a socket that only the two processes have: no file, no argument, no variable holds an answer.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import socket
import threading
from collections.abc import Mapping
from typing import Any

from nbcompile.backend import AuthExpired, Challenge, Prompt, Secret
from nbcompile.model.errors import PlaceFailed
from nbcompile.tenancy.credentials import Ask

VARIABLE = "NBCOMPILE_QUESTIONS"
"""Names the descriptor of the socket, for the process that asks."""

_LONGEST_LINE = 1 << 20
_one_at_a_time = threading.Lock()


class QuestionDesk:
    """The end with the terminal: asks whatever the other process wants to know, until it or we end.

    `ends` are sockets that were connected before, for a process that was forked before there was a thread.
    """

    def __init__(self, ask: Ask, ends: tuple[socket.socket, socket.socket] | None = None) -> None:
        self._ask = ask
        self._ours, self._theirs = ends or socket.socketpair()
        self._asking: tuple[asyncio.AbstractEventLoop, asyncio.Task[Any]] | None = None
        self._thread = threading.Thread(target=self._serve, daemon=True)
        self._thread.start()

    @property
    def descriptor(self) -> int:
        """What the other process inherits."""
        return self._theirs.fileno()

    def variables(self) -> dict[str, str]:
        """What the other process finds in its environment."""
        return {VARIABLE: str(self.descriptor)}

    def close(self) -> None:
        """Whoever still waits for an answer is told that nobody can be asked, and the terminal is left as it was."""
        if asking := self._asking:
            with contextlib.suppress(RuntimeError):  # it was answered meanwhile
                asking[0].call_soon_threadsafe(asking[1].cancel)
        for end in (self._theirs, self._ours):
            with contextlib.suppress(OSError):
                end.shutdown(socket.SHUT_RDWR)
            end.close()
        self._thread.join(timeout=5)

    def _serve(self) -> None:
        with contextlib.suppress(OSError, ValueError, asyncio.CancelledError), self._ours.makefile("rb") as questions:
            while line := questions.readline(_LONGEST_LINE):
                self._ours.sendall(json.dumps(asyncio.run(self._answer(line))).encode() + b"\n")

    async def _answer(self, line: bytes) -> dict[str, object]:
        asked = json.loads(line)
        prompts = tuple(Prompt(str(text), bool(echo)) for text, echo in asked["prompts"])
        if task := asyncio.current_task():
            self._asking = (asyncio.get_running_loop(), task)
        try:
            answers = await self._ask(Challenge(str(asked["host"]), str(asked["title"]), str(asked["instructions"]), prompts))
        except PlaceFailed as problem:
            return {"refused": problem.message, "advice": problem.advice}
        finally:
            self._asking = None
        return {"answers": [answer.reveal() for answer in answers]}


class RelayedAsk:
    """The end without a terminal."""

    def __init__(self, descriptor: int) -> None:
        self._descriptor = descriptor

    async def __call__(self, challenge: Challenge) -> tuple[Secret, ...]:
        """The answers. Raises `AuthExpired` when nobody can be asked."""
        return await asyncio.to_thread(self._exchange, challenge)

    def _exchange(self, challenge: Challenge) -> tuple[Secret, ...]:
        nobody = AuthExpired(f"{challenge.host} asks for a login, and nobody can be asked", "run it in the foreground of a terminal")
        asked = {**challenge._asdict(), "prompts": [[prompt.text, prompt.echo] for prompt in challenge.prompts]}
        with _one_at_a_time:
            try:
                with socket.socket(fileno=os.dup(self._descriptor)) as channel, channel.makefile("rb") as answers:
                    channel.sendall(json.dumps(asked).encode() + b"\n")
                    found = json.loads(answers.readline(_LONGEST_LINE))
            except (OSError, ValueError):
                raise nobody from None
        if "refused" in found:
            raise AuthExpired(str(found["refused"]), str(found["advice"]))
        return tuple(Secret(str(answer)) for answer in found["answers"])


def inherited_ask(environ: Mapping[str, str]) -> RelayedAsk | None:
    """How to ask, in a process that was started by one that can."""
    given = environ.get(VARIABLE, "")
    if not given.isdecimal():
        return None
    with contextlib.suppress(OSError):
        os.set_inheritable(int(given), False)  # what we start ourselves has nothing to ask
    return RelayedAsk(int(given))
