"""The names of the notebook in `__main__`: before each cell exactly the versions it needs are bound, and nothing else."""

from __future__ import annotations

from typing import Any, Container, Dict, Iterable, Iterator, List, Mapping

from .document import VersionName
from .payloads import UNBOUND
from .shared_texts import labelled


class Namespace:
    """The notebook's names. What the kernel itself bound under one of them comes back when the notebook's value goes."""

    def __init__(self, names: Iterable[str], kernel: Any) -> None:
        self._kernel = kernel
        self._names = tuple(names)
        self._values: Dict[str, Any] = kernel.namespace
        self._before = {name: self._values[name] for name in self._names if name in self._values}
        self._others = frozenset((*self._values, *self._names))

    def become(self, wanted: Mapping[str, Any], left: Container[str] = (), live: Container[str] = ()) -> None:
        """Bind these names and no other of the notebook, but those that are `left` as they are, and the `live` ones nobody wants.

        A name that stays is never unbound meanwhile: threads that earlier cells of the step have started go on looking names up.
        """
        for name, value in wanted.items():
            if name not in left:
                self.bind(name, value)
        self.unbind_all(name for name in self._names if name not in wanted and name not in left and name not in live)

    def unbind_all(self, names: Iterable[str]) -> None:
        """Unbind several names."""
        for name in names:
            self.unbind(name)

    def unbind(self, name: str) -> None:
        """Unbind one name. The last results are the shell's as long as no cell binds their names."""
        if self._kernel.is_result(name):
            return
        if name in self._before:
            self._values[name] = self._before[name]
        else:
            self._values.pop(name, None)

    def bind(self, name: str, value: Any) -> None:
        """Bind one name, or leave it unbound if its cell did."""
        if value is UNBOUND:
            self.unbind(name)
        elif not self._kernel.bind_history(name, value):
            self._values[name] = value

    def value(self, name: str) -> Any:
        """What a name is bound to, or UNBOUND."""
        return self._values.get(name, UNBOUND)

    def is_bound(self, name: str) -> bool:
        """Whether the notebook has bound this name."""
        return name in self._values and not (name in self._before and self._values[name] is self._before[name])

    def unforeseen(self) -> List[str]:
        """The names that are bound now, and that neither the kernel nor a cell that could be read has bound."""
        return [name for name in self._values if name not in self._others and not name.startswith("_")]


class Versions:
    """The versions of variables that this step has, as long as a later cell of it needs them."""

    def __init__(self) -> None:
        self._values: Dict[VersionName, Any] = {}

    def put(self, version: VersionName, value: Any) -> None:
        """Keep a version."""
        self._values[version] = labelled(value, str(version))

    def __contains__(self, version: VersionName) -> bool:
        return version in self._values

    def __iter__(self) -> Iterator[VersionName]:
        return iter(tuple(self._values))

    def __getitem__(self, version: VersionName) -> Any:
        return self._values[version]

    def keep_only(self, wanted: Iterable[VersionName]) -> None:
        """Let go of what nobody needs any more: whether a cell holds the only reference to an object can be seen."""
        kept = set(wanted)
        self._values = {version: value for version, value in self._values.items() if version in kept}

    def leave_to(self, namespace: Namespace, but: Container[str]) -> List[VersionName]:
        """Let go of what is bound to its name, but for these names; returns what that is."""
        found = [version for version, value in self._values.items() if version.name not in but and namespace.value(version.name) is value]
        for version in found:
            del self._values[version]
        return found

    def take_back(self, namespace: Namespace, left: Iterable[VersionName]) -> None:
        """Keep again what is bound to its name."""
        self._values.update((version, namespace.value(version.name)) for version in left)
