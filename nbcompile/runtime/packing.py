"""Code that a notebook brings along to pack a value before it is sent, and to unpack it: it reads `x` and binds `y`.

What is packed may be a path: then the file, or all below the directory, is sent in its stead.
"""

from __future__ import annotations

import os
from typing import Any, Dict, Iterable, Iterator, List, Tuple

from .carried import CarriedFile, content_of, is_directory
from .document import UnpackEntry, VersionName
from .problem import StepProblem


def run_serializer(code: str, version: VersionName, value: Any) -> Any:
    """What the code makes of a value."""
    if not code:
        return value
    scope: Dict[str, Any] = {"__name__": "__main__", "x": value}
    try:
        exec(compile(code, f"<serializer of {version.name}>", "exec"), scope)  # noqa: S102 - a person allowed it
        return scope["y"]
    except (Exception, SystemExit) as error:
        what = "does not bind `y`" if isinstance(error, KeyError) and error.args == ("y",) else f"fails: {type(error).__name__}: {error}"
        raise StepProblem("NB585", f"the serializer of `{version}` {what}", "correct it in the metadata, or take it out") from error


def files_of_path(version: VersionName, path: Any) -> Tuple[str, List[CarriedFile]]:
    """The name of a file or a directory, and all that is to be sent of it."""
    place = os.path.abspath(os.fspath(path)) if isinstance(path, (str, os.PathLike)) else ""
    if not os.path.exists(place):
        advice = "let it write the file, and bind the path to `y`"
        raise StepProblem("NB585", f"the serializer of `{version}` makes no file: `y` is {path!r}", advice)
    name = os.path.basename(place)
    if not os.path.isdir(place):
        return name, [CarriedFile(name, place)]
    return name, list(content_of(place, os.path.dirname(place)))


def unpack_value(entry: UnpackEntry, value: Any, files: Iterable[Tuple[str, Any]], directory: str) -> Any:
    """What was packed. Files that came with it are written to a directory."""
    if entry.file:
        value = os.path.join(directory, value)
        os.makedirs(directory, exist_ok=True)
        for path, content in _inside_of(directory, files):
            if is_directory(path):
                os.makedirs(path, exist_ok=True)
                continue
            os.makedirs(os.path.dirname(path), exist_ok=True)
            with open(path, "wb") as file:
                file.write(content)
    for code in entry.codes:
        value = run_serializer(code, entry.version, value)
    return value


def _inside_of(directory: str, files: Iterable[Tuple[str, Any]]) -> Iterator[Tuple[str, Any]]:
    for path, content in files:
        place = os.path.normpath(os.path.join(directory, path))
        if not place.startswith(directory + os.sep):
            raise StepProblem("NB592", f"`{path}` leads out of the step's directory", "run the step that makes it again")
        yield place + "/" if is_directory(path) else place, content
