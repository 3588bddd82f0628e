"""Every code that anything says has a page."""

import re
from pathlib import Path

import nbcompile
from nbcompile.rules import find_rule

SOURCES = (Path(nbcompile.__file__).parent, Path(nbcompile.__file__).parent.parent / "backends")


def test_every_code_has_a_page():
    texts = [path.read_text("utf-8") for source in SOURCES for path in source.rglob("*.py")]
    codes = {code for text in texts for code in re.findall(r"\bNB\d{3}\b", text)}
    assert len(codes) > 50
    assert {code for code in codes if find_rule(code) is None} == set()
