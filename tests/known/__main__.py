"""`python -m tests.known LIBRARY` executes a library's rows and prints the verdicts as JSON."""

import importlib
import json
import sys
from dataclasses import asdict

from tests.known.prove import installed_versions, prove

if __name__ == "__main__":
    library = importlib.import_module(f"tests.known.libraries.{sys.argv[1]}").LIBRARY
    verdicts = prove(library, installed_versions())
    sys.__stdout__.write(json.dumps([asdict(verdict) for verdict in verdicts]) + "\n")
    sys.__stdout__.flush()
