"""Files that cells have left open, closed as the end of a kernel closes them."""

from __future__ import annotations

import contextlib
import fcntl
import gc
import io
import os
import sys
import types
from typing import Any, Callable, Dict, Iterator

from .loaded import is_local


def close_all_below(directory: str) -> bool:
    """Close the files and databases in a directory that are open for writing; whether there were any."""
    place = "/proc/self/fd"
    numbers = [int(name) for name in os.listdir(place)] if os.path.isdir(place) else []
    written = {number for number in numbers if _is_written_below(directory, number, f"{place}/{number}")}
    if not written:
        return False
    for name, close in _CLOSED_BY_THEIR_LIBRARY.items():
        module = sys.modules.get(name)
        # The notebook's own modules may have these names.
        if isinstance(module, types.ModuleType) and not is_local(getattr(module, "__file__", None)):
            close(module, directory)
    # Who writes to a file by means of another one is closed first.
    files = sorted(_all_of(io.IOBase), key=lambda one: (not isinstance(one, io.TextIOBase), type(one).__module__ == "_io"))
    for one in files:
        with contextlib.suppress(OSError, ValueError, AttributeError):
            if not one.closed and one.fileno() in written:
                one.close()
    return True


def _is_written_below(directory: str, number: int, link: str) -> bool:
    try:
        path, flags = os.readlink(link), fcntl.fcntl(number, fcntl.F_GETFL)
    except OSError:
        return False
    return path.startswith(directory + os.sep) and flags & os.O_ACCMODE != os.O_RDONLY


def _all_of(kind: Any) -> Iterator[Any]:
    """The objects of a class that there are."""
    return (one for one in gc.get_objects() if issubclass(type(one), kind))


def _left_as_it_is() -> contextlib.suppress:
    """Where something cannot be closed, its file is collected as it is, as the end of a kernel would have left it."""
    return contextlib.suppress(Exception)


def _close_databases(sqlite3: Any, directory: str) -> None:
    """What was begun and not committed is undone, and nothing is left beside the databases."""
    for one in list(_all_of(sqlite3.Connection)):
        # It may be closed, or another thread's.
        with contextlib.suppress(sqlite3.Error):
            _close_database(one, sqlite3.Connection, directory)


def _close_database(database: Any, kind: Any, directory: str) -> None:
    """Close a database if it is in a directory, past all that the notebook would have called or shown on the way."""
    kind.set_trace_callback(database, None)
    kind.row_factory.__set__(database, None)
    kind.text_factory.__set__(database, str)
    paths = [path for _, _, path in kind.execute(database, "pragma database_list").fetchall()]
    if any(path.startswith(directory + os.sep) for path in paths):
        kind.close(database)


def _close_archives(zipfile: Any, directory: str) -> None:
    """The list of what is in an archive is written last."""
    for one in list(_all_of(zipfile.ZipFile)):
        with _left_as_it_is():
            zipfile.ZipFile.close(one)


def _close_hdf5(h5py: Any, directory: str) -> None:
    """Of a file of HDF5 much is in memory only until it is closed, also where nobody has the object any more that it was opened with."""
    with _left_as_it_is():
        h5f = h5py.h5f
        for one in h5f.get_obj_ids(h5f.OBJ_ALL, h5f.OBJ_FILE | h5f.OBJ_GROUP | h5f.OBJ_DATASET | h5f.OBJ_ATTR):
            with _left_as_it_is():
                file = h5py.h5i.get_file_id(one) if one.valid else None
                if file is not None and file.get_intent() != h5f.ACC_RDONLY:
                    h5py.File(file).close()


def _close_netcdf(netcdf4: Any, directory: str) -> None:
    for one in list(_all_of(netcdf4.Dataset)):
        # Groups and sets of several files are closed with the files that they are of.
        if type(one).close is netcdf4.Dataset.close and not issubclass(type(one), netcdf4.Group):
            with _left_as_it_is():
                netcdf4.Dataset.close(one)


def _close_tables(tables: Any, directory: str) -> None:
    with _left_as_it_is():
        for one in list(tables.file._open_files.handlers):
            with _left_as_it_is():
                if one.mode != "r":
                    one.close()


# Those that keep something back which is no buffer of Python's.
_CLOSED_BY_THEIR_LIBRARY: Dict[str, Callable[[Any, str], None]] = {
    "tables": _close_tables,
    "netCDF4": _close_netcdf,
    "h5py": _close_hdf5,
    "zipfile": _close_archives,
    "sqlite3": _close_databases,
}
