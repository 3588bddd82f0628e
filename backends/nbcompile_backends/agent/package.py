"""The program for the far side: the package `far` as one zip file, the same bytes everywhere."""

from __future__ import annotations

import hashlib
import io
import zipfile
from functools import cache
from importlib.resources import files
from typing import NamedTuple

_MAIN = "import sys\nfrom nbcompile_agent.__main__ import main\nsys.exit(main(sys.argv[1:]))\n"
_EPOCH = (1980, 1, 1, 0, 0, 0)

BOOT = 'import sys;i=sys.stdin.buffer;exec(compile(i.read(int(i.readline())),"bootstrap","exec"))'
"""What is given to `python -c`: constant, and free of characters that any login shell would change within single quotes."""


class Package(NamedTuple):
    """The program, the name it is kept under, and what puts it there."""

    name: str
    content: bytes
    bootstrap: bytes

    def greeting(self, marker: str, root: str) -> bytes:
        """All that the far side reads before it says `marker`."""
        head = f"{marker}\n{root}\n{self.name}\n{len(self.content)}\n".encode()
        return f"{len(self.bootstrap)}\n".encode() + self.bootstrap + head + self.content


@cache
def package() -> Package:
    """The program as it is sent."""
    sources = {one.name: one.read_bytes() for one in files("nbcompile_backends.agent.far").iterdir() if one.name.endswith(".py")}
    bootstrap = sources.pop("bootstrap.py")
    members = {"__main__.py": _MAIN.encode(), **{f"nbcompile_agent/{name}": sources[name] for name in sorted(sources)}}
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in members.items():
            archive.writestr(zipfile.ZipInfo(name, _EPOCH), content, zipfile.ZIP_DEFLATED)
    content = buffer.getvalue()
    return Package(f"{hashlib.sha256(content).hexdigest()[:16]}.zip", content, bootstrap)
