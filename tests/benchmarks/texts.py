"""How fast a table of texts is written and read, beside pickle: `python -m tests.benchmarks.texts [ROWS [ROUNDS]]`.

Printed are medians of seconds of CPU.
"""

import json
import pickle
import statistics
import sys
import tempfile
import time
from pathlib import Path

import numpy as np
import pandas as pd

from nbcompile.runtime.payloads import Payloads, save_payload
from tests.benchmarks.payloads import VERSION, scope_in


def table_of(rows):
    """A column of numbers, one of texts that are all different objects, and one of a few texts that come often."""
    names = [f"g{number}" for number in np.random.default_rng(3).integers(0, rows // 200 + 1, rows).tolist()]
    often = np.array(["north", "south", "east", "west"], dtype=object)[np.arange(rows) % 4]
    return pd.DataFrame({"value": np.arange(rows, dtype=float), "name": names, "side": often})


def measure(table, rounds):
    took = {}
    with tempfile.TemporaryDirectory() as temporary:
        plain, payload, scope = Path(temporary, "x.pickle"), Path(temporary, "x.nbc"), scope_in(temporary)
        actions = {
            "pickle": lambda: plain.write_bytes(pickle.dumps(table, 5)),
            "write": lambda: save_payload(str(payload), "x", [(VERSION, table)], scope, watch_sharing=False),
            "write, sharing watched": lambda: save_payload(str(payload), "x", [(VERSION, table)], scope, watch_sharing=True),
            "read pickle": lambda: pickle.loads(plain.read_bytes()),  # noqa: S301 - written above
            "read": lambda: Payloads([str(payload)]).read(VERSION, scope),
        }
        for _ in range(rounds):
            for name, action in actions.items():
                started = time.process_time()
                action()
                took.setdefault(name, []).append(time.process_time() - started)
    return {name: statistics.median(seconds) for name, seconds in took.items()}


def main():
    rows = int(sys.argv[1]) if len(sys.argv) > 1 else 1_000_000
    found = measure(table_of(rows), int(sys.argv[2]) if len(sys.argv) > 2 else 5)
    shares = {f"{ours} / {theirs}": found[theirs] / found[ours] for ours, theirs in (("write", "pickle"), ("read", "read pickle"))}
    sys.stdout.write(json.dumps({**found, **shares}, indent=1) + "\n")


if __name__ == "__main__":
    main()
