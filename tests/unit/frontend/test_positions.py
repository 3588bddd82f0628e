"""A line of a cell is found at its line of the file."""

import json

from hypothesis import given
from hypothesis import strategies as st

from nbcompile.frontend.positions import locate_sources

sources = st.lists(st.lists(st.text(max_size=8).map(lambda t: t.replace("\n", "").replace("\r", "") + "\n"), max_size=4), max_size=4)


@given(sources, st.sampled_from([None, 1, 4]), st.booleans())
def test_every_line_is_where_jupyter_wrote_it(cells, indent, with_outputs):
    outputs = {"outputs": [{"text": ["a\n", '"source": ["no"]']}]} if with_outputs else {}
    document = {"metadata": {"cells": 3}, "cells": [{**outputs, "source": lines, "id": "x"} for lines in cells]}
    text = json.dumps(document, indent=indent)
    found = locate_sources(text)
    assert [len(lines) for lines in found] == [len(lines) for lines in cells]
    for lines, places in zip(cells, found, strict=True):
        for line, place in zip(lines, places, strict=True):
            assert json.dumps(line) in text.split("\n")[place - 1]


def test_a_source_that_is_one_string_stands_on_one_line():
    assert locate_sources('{"cells": [\n{"source": "a\\nb"},\n{"source": ""}]}') == ((2, 2), (3,))


def test_what_is_no_notebook_has_no_positions():
    assert locate_sources("[") == locate_sources('{"cells": [3') == locate_sources('{"cells": {"source": 1}}') == ()
