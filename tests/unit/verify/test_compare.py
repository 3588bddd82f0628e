"""What differs between two observations, exactly and within a tolerance."""

import base64
import io
from dataclasses import replace

import numpy as np
import pytest
from PIL import Image

from nbcompile.model.run import Value
from nbcompile.model.verification import Aspect, Exactness, Observation
from nbcompile.runtime.fingerprint import fingerprint
from nbcompile.verify.compare import compare, texts_are_close
from nbcompile.verify.pictures import read_png

EXACT, PORTABLE = Exactness.EXACT, Exactness.PORTABLE


def stream(text, name="stdout"):
    return {"output_type": "stream", "name": name, "text": text}


def result(**data):
    return {
        "output_type": "execute_result",
        "execution_count": None,
        "metadata": {},
        "data": {k.replace("_", "/"): v for k, v in data.items()},
    }


def error(name, value):
    return {"output_type": "error", "ename": name, "evalue": value, "traceback": [f"{name} at line 1"]}


def value(content):
    found = fingerprint(content)
    return Value(found.type, found.digest, found.shape, found.floats, found.opaque)


PLAIN = Observation(
    name="plain",
    cells=((stream("a\n"),), (result(text_plain="0.3333333"),), ()),
    values={"x": value([1.0, 2.0]), "n": value(3)},
    files={"out.csv": "1234"},
)
CELL = replace(PLAIN, name="cell")


def subjects(other, exactness=EXACT, plain=PLAIN):
    return [(one.subject.aspect, one.subject.cell, one.subject.name) for one in compare(plain, other, exactness)]


def test_equal():
    assert subjects(CELL) == []


@pytest.mark.parametrize(
    ("change", "expected"),
    [
        ({"cells": ((stream("b\n"),), *PLAIN.cells[1:])}, (Aspect.OUTPUT, 0, "stdout")),
        ({"cells": ((), *PLAIN.cells[1:])}, (Aspect.OUTPUT, 0, "stdout")),
        ({"cells": ((*PLAIN.cells[0], stream("w", "stderr")), *PLAIN.cells[1:])}, (Aspect.OUTPUT, 0, "stderr of output 2")),
        ({"cells": (PLAIN.cells[0], (result(text_plain="0.3333334"),), ())}, (Aspect.OUTPUT, 1, "text/plain")),
        ({"cells": (PLAIN.cells[0], (result(text_plain="0.3333333", text_html="<b>"),), ())}, (Aspect.OUTPUT, 1, "text/html")),
        ({"cells": PLAIN.cells[:2]}, None),
        ({"values": {**PLAIN.values, "x": value([1.0, 2.0000000001])}}, (Aspect.VALUE, -1, "x")),
        ({"values": {"x": PLAIN.values["x"]}}, (Aspect.VALUE, -1, "n")),
        ({"files": {}}, (Aspect.FILE, -1, "out.csv")),
        ({"files": {**PLAIN.files, "more.csv": "1"}}, (Aspect.FILE, -1, "more.csv")),
        ({"problem": "NB5: broken"}, (Aspect.ENDING, -1, "the run")),
    ],
)
def test_one_difference(change, expected):
    assert subjects(replace(CELL, **change)) == ([expected] if expected else [])


def test_cells_after_the_first_failure_are_not_compared():
    cells = (PLAIN.cells[0], (error("ValueError", "no"),), ())
    failed = replace(PLAIN, cells=cells, failed=1, problem="ValueError", values={})
    later = replace(failed, name="cell", cells=(*cells[:2], (stream("ran ahead\n"),)))
    assert subjects(later, plain=failed) == []
    other = replace(later, cells=(cells[0], (error("KeyError", "no"),), ()))
    assert subjects(other, plain=failed) == [(Aspect.OUTPUT, 1, "error")]
    assert (Aspect.ENDING, 1, "the run") in subjects(later)


@pytest.mark.parametrize(
    ("left", "right", "close"),
    [
        ("mean 0.33333333", "mean 0.33333334", True),
        ("mean 0.33333333", "mean 0.34333333", False),
        ("[1.5, 2.25e-10]", "[1.5, 2.25e-10]", True),
        ("3 rows of 4.5", "4 rows of 4.5", False),
        ("version 1.2.3", "version 1.2.4", False),
        ("x = 0.5", "y = 0.5", False),
        ("-0.12345678", "0.12345678", False),
    ],
)
def test_texts_within_the_tolerance(left, right, close):
    assert texts_are_close(left, right) is close


def test_values_within_the_tolerance():
    near = {**PLAIN.values, "x": value([1.0, 2.0 + 1e-12])}
    far = {**PLAIN.values, "x": value([1.0, 2.1])}
    swapped = {**PLAIN.values, "x": value([2.0, 1.0])}
    assert subjects(replace(CELL, values=near), PORTABLE) == []
    assert subjects(replace(CELL, values=far), PORTABLE) == [(Aspect.VALUE, -1, "x")]
    assert subjects(replace(CELL, values=swapped), PORTABLE) == [(Aspect.VALUE, -1, "x")]


def png(pixels, **how):
    file = io.BytesIO()
    Image.fromarray(pixels).save(file, "PNG", **how)
    return file.getvalue()


@pytest.mark.parametrize("shape", [(9, 7), (9, 7, 3), (9, 7, 4)])
def test_png_is_decoded_as_pillow_does(shape):
    smooth = np.add.outer(np.arange(9), np.arange(7)) * 9
    pixels = (smooth if len(shape) == 2 else smooth[..., None] + np.arange(shape[2]) * 3).astype("uint8")
    picture = read_png(png(pixels))
    assert (picture.height, picture.width) == (9, 7)
    assert b"".join(picture.rows) == pixels.tobytes()


def test_pictures_within_the_tolerance():
    pixels = np.tile(np.arange(0, 200, 10, dtype="uint8"), (20, 1))
    first, near, far = pixels.copy(), pixels.copy(), 255 - pixels
    near[0, 0] += 3
    shown = [((result(image_png=base64.b64encode(png(one)).decode()),),) for one in (first, near, far)]
    plain = Observation(name="plain", cells=shown[0])
    assert subjects(Observation(name="cell", cells=shown[1]), PORTABLE, plain) == []
    assert subjects(Observation(name="cell", cells=shown[1]), EXACT, plain) != []
    assert subjects(Observation(name="cell", cells=shown[2]), PORTABLE, plain) != []
