"""Questions of a login, put to the person at the terminal. Answers are handed on and not kept."""

from __future__ import annotations

import asyncio
import os
import re
import termios
from collections.abc import Iterator
from contextlib import contextmanager

from nbcompile.backend import AuthExpired, Challenge, Prompt, Secret

_CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f\u200e\u200f\u2028-\u202e\u2066-\u2069]")
_LONGEST_ANSWER = 4096


class TerminalAsk:
    """Asks at the controlling terminal, one challenge at a time."""

    def __init__(self, device: str = "/dev/tty") -> None:
        self._device = device
        self._busy = asyncio.Lock()

    async def __call__(self, challenge: Challenge) -> tuple[Secret, ...]:
        """One answer for each prompt. Raises `AuthExpired` where there is no terminal, or it is somebody else's turn there."""
        async with self._busy:
            with self._terminal(challenge) as terminal:
                for text in (challenge.title, challenge.instructions):
                    if text:
                        os.write(terminal, f"{challenge.host}: {_clean(text)}\n".encode())
                return tuple([await _answer(terminal, challenge.host, prompt) for prompt in challenge.prompts])

    @contextmanager
    def _terminal(self, challenge: Challenge) -> Iterator[int]:
        asks = _clean(challenge.prompts[0].text) if challenge.prompts else "something"
        nobody = AuthExpired(f"{challenge.host} asks for {asks!r}, and nobody can be asked", "run it in the foreground of a terminal")
        try:
            descriptor = os.open(self._device, os.O_RDWR | os.O_NOCTTY | os.O_CLOEXEC)
        except OSError:
            raise nobody from None
        try:
            if not _in_foreground(descriptor):
                raise nobody
            yield descriptor
        finally:
            os.close(descriptor)


def _in_foreground(terminal: int) -> bool:
    """Whoever is in the background would be stopped for reading here."""
    try:
        return os.tcgetpgrp(terminal) == os.getpgrp()
    except OSError:
        return False


async def _answer(terminal: int, host: str, prompt: Prompt) -> Secret:
    before = termios.tcgetattr(terminal)
    quiet = termios.tcgetattr(terminal)
    if not prompt.echo:
        quiet[3] &= ~termios.ECHO
    try:
        termios.tcsetattr(terminal, termios.TCSAFLUSH, quiet)
        os.write(terminal, f"{host}: {_clean(prompt.text)} ".encode())
        return Secret((await _line(terminal)).decode("utf-8", "replace"))
    finally:
        termios.tcsetattr(terminal, termios.TCSAFLUSH, before)
        if not prompt.echo:
            os.write(terminal, b"\n")


async def _line(terminal: int) -> bytes:
    """A line that is typed; whoever waits for it can be cancelled."""
    loop = asyncio.get_running_loop()
    typed: asyncio.Future[bytes] = loop.create_future()

    def read() -> None:
        if not typed.done():
            typed.set_result(os.read(terminal, _LONGEST_ANSWER))

    loop.add_reader(terminal, read)
    try:
        line = await typed
    finally:
        loop.remove_reader(terminal)
    if not line.endswith(b"\n"):
        raise AuthExpired("the question was not answered", "try again")
    return line.rstrip(b"\r\n")


def _clean(text: str) -> str:
    """A host's words, without what would move the cursor or hide other words."""
    return _CONTROL.sub(" ", text).strip()
