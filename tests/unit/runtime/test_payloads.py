"""What a cell made is there in the next process: values, identity, shared memory, code."""

import re
from pathlib import Path

import pytest

from tests.unit.runtime.chain import run_chain, texts

TRIPS = Path(__file__).parent / "trips"


def read_trips():
    """The chains of cells in `trips`: `# === name`, then cells that begin with `# %%`; the last one asserts."""
    for path in sorted(TRIPS.glob("*.ipy")):
        for block in re.split(r"(?m)^# === ", path.read_text("utf-8"))[1:]:
            name, _, cells = block.partition("\n")
            cells = [cell.strip("\n") for cell in re.split(r"(?m)^# %%\n", cells)[1:]]
            yield pytest.param(cells, id=f"{path.stem}: {name}", marks=[pytest.mark.slow] if path.stem == "libraries" else [])


@pytest.mark.parametrize("cells", list(read_trips()))
def test_trip(cells, tmp_path):
    documents = run_chain(cells, tmp_path / "chain")
    assert [cell["state"] for document in documents for cell in document["cells"]] == ["ok"] * len(cells), texts(documents)[-1]


CANNOT_TRAVEL = {
    "x = open('/dev/null')": "an open file",
    "x = (i for i in range(3))": "a generator",
    "import threading; x = threading.Lock()": "a lock",
    "import socket; x = socket.socket()": "a connection",
    "import sqlite3; x = sqlite3.connect(':memory:')": "a database connection",
    "import subprocess; x = subprocess.Popen(['true'])": "a process",
    "import threading; x = threading.Thread()": "a thread",
    "from concurrent.futures import ThreadPoolExecutor; x = ThreadPoolExecutor()": "an executor",
    "import re; x = re.match('a', 'a')": "an object",
    "x = compile('1', '', 'eval')": "compiled code",
    "import weakref; import collections; y = collections.UserDict(); x = weakref.ref(y)": "a weak reference",
    "async def c(): pass\nx = c()": "a coroutine",
}


@pytest.mark.parametrize("source", CANNOT_TRAVEL)
def test_what_cannot_travel_fails_when_it_is_used(source, tmp_path):
    documents = run_chain([source, "y = [x]; z = 5", "print(z)", "y[0].anything"], tmp_path / "chain")
    shown = texts(documents)
    assert shown[2] == "5\n"
    assert shown[3].startswith(f"CannotTravel: {CANNOT_TRAVEL[source]} of type")
    assert "`x@0`" in shown[3]
    assert "cell 0" in shown[3]
