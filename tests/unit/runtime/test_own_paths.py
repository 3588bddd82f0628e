"""What becomes of texts that name a step's own directory."""

import numpy as np
import pytest

from nbcompile.runtime.own_paths import NO_PATHS, OwnPaths
from nbcompile.runtime.texts import rebuild_wide_texts, wide_texts

HERE = OwnPaths("/srv/one/above/above/above/cells")
THERE = OwnPaths("/srv/another/place/above/above/above/cells")


@pytest.mark.parametrize(
    ("text", "there"),
    [
        ("/srv/one/above/above/above/cells", "/srv/another/place/above/above/above/cells"),
        ("/srv/one/above/above/above/cells/x.csv", "/srv/another/place/above/above/above/cells/x.csv"),
        ("a:/srv/one/above/above/above/data", "a:/srv/another/place/above/above/above/data"),
        ("['/srv/one/above/above', '/srv/one/above']", "['/srv/another/place/above/above', '/srv/another/place/above']"),
        ("/srv/one/above/above/above/cells-2", "/srv/another/place/above/above/above/cells-2"),
    ],
)
def test_a_text_names_the_directory_of_whoever_reads_it(text, there):
    parts = HERE.parts_of(text)
    assert HERE.text_of(parts) == text
    assert THERE.text_of(parts) == there


@pytest.mark.parametrize("text", ["", "x", "/srv/one", "/srv/one/above-board", b"", b"[/srv/one/above]", b"x" * 5000])
def test_other_texts_are_left_alone(text):
    assert HERE.parts_of(text) is None
    assert NO_PATHS.parts_of(text) is None


def test_bytes_count_where_they_are_a_path():
    assert THERE.text_of(HERE.parts_of(b"/srv/one/above/x")) == "/srv/another/place/above/x"


def test_what_is_said_of_a_value_is_the_same_in_every_directory():
    assert HERE.without(b"'/srv/one/above/above/above/cells/x'") == THERE.without(b"'/srv/another/place/above/above/above/cells/x'")
    assert HERE.without(b"/tmp/two") == b"/tmp/two"


def test_arrays_of_texts_are_as_wide_as_they_were():
    array = np.array([["/srv/one/above/x", "y"], ["z", ""]], dtype="U20", order="F")
    array.flags.writeable = False
    texts, spare, shape, order, writeable = wide_texts(array, HERE)
    again = rebuild_wide_texts(texts, spare, shape, order, writeable)
    assert (again == array).all()
    assert (again.dtype, again.flags.f_contiguous, again.flags.writeable) == (array.dtype, True, False)
    longer = rebuild_wide_texts([THERE.text_of(HERE.parts_of(texts[0])), *texts[1:]], spare, shape, order, writeable)
    assert longer.dtype.itemsize // 4 == len(longer[0, 0]) + spare == len("/srv/another/place/above/x") + 4
    assert wide_texts(np.array(["x" * 40]), HERE) is None
