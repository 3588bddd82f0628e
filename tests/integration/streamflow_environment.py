"""The environment that StreamFlow is installed in, for tests."""

import os
from pathlib import Path

STREAMFLOW = Path(os.environ.get("NBCOMPILE_STREAMFLOW") or Path(__file__).parents[2] / ".venv-streamflow")


def environ(home):
    """Variables for StreamFlow, with a home of its own, and its Python as the one of the steps."""
    path = f"{STREAMFLOW / 'bin'}{os.pathsep}{os.environ['PATH']}"
    return {**os.environ, "PATH": path, "HOME": str(home), "TMPDIR": str(home)}
