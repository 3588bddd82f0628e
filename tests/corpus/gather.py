"""Real notebooks: those that come with pinned source distributions from PyPI. None of them is kept in the repository.

`python -m tests.corpus.gather DIRECTORY` downloads and unpacks them.
"""

from __future__ import annotations

import hashlib
import json
import subprocess
import sys
import tarfile
from pathlib import Path
from typing import NamedTuple

PINNED = Path(__file__).with_name("sdists.txt")
_FEWEST_CELLS = 3


class Sdist(NamedTuple):
    """A pinned source distribution."""

    name: str
    version: str
    sha256: str

    @property
    def file(self) -> str:
        return f"{self.name.replace('-', '_')}-{self.version}.tar.gz"


def pinned() -> list[Sdist]:
    """The distributions of `sdists.txt`."""
    rows = [line.split() for line in PINNED.read_text("utf-8").splitlines() if line and not line.startswith("#")]
    return [Sdist(*requirement.split("=="), digest) for requirement, digest in rows]


def fetch(sdist: Sdist, directory: Path) -> Path:
    """The archive of a distribution, downloaded once; another file than was pinned is an error."""
    directory.mkdir(parents=True, exist_ok=True)
    archive = directory / sdist.file
    if not archive.is_file():
        wanted = f"{sdist.name}=={sdist.version}"
        # Only the distribution itself comes as source: what builds its metadata need not be built as well.
        pip = [sys.executable, "-m", "pip", "download", "--quiet", "--no-deps", "--no-binary", sdist.name, "--dest", str(directory), wanted]
        subprocess.run(pip, check=True, timeout=600)
    digest = hashlib.sha256(archive.read_bytes()).hexdigest()
    if digest != sdist.sha256:
        raise ValueError(f"{archive.name} is not the file that was pinned: {digest}")
    return archive


def notebooks(work: Path) -> list[Path]:
    """All notebooks of the pinned distributions, in a fixed order."""
    found: list[Path] = []
    for sdist in pinned():
        archive = fetch(sdist, work / "sdist")
        unpacked = work / "src" / archive.name.removesuffix(".tar.gz")
        if not unpacked.is_dir():
            with tarfile.open(archive) as opened:
                opened.extractall(work / "src", filter="data")
        found += sorted(unpacked.rglob("*.ipynb"))
    return [path for path in found if ".ipynb_checkpoints" not in path.parts and _code_cells(path) >= _FEWEST_CELLS]


def _code_cells(path: Path) -> int:
    try:
        cells = json.loads(path.read_bytes()).get("cells", [])
    except ValueError:
        return 0
    return sum(cell.get("cell_type") == "code" for cell in cells)


def name_of(notebook: Path, work: Path) -> str:
    """A notebook's name as a file name."""
    return "__".join(notebook.relative_to(work / "src").with_suffix("").parts)


if __name__ == "__main__":
    print(f"{len(notebooks(Path(sys.argv[1])))} notebooks")  # noqa: T201
