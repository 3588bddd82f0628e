"""Environment modules (Lmod): two module files, and the line that a site's login shells read."""

from __future__ import annotations

from tests.services.ground import ROOT, directory, write

INIT = ROOT / "modules" / "init.sh"
"""What a person's deployment names, where login shells do not read it by themselves."""

_TOOL = """\
whatis("a tool of the tests")
setenv("NBC_TOOL", "{version}")
prepend_path("PATH", "{root}/modules/tool-{version}")
"""


def prepare() -> None:
    """Write the module files `tool/1.0` and `tool/2.0`."""
    files = directory(ROOT / "modules" / "files" / "tool")
    for version in ("1.0", "2.0"):
        write(files / f"{version}.lua", _TOOL.format(version=version, root=ROOT))
        bin_ = directory(ROOT / "modules" / f"tool-{version}")
        write(bin_ / "nbc-tool", f"#!/bin/sh\necho tool {version}\n", mode=0o755)
    write(INIT, f'export MODULEPATH="{files.parent}"\n. /usr/share/lmod/lmod/init/bash\n')
