"""Examples for the rows of joblib."""

from tests.known.prove import Library

LIBRARY = Library(
    "joblib",
    modules={"joblib": "joblib"},
    names={"xs": "[1, 2]", "file": "(joblib.dump([1], 'given.joblib'), 'given.joblib')[1]"},
    types={"joblib.Parallel": object, "joblib.Memory": object, "joblib.Backend": object},
    receivers={"joblib.Parallel": "joblib.Parallel(1)", "joblib.Memory": "joblib.Memory(None)"},
    ladder=("()", "(xs)", "(f)", "(1)"),
    calls={
        "joblib.dump": ("(xs, 'made.joblib')",),
        "joblib.load": ("(file)",),
        "joblib.Memory": ("('cache.d')",),
        "joblib.Parallel.__call__": ("([joblib.delayed(f)(1)])",),
        "joblib.Memory.cache": ("(len)",),
        "joblib.Memory.eval": ("(len, xs)",),
        "joblib.parallel_backend": ("('sequential')",),
        "joblib.parallel_config": ("('sequential')",),
    },
    not_seen=frozenset(("joblib.Memory",)),
    only_examples=frozenset(("joblib.register_parallel_backend", "joblib.cpu_count", "joblib.effective_n_jobs")),
)
