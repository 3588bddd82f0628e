"""Examples for the rows of tqdm."""

from tests.known.prove import Library

LIBRARY = Library(
    "tqdm",
    modules={"tqdm": "tqdm"},
    names={"xs": "[[1], [2]]"},
    types={"tqdm.Bar": object},
    receivers={"tqdm.Bar": "tqdm.tqdm([[1], [2]])", "tqdm.tqdm": "tqdm.tqdm"},
    ladder=("()", "(xs)", "(3)", "('a')", "(xs, xs)", "(f, xs)"),
    calls={
        "tqdm.Bar.reset": ("()",),
        "tqdm.Bar.set_description": ("('a')",),
        "tqdm.Bar..n=": ("(1)",),
        "tqdm.Bar..total=": ("(9)",),
        "tqdm.Bar..desc=": ("('z')",),
    },
    only_examples=frozenset(("tqdm.contrib.concurrent", "tqdm.tqdm.pandas")),
    not_seen=frozenset(("tqdm.Bar",)),
)
