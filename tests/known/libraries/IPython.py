# ruff: noqa: N999
"""Examples for the rows of IPython."""

from tests.known.prove import Library

LIBRARY = Library(
    "IPython",
    modules={"capture": "IPython.utils.capture", "text": "IPython.utils.text"},
    names={"words": "text.SList(['b', 'a'])"},
    types={"IPython.utils.capture.Capture": object, "IPython.utils.capture.CapturedIO": object, "IPython.utils.text.SList": list},
    receivers={
        "IPython.utils.capture.CapturedIO": "capture.CapturedIO(None, None)",
        "IPython.utils.text.SList": "words",
        "IPython.utils.capture.Capture": "capture.capture_output()",
    },
    ladder=("()", "('a')", "(1)", "({'a': 1})", "('a', 1, 1)"),
    calls={
        "IPython.display.SVG": ("('<svg></svg>')",),
        "IPython.display.Image": ("(url='http://a.example')",),
        "IPython.display.Audio": ("(url='http://a.example')",),
        "IPython.display.Video": ("('http://a.example/a.mp4')",),
        "IPython.utils.text.SList.grep": ("('a')",),
    },
    not_seen=frozenset(f"IPython.display.{name}" for name in ("Image", "Audio", "Video", "SVG", "Markdown", "HTML", "Javascript", "Code")),
    only_examples=frozenset(
        (
            "IPython.embed",
            "IPython.start_ipython",
            "IPython.display.set_matplotlib_formats",
            "IPython.display.set_matplotlib_close",
            "IPython.core.pylabtools.figsize",
            "IPython.utils.capture.Capture.with()",
        )
    ),
)
