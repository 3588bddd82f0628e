"""How fast a large array is written to a payload and read again: `python -m tests.benchmarks.payloads [MIB [ROUNDS]]`.

Beside it `numpy.save` to the same file system, and a plain pickle. Each file is read by adding up all of the array. Neither a payload nor
`numpy.save` waits until the disk has what was written, so that both are measured once as they are and once with `fsync` after them.
`TMPDIR` says which file system it is.
"""

import json
import os
import pickle
import statistics
import sys
import tempfile
import time
from pathlib import Path

import numpy as np

from nbcompile.runtime.code_places import CodeFinder
from nbcompile.runtime.definitions import Definitions
from nbcompile.runtime.document import StepDocument, VersionName
from nbcompile.runtime.local_classes import LocalClasses
from nbcompile.runtime.payloads import Payloads, save_payload
from nbcompile.runtime.recorder import Recorder
from nbcompile.runtime.shell import IPythonKernel
from nbcompile.runtime.value_writer import Scope, register_names

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


def durable(path, write):
    """What was written is on the disk."""
    write()
    with path.open("rb") as file:
        os.fsync(file.fileno())


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
    """Seconds of each round of everything.

    Before a clock starts, no earlier file waits to go to the disk: what writes after another would pay for it. Who writes first changes
    from round to round.
    """
    array = np.random.default_rng(0).standard_normal(mib << 17)
    took = {}
    with tempfile.TemporaryDirectory() as temporary:
        directory = Path(temporary)
        scope = scope_in(directory)
        npy, plain, payload = directory / "x.npy", directory / "x.pickle", directory / "x.nbc"

        def save():
            np.save(npy, array)

        def write():
            save_payload(str(payload), "x", [(VERSION, array)], scope, watch_sharing=False)

        writers = [
            ("numpy.save", npy, save),
            ("write", payload, write),
            ("numpy.save, fsync", npy, lambda: durable(npy, save)),
            ("write, fsync", payload, lambda: durable(payload, write)),
        ]
        readers = [
            ("pickle", lambda: write_pickle(plain, array)),
            ("read pickle", lambda: read_pickle(plain)),
            ("read", lambda: read_payload(payload, scope)),
        ]
        for number in range(rounds):
            for name, path, action in writers[number % 4 :] + writers[: number % 4]:
                path.unlink(missing_ok=True)
                os.sync()
                took.setdefault(name, []).append(seconds_of(action))
            for name, action in readers:
                os.sync()
                took.setdefault(name, []).append(seconds_of(action))
            for path in (npy, plain, payload):
                path.unlink()
    return took


def main():
    mib = int(sys.argv[1]) if len(sys.argv) > 1 else 1024
    rounds = int(sys.argv[2]) if len(sys.argv) > 2 else 8
    took = measure(mib, rounds)
    medians = {name: statistics.median(seconds) for name, seconds in took.items()}
    best = {name: min(seconds) for name, seconds in took.items()}
    shares = {
        f"{how}: {ours} / {theirs}": found[theirs] / found[ours]
        for how, found in (("median", medians), ("best", best))
        for ours, theirs in (("write", "numpy.save"), ("write, fsync", "numpy.save, fsync"), ("read", "read pickle"))
    }
    sys.stdout.write(json.dumps({**medians, **shares}, indent=1) + "\n")


if __name__ == "__main__":
    main()
