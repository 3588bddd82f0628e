"""The golden harness: the union of names is compared, missing and stale files both fail, nothing is scrubbed."""

import difflib
from collections.abc import Mapping
from pathlib import Path

import pytest


def read_tree(directory: Path) -> dict[str, bytes]:
    return {path.relative_to(directory).as_posix(): path.read_bytes() for path in sorted(directory.rglob("*")) if path.is_file()}


def compare_tree(directory: Path, produced: Mapping[str, bytes], *, accept: bool) -> None:
    recorded = read_tree(directory)
    if accept:
        for name in recorded.keys() - produced.keys():
            (directory / name).unlink()
        for name, content in produced.items():
            (directory / name).parent.mkdir(parents=True, exist_ok=True)
            (directory / name).write_bytes(content)
        return
    names = sorted(recorded.keys() | produced.keys())
    found = [line for name in names for line in difference(name, recorded.get(name), produced.get(name))]
    if found:
        pytest.fail("\n".join(found), pytrace=False)


def difference(name: str, recorded: bytes | None, produced: bytes | None) -> list[str]:
    if recorded == produced:
        return []
    if recorded is None or produced is None:
        return [f"{name}: {'not expected' if recorded is None else 'not produced'} (run with --accept if that is right)"]
    old, new = (text.decode("utf-8", "backslashreplace").splitlines() for text in (recorded, produced))
    return list(difflib.unified_diff(old, new, f"expected {name}", f"produced {name}", lineterm="")) or [f"{name}: line ends differ"]
