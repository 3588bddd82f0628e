"""How much memory this process holds at a time."""

from __future__ import annotations

import contextlib


def reset_peak() -> None:
    """Begin to count anew, where the system can."""
    with contextlib.suppress(OSError), open("/proc/self/clear_refs", "w", encoding="ascii") as file:
        file.write("5")


def peak_kib() -> int:
    """The most memory this process, or one of its children, held at a time."""
    import resource

    children = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss
    with contextlib.suppress(OSError), open("/proc/self/status", encoding="ascii", errors="replace") as file:
        for line in file:
            if line.startswith("VmHWM:"):
                return max(int(line.split()[1]), children)
    return max(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss, children)
