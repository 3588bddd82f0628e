"""Lines that would change the Python environment do nothing in a step: they are facts about it, which a run compares.

Steps run side by side in one environment; a cell that changed it would change it under the others.
"""

from __future__ import annotations

import re
from typing import Any, Callable

_INSTALLERS = ("pip", "conda", "mamba", "micromamba", "uv")
_CHANGES = r"(?:install|uninstall|remove|update|upgrade|sync|add)"
_CHANGING_WORDS = re.compile(r"(?:pip\s+)?" + _CHANGES + r"\b")
_CHANGING_COMMAND = re.compile(
    r"""(?:sudo\s+)?
    (?:(?:\S*python[\d.]*|\{sys\.executable\}|\$\{?\w+\}?)["']?\s+-m\s+)?
    (?:\S*/)?(?:pip[\d.]*|conda|mamba|micromamba|uv(?:\s+pip)?)\s+"""
    + _CHANGES
    + r"\b[^;&|\n]*",
    re.VERBOSE,
)
_COMMAND_START = re.compile(r"(^|&&|\|\||;|\n)(\s*)")
_NOTHING = ":"


def without_installs(script: str) -> str:
    """The shell script with `:` in place of commands that change the environment."""
    parts = []
    place = 0
    for start in _COMMAND_START.finditer(script):
        found = _CHANGING_COMMAND.match(script, start.end())
        if found and found.start() >= place:
            kept = found.group()[len(found.group().rstrip()) :]
            parts += [script[place : found.start()], _NOTHING, kept]
            place = found.end()
    return "".join([*parts, script[place:]])


def leave_out_installs(shell: Any) -> None:
    """Let `%pip`, `!pip` and their like do nothing where they would change the environment."""
    for name in _INSTALLERS:
        original = shell.find_line_magic(name)
        if original is not None:
            shell.register_magic_function(_quiet_magic(original), "line", name)
    shell.system = _quiet_command(shell.system, None)
    shell.getoutput = _quiet_command(shell.getoutput, [])
    for name in ("bash", "sh", "script"):
        original = shell.find_cell_magic(name)
        if original is not None:
            shell.register_magic_function(_quiet_script(original), "cell", name)


def _quiet_magic(original: Callable[[str], Any]) -> Callable[[str], Any]:
    def magic(line: str) -> Any:
        return None if _CHANGING_WORDS.match(line.strip()) else original(line)

    return magic


def _quiet_command(original: Callable[..., Any], nothing: Any) -> Callable[..., Any]:
    def command(cmd: str, *args: Any, **options: Any) -> Any:
        rest = without_installs(cmd)
        if rest != cmd and rest.strip() == _NOTHING:
            return nothing
        return original(rest, *args, **options)

    return command


def _quiet_script(original: Callable[[str, str], Any]) -> Callable[[str, str], Any]:
    def magic(line: str, cell: str) -> Any:
        return original(line, without_installs(cell))

    return magic
