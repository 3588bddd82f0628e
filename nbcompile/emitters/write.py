"""A bundle to disk: as a whole or not at all."""

from __future__ import annotations

import os
import shutil
import tempfile
from pathlib import Path

from nbcompile.emitters.given import empty_directories, given_bytes, given_files
from nbcompile.model.bundle import Bundle
from nbcompile.model.errors import UsageError

_INPUT_FILES, _FROM_ABOVE, _APART = "files", "above", "apart"
_KEEPS = ".nbcompile"
# Files up to this size are copied into the bundle, so that it can travel; larger ones are linked.
_COPIED_BYTES = 64 * 2**20


def write_bundle(bundle: Bundle, source: Path, directory: Path) -> Path:
    """Replace `directory` by the bundle once every file is written; input files come from the directory `source`.

    Raises `UsageError` when `directory` holds something else than an earlier bundle, or cannot be written.
    """
    if directory.is_symlink() or (directory.exists() and not _is_bundle(directory)):
        raise UsageError(f"{directory} exists and is no bundle", "name another directory with -o, or remove it")
    try:
        _replace(directory, bundle, source)
    except OSError as error:
        raise UsageError(f"cannot write {directory}: {error.strerror} ({error.filename})", "name another directory with -o") from None
    return directory


def _replace(directory: Path, bundle: Bundle, source: Path) -> None:
    directory.parent.mkdir(parents=True, exist_ok=True)
    staging = Path(tempfile.mkdtemp(prefix=f".{directory.name}.", dir=directory.parent))
    try:
        for file in bundle.files:
            target = staging / file.path
            target.parent.mkdir(parents=True, exist_ok=True)
            target.write_bytes(file.content)
        for path in bundle.input_files:
            _bring(source / path, staging / place_of_input(path))
        for path in bundle.apart:
            _bring(source / path, staging / place_apart(path))
        staging.chmod(0o777 & ~_umask())
        _exchange(staging, directory)
    finally:
        shutil.rmtree(staging, ignore_errors=True)


def place_of_input(path: str) -> str:
    """Where a bundle keeps a file of the person: apart what lies above the notebook's directory, or `./` would hold that as well."""
    below = path
    while below.startswith("../"):
        below = below.removeprefix("../")
    levels = (len(path) - len(below)) // len("../")
    return f"{_FROM_ABOVE}/{levels}/{below}" if levels else f"{_INPUT_FILES}/{path}"


def place_apart(path: str) -> str:
    """Where a bundle keeps a file that is also part of a directory it was given."""
    return f"{_APART}/{path}"


def bundle_is_on_disk(bundle: Bundle, directory: Path) -> bool:
    """Whether `directory` holds the bundle's files, byte for byte."""
    return all((directory / file.path).is_file() and (directory / file.path).read_bytes() == file.content for file in bundle.files)


def write_whole(path: Path, content: bytes) -> None:
    """Write a file so that a reader sees all of it or nothing. Raises `UsageError` where it cannot be written."""
    try:
        _write_whole(path, content)
    except OSError as error:
        raise UsageError(
            f"cannot write {path}: {error.strerror}", f"see that there is room in {path.parent}, and who may write there"
        ) from None


def _write_whole(path: Path, content: bytes) -> None:
    descriptor, temporary = tempfile.mkstemp(prefix=f".{path.name}.", dir=path.parent)
    try:
        with os.fdopen(descriptor, "wb") as file:
            file.write(content)
        Path(temporary).chmod(0o666 & ~_umask())
        Path(temporary).replace(path)
    except BaseException:
        Path(temporary).unlink(missing_ok=True)
        raise


def _is_bundle(directory: Path) -> bool:
    return directory.is_dir() and (not any(directory.iterdir()) or any(directory.glob("*.nbcompile.json")))


def _bring(path: Path, target: Path) -> None:
    """Put a file or a directory of the person into the bundle. Raises `UsageError` for what cannot be read."""
    try:
        _put(path, target)
    except OSError as error:
        named = Path(os.fsdecode(error.filename or target))
        if named.is_relative_to(path) and not named.is_relative_to(target):
            advice = "make it readable, or move it elsewhere: the cells name it, or the directory that it is in"
            raise UsageError(f"cannot read {named}: {error.strerror}", advice) from None
        raise


def _put(path: Path, target: Path) -> None:
    put = _link if given_bytes(path) > _COPIED_BYTES else shutil.copyfile
    if path.is_dir():
        target.mkdir(parents=True, exist_ok=True)
    for file in given_files(path) if path.is_dir() else (Path(),):
        (target / file).parent.mkdir(parents=True, exist_ok=True)
        if not (target / file).exists():
            put(path / file, target / file)
    for folder in empty_directories(path) if path.is_dir() else ():
        # Engines, archives and repositories forget a directory without a file; no cell sees this one.
        (target / folder).mkdir(parents=True, exist_ok=True)
        (target / folder / _KEEPS).touch()


def _link(path: Path, target: Path) -> None:
    target.symlink_to(os.path.relpath(path, target.parent))


def _exchange(staging: Path, directory: Path) -> None:
    """Put `staging` in the place of `directory`."""
    if not directory.exists():
        staging.rename(directory)
        return
    old = staging.with_name(f"{staging.name}.old")
    directory.rename(old)
    staging.rename(directory)
    shutil.rmtree(old)


def _umask() -> int:
    current = os.umask(0o077)
    os.umask(current)
    return current
