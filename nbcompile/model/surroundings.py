"""What lies beside a notebook, as far as its cells are concerned."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

# Configuration that installed libraries look for in the directory where they are imported. No cell mentions it, and any library
# may import matplotlib.
CONFIGURES_IMPORTS = ("matplotlibrc",)


@dataclass(frozen=True, slots=True, kw_only=True)
class Surroundings:
    """What of a notebook's directory matters.

    `mentions` pairs a code cell's index with a file beside the notebook that its text names; `missing` are files that
    some cell reads and that are not there, `directories` those that are directories and are not called so. `modules` are
    the mentioned files and directories that hold Python modules, `digests` the SHA-256 of each of these, and `path`
    the directories from which the project's own are installed. `folders` pairs a cell with a directory in which its text names
    a file that is not there. Paths are relative; a directory ends with `/`. `name` is what the notebook's directory is called.
    """

    mentions: tuple[tuple[int, str], ...] = ()
    missing: tuple[str, ...] = ()
    directories: tuple[str, ...] = ()
    modules: tuple[str, ...] = ()
    digests: tuple[tuple[str, str], ...] = ()
    path: tuple[str, ...] = ()
    folders: tuple[tuple[int, str], ...] = ()
    name: str = ""

    @property
    def module_names(self) -> frozenset[str]:
        """The modules that lie beside the notebook, or in its project."""
        return frozenset(path.rstrip("/").rsplit("/", 1)[-1].removesuffix(".py") for path in self.modules)

    @property
    def configures_imports(self) -> bool:
        """Whether what is imported depends on what lies beside the notebook, whatever it is."""
        return any(path in CONFIGURES_IMPORTS for _, path in self.mentions)

    def mentioned_by(self, cell: int) -> tuple[str, ...]:
        """The files that a cell's text names."""
        return tuple(path for index, path in self.mentions if index == cell)

    def modules_until(self, cell: int) -> tuple[str, ...]:
        """The modules that this cell or an earlier one names: what they made may be needed to read any value."""
        return tuple(path for index, path in self.mentions if index <= cell and path in self.modules)

    def there(self, paths: Iterable[str]) -> tuple[str, ...]:
        """Those of the paths that are there; none twice, and none that lies in another."""
        spelled = (f"{path}/" if path in self.directories else path for path in paths)
        found = dict.fromkeys(path for path in spelled if path not in self.missing)
        return tuple(path for path in found if not any(_holds(other, path) for other in found))


def _holds(directory: str, path: str) -> bool:
    if directory == "./":
        return path != "./" and not path.startswith("../")
    return path != directory and path.startswith(directory.rstrip("/") + "/")
