"""`python -m tests.known LIBRARY` executes a library's rows and prints the verdicts as JSON."""

import fcntl
import importlib
import json
import os
import sys
from dataclasses import asdict

from tests.known.prove import installed_versions, prove

if __name__ == "__main__":
    library = importlib.import_module(f"tests.known.libraries.{sys.argv[1]}").LIBRARY
    # A call may close what it takes for its own file, or write to it.
    out = fcntl.fcntl(1, fcntl.F_DUPFD, 200)
    os.dup2(os.open(os.devnull, os.O_WRONLY), 1)
    verdicts = prove(library, installed_versions())
    with os.fdopen(out, "w") as stream:
        stream.write(json.dumps([asdict(verdict) for verdict in verdicts]) + "\n")
    # Executors and threads that calls started are not waited for.
    os._exit(0)
