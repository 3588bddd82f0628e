"""Examples for the rows of patsy."""

from tests.known.prove import Library

LIBRARY = Library(
    "patsy",
    modules={"patsy": "patsy"},
    names={"data": "{'y': [1.0, 2.0, 4.0], 'x': [1.0, 2.0, 3.0]}"},
    types={},
    receivers={},
    ladder=(),
    calls={"patsy.dmatrix": ("('x', data)",), "patsy.dmatrices": ("('y ~ x', data)",)},
)
