"""What is installed for an interpreter, read from its search path: nothing is imported."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from functools import cached_property
from pathlib import PurePosixPath
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from importlib import metadata


class Distributions:
    """The distributions on a search path."""

    def __init__(self, path: Sequence[str]) -> None:
        self._path = list(path)
        self._versions: dict[str, str | None] = {}

    def version(self, name: str) -> str | None:
        """The version of a distribution, if it is installed."""
        # Loading it takes longer than reading a short notebook; runs without a cache do without.
        from importlib import metadata  # noqa: PLC0415

        if name not in self._versions:
            found = next(iter(metadata.Distribution.discover(name=name, path=self._path)), None)
            self._versions[name] = found.version if found else None
        return self._versions[name]

    def owners(self, modules: Iterable[str]) -> Mapping[str, str]:
        """The versions of the distributions that brought these top-level modules."""
        names = dict.fromkeys(name for module in modules for name in self._by_module.get(module, ()))
        return {name: version for name in sorted(names) if (version := self.version(name))}

    @cached_property
    def _by_module(self) -> Mapping[str, Sequence[str]]:
        from importlib import metadata  # noqa: PLC0415

        found: dict[str, list[str]] = {}
        for one in metadata.distributions(path=self._path):
            for module in _top_level(one):
                found.setdefault(module, []).append(one.metadata["Name"])
        return found


def _top_level(one: metadata.Distribution) -> Iterable[str]:
    listed = (one.read_text("top_level.txt") or "").split()
    if listed:
        return dict.fromkeys(name.partition("/")[0] for name in listed)
    paths = (PurePosixPath(str(file)) for file in one.files or ())
    return dict.fromkeys(path.parts[0].partition(".")[0] for path in paths if path.suffix in (".py", ".so", ".pyd"))
