"""The first thing the far side reads: make the work root, keep the agent there, and become it.

Runs by itself, before anything else of this package is there. Whatever a login file prints before the marker is skipped.
"""

import os
import stat
import sys


def private(path: str) -> str:
    """A directory that is ours and that nobody else can write."""
    try:
        os.mkdir(path, 0o700)
    except FileExistsError:
        pass
    found = os.lstat(path)
    if not stat.S_ISDIR(found.st_mode) or found.st_uid != os.geteuid() or found.st_mode & 0o022:
        raise SystemExit(f"nbcompile: {path} is not a directory that belongs to you alone")
    return path


def main() -> None:
    """Read the marker, the work root, the name and the size of the agent, then the agent."""
    source = sys.stdin.buffer
    marker, wanted, name, size = (source.readline().decode().rstrip("\n") for _ in range(4))
    content = source.read(int(size))
    os.umask(0o077)
    wanted = os.path.expanduser(wanted)
    if not os.path.isabs(wanted):
        raise SystemExit(f"nbcompile: the work root {wanted} is not absolute")
    os.makedirs(os.path.dirname(wanted), exist_ok=True)
    root = os.path.realpath(wanted) if os.path.exists(wanted) else wanted
    program = os.path.join(private(os.path.join(private(root), "agent")), name)
    try:
        with open(program, "rb") as handle:
            same = handle.read() == content
    except FileNotFoundError:
        same = False
    if not same:
        staging = f"{program}.{os.getpid()}"
        with open(staging, "wb") as handle:
            handle.write(content)
        os.rename(staging, program)
    sys.stdout.write(marker + "\n")
    sys.stdout.flush()
    os.execv(sys.executable, [sys.executable, "-IBS", program, "serve", root])  # noqa: S606 - our own program


try:
    main()
except OSError as problem:  # a line for a person, where Python would print a traceback
    raise SystemExit(f"nbcompile: the work root cannot be made ready: {problem}") from None
