"""How much memory this process holds at a time, and what it sets aside to tell of its end."""

from __future__ import annotations

import contextlib
import mmap
from typing import Optional

# Looking at a traceback reads sources and makes many small objects.
_RESERVE_BYTES = 32 << 20


class Reserve:
    """Address space that a cell cannot take, so that its MemoryError can be shown and written down. It holds no memory until then."""

    def __init__(self) -> None:
        self._held: Optional[mmap.mmap] = None

    def hold(self) -> None:
        """Set it aside, if there is so much."""
        if self._held is None:
            with contextlib.suppress(OSError):
                self._held = mmap.mmap(
                    -1, _RESERVE_BYTES, flags=mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS, prot=mmap.PROT_READ | mmap.PROT_WRITE
                )

    def release(self) -> None:
        """Let what follows have it."""
        if self._held is not None:
            self._held.close()
            self._held = None


RESERVE = Reserve()


def reset_peak() -> None:
    """Begin to count anew, where the system can."""
    with contextlib.suppress(OSError), open("/proc/self/clear_refs", "wb") as file:
        file.write(b"5")


def peak_kib() -> int:
    """The most memory this process, or one of its children, held at a time."""
    import resource

    children = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss
    with contextlib.suppress(OSError), open("/proc/self/status", "rb") as file:
        for line in file:
            if line.startswith(b"VmHWM:"):
                return max(int(line.split()[1]), children)
    return max(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss, children)
