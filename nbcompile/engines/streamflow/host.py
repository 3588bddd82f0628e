"""What the engine tells the connectors in StreamFlow's process, through one variable of its environment.

Nothing of it is secret: it says where the run is, and how the person wants it.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path

from nbcompile.engines.streamflow.conductor import Policy
from nbcompile.model.sizes import DEFAULT_MAX_TRANSFER

_VARIABLE = "NBCOMPILE_HOSTING"
_OWN = (_VARIABLE, "NBCOMPILE_QUESTIONS", "NBCOMPILE_VISIT", "HOME", "TMPDIR")
# All steps of a run see these alike, wherever they run.
_THREADS = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "NUMEXPR_NUM_THREADS")
# Which instructions libraries sum with decides the last digits.
_INSTRUCTIONS = ("OPENBLAS_CORETYPE", "MKL_CBWR", "NPY_DISABLE_CPU_FEATURES")
_ALIKE = ("LANG", "LC_ALL", "TZ", *_THREADS, *_INSTRUCTIONS)


@dataclass(frozen=True, slots=True, kw_only=True)
class Hosting:
    """A run of the engine. `python` and `jobs` are for steps of this machine, `max_transfer` is what may go between places."""

    directory: Path
    notes: Path
    place: Path
    home: str
    python: str
    jobs: int
    policy: Policy
    max_transfer: int = DEFAULT_MAX_TRANSFER

    def variable(self) -> dict[str, str]:
        """As a variable for StreamFlow's process."""
        return {_VARIABLE: json.dumps(asdict(self), default=str)}

    def step_variables(self, environ: Mapping[str, str]) -> dict[str, str]:
        """What steps of this machine find: what the person's own processes do."""
        ours = {name: value for name, value in environ.items() if name not in _OWN}
        return {"PYTHONHASHSEED": "0", **ours, "HOME": self.home}

    @staticmethod
    def travelling_variables(environ: Mapping[str, str]) -> dict[str, str]:
        """What steps of other machines find as those of this one do."""
        return {"PYTHONHASHSEED": "0"} | {name: environ[name] for name in (*_ALIKE, "PYTHONHASHSEED") if name in environ}


def read_hosting(environ: Mapping[str, str]) -> Hosting | None:
    """What the engine told us; nothing where StreamFlow was started by a person."""
    if _VARIABLE not in environ:
        return None
    found = json.loads(environ[_VARIABLE])
    policy = Policy(**{**found["policy"], "retry_on": tuple(found["policy"]["retry_on"])})
    paths = {name: Path(found[name]) for name in ("directory", "notes", "place")}
    return Hosting(**{**found, **paths, "policy": policy})
