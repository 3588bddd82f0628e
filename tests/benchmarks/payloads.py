"""How fast a large array is written to a payload and read again: `python -m tests.benchmarks.payloads [MIB [ROUNDS]]`.

Beside it `numpy.save` to the same file system, and a plain pickle. Each file is read by adding up all of the array.
"""

import json
import pickle
import statistics
import sys
import tempfile
import time
from pathlib import Path

import numpy as np

from nbcompile.runtime.code_places import CodeFinder
from nbcompile.runtime.codecs import Scope, register_names
from nbcompile.runtime.definitions import Definitions
from nbcompile.runtime.document import StepDocument, VersionName
from nbcompile.runtime.local_classes import LocalClasses
from nbcompile.runtime.payloads import Payloads, save_payload
from nbcompile.runtime.recorder import Recorder
from nbcompile.runtime.shell import IPythonKernel

VERSION = VersionName("x", 0)


def seconds_of(action):
    started = time.perf_counter()
    action()
    return time.perf_counter() - started


def scope_in(directory):
    kernel = IPythonKernel(Recorder(None), str(directory))
    document = StepDocument("benchmark", "s", (), {}, {}, {}, (), ())
    register_names()
    return Scope(kernel, Definitions(document, kernel, kernel.recorder), CodeFinder(kernel), LocalClasses("s"))


def write_pickle(path, array):
    with path.open("wb") as file:
        pickle.dump(array, file, 5)


def read_pickle(path):
    with path.open("rb") as file:
        pickle.load(file).sum()  # noqa: S301 - written above


def read_payload(path, scope):
    payloads = Payloads([str(path)])
    payloads.read(VERSION, scope)[VERSION].sum()


def measure(mib, rounds):
    """Medians of interleaved rounds, in seconds; nothing is left in the file system's queue when a clock starts."""
    array = np.random.default_rng(0).standard_normal(mib << 17)
    took = {}
    with tempfile.TemporaryDirectory() as temporary:
        directory = Path(temporary)
        scope = scope_in(directory)
        npy, plain, payload = directory / "x.npy", directory / "x.pickle", directory / "x.nbc"
        actions = {
            "numpy.save": lambda: np.save(npy, array),
            "write": lambda: save_payload(str(payload), "x", [(VERSION, array)], scope, watch_sharing=False),
            "pickle": lambda: write_pickle(plain, array),
            "read pickle": lambda: read_pickle(plain),
            "read": lambda: read_payload(payload, scope),
        }
        for _ in range(rounds):
            for name, action in actions.items():
                took.setdefault(name, []).append(seconds_of(action))
            for path in (npy, plain, payload):
                path.unlink()
    return {name: statistics.median(seconds) for name, seconds in took.items()}


def main():
    mib = int(sys.argv[1]) if len(sys.argv) > 1 else 1024
    rounds = int(sys.argv[2]) if len(sys.argv) > 2 else 5
    took = measure(mib, rounds)
    shares = {"write / numpy.save": took["numpy.save"] / took["write"], "read / pickle": took["read pickle"] / took["read"]}
    sys.stdout.write(json.dumps({**took, **shares}, indent=1) + "\n")


if __name__ == "__main__":
    main()
