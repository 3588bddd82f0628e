"""What two right runs of one notebook may show differently: named rules that mask it on both sides.

A rule maps the outputs of all cells (nbformat dictionaries, in notebook order) to outputs in which what it names looks
the same in every run. `mask` applies them in the order of `RULES`; what differs afterwards is a difference.
"""

from __future__ import annotations

import hashlib
import re
import struct
import zlib
from base64 import b64decode
from binascii import Error as NotBase64
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, TypeAlias

Output: TypeAlias = Mapping[str, Any]
CellOutputs: TypeAlias = tuple[Output, ...]
Outputs: TypeAlias = tuple[CellOutputs, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class MaskingRule:
    """One thing that is not compared. `summary` says what, in words for a report."""

    name: str
    summary: str
    apply: Callable[[Outputs], Outputs]


def mask(outputs: Outputs, without: Iterable[str] = ()) -> Outputs:
    """The outputs as they are compared. `without` names rules to leave out."""
    left_out = frozenset(without)
    for rule in RULES:
        if rule.name not in left_out:
            outputs = rule.apply(outputs)
    return outputs


# Long, and no text.
_ENCODED = frozenset(("image/png", "image/jpeg", "image/gif", "image/webp", "application/pdf"))


def _each_text(change: Callable[[str], str]) -> Callable[[Outputs], Outputs]:
    """A rule that changes every text that is shown, wherever it is."""

    def changed(value: object) -> object:
        if isinstance(value, str):
            return change(value)
        if isinstance(value, list | tuple):
            return [changed(item) for item in value]
        if isinstance(value, Mapping):
            return {key: item if key in _ENCODED else changed(item) for key, item in value.items()}
        return value

    def apply(outputs: Outputs) -> Outputs:
        return tuple(tuple({key: changed(value) for key, value in output.items()} for output in cell) for cell in outputs)

    return apply


def _each_stream(change: Callable[[str], str]) -> Callable[[Outputs], Outputs]:
    def of_output(output: Output) -> Output:
        return {**output, "text": change(output["text"])} if output["output_type"] == "stream" else output

    return lambda outputs: tuple(tuple(of_output(output) for output in cell) for cell in outputs)


def _substitute(*rules: tuple[str, str]) -> Callable[[str], str]:
    compiled = [(re.compile(pattern), replacement) for pattern, replacement in rules]

    def change(text: str) -> str:
        for pattern, replacement in compiled:
            text = pattern.sub(replacement, text)
        return text

    return change


_CELL_FILE = re.compile(r"[/\\]ipykernel_\d+[/\\]\d+\.py|<ipython-input-\d+-[0-9a-f]+>")
_NOT_IN_PATHS = frozenset(" \t\n\r\f\v\"'(<[")


def _name_cells(text: str) -> str:
    """Call the files that a kernel keeps cells in `<cell>`, with the directory before them: in one pass, however long a line is."""
    parts, done = [], 0
    for found in _CELL_FILE.finditer(text):
        start = found.start()
        while start > done and found.group()[0] != "<" and text[start - 1] not in _NOT_IN_PATHS:
            start -= 1
        parts += [text[done:start], "<cell>"]
        done = found.end()
    return "".join((*parts, text[done:]))


def _join_text(outputs: Outputs) -> Outputs:
    """Multi-line fields of files are lists of lines; transient fields are of the protocol, not of the notebook."""

    def joined(value: object) -> object:
        return "".join(value) if isinstance(value, list) and all(isinstance(line, str) for line in value) else value

    def of_output(output: Output) -> Output:
        plain = {key: value for key, value in output.items() if key != "transient"}
        if plain["output_type"] == "stream":
            plain["text"] = joined(plain["text"])
        if "data" in plain:
            plain["data"] = {mime: value if "json" in mime else joined(value) for mime, value in plain["data"].items()}
        return plain

    return tuple(tuple(of_output(output) for output in cell) for cell in outputs)


def _order_streams(outputs: Outputs) -> Outputs:
    """Between two other outputs, all of stdout comes before all of stderr."""

    def of_cell(cell: CellOutputs) -> CellOutputs:
        ordered: list[Output] = []
        held = {"stdout": "", "stderr": ""}

        def release() -> None:
            ordered.extend({"output_type": "stream", "name": name, "text": text} for name, text in held.items() if text)
            held.update(stdout="", stderr="")

        for output in cell:
            if output["output_type"] == "stream":
                held[output["name"]] = held.get(output["name"], "") + output["text"]
            else:
                release()
                ordered.append(output)
        release()
        return tuple(ordered)

    return tuple(of_cell(cell) for cell in outputs)


_ESCAPE = re.compile(r"\x1b\[[0-9;?]*[A-Za-z]")
_ERASE_LINE = re.compile(r"\x1b\[[0-2]?K")


def as_terminal_shows(text: str) -> str:
    r"""The lines a terminal would end up with: `\r` starts the line again, `\b` goes back, colours are gone."""
    return "\n".join(_terminal_line(line) for line in text.split("\n"))


def _terminal_line(line: str) -> str:
    if "\r" not in line and "\b" not in line and "\x1b" not in line:
        return line
    shown: list[str] = []
    place = 0
    for piece in re.split(r"(\r|\x08|\x1b\[[0-9;?]*[A-Za-z])", line):
        if piece == "\r":
            place = 0
        elif piece == "\b":
            place = max(0, place - 1)
        elif _ERASE_LINE.fullmatch(piece):
            shown = [] if piece == "\x1b[2K" else shown[:place]
        elif piece and not _ESCAPE.fullmatch(piece):
            shown += [" "] * (place - len(shown))
            shown[place : place + len(piece)] = piece
            place += len(piece)
    return "".join(shown).rstrip(" ") if "\r" in line or "\b" in line else "".join(shown)


# matplotlib logs what it warns of where fonts are concerned.
_WARNING = re.compile(r"(?m)^(?:[^\n:]*:\d+: (?P<kind>\w*Warning)|findfont): (?P<text>.*)\n(?:  .*\n)?")


def _drop_repeated_warnings(outputs: Outputs) -> Outputs:
    """A library warns once in a process; which cell sees it depends on what ran there before."""
    seen: set[tuple[str, str]] = set()

    def is_repeated(found: re.Match[str]) -> bool:
        key = (found["kind"], found["text"])
        if key in seen:
            return True
        seen.add(key)
        return False

    return _without_warnings(outputs, is_repeated)


def _drop_late_warnings(outputs: Outputs) -> Outputs:
    """An animation that nobody has shown says so when Python collects it, and with it what refers to it in a ring."""
    return _without_warnings(outputs, lambda found: found["text"].startswith("Animation was deleted without rendering anything."))


def _without_warnings(outputs: Outputs, is_left_out: Callable[[re.Match[str]], bool]) -> Outputs:
    def of_cell(cell: CellOutputs) -> CellOutputs:
        kept: list[Output] = []
        for output in cell:
            if output["output_type"] == "stream" and output["name"] == "stderr":
                text = _WARNING.sub(lambda found: "" if is_left_out(found) else found[0], output["text"])
                if text or not output["text"]:
                    kept.append({**output, "text": text})
            else:
                kept.append(output)
        return tuple(kept)

    return tuple(of_cell(cell) for cell in outputs)


def _mask_counts(outputs: Outputs) -> Outputs:
    def of_output(output: Output) -> Output:
        return {**output, "execution_count": None} if "execution_count" in output else output

    return tuple(tuple(of_output(output) for output in cell) for cell in outputs)


def _each_traceback(change: Callable[[list[str]], list[str]]) -> Callable[[Outputs], Outputs]:
    def of_output(output: Output) -> Output:
        return {**output, "traceback": change(list(output["traceback"]))} if output["output_type"] == "error" else output

    return lambda outputs: tuple(tuple(of_output(output) for output in cell) for cell in outputs)


_REPEATED = _substitute((r"\(\d+ times\)", "(… times)"), (r"repeated \d+ more times", "repeated … more times"))


def _collapse_recursion(outputs: Outputs) -> Outputs:
    def collapsed(traceback: list[str]) -> list[str]:
        return [entry for place, entry in enumerate(traceback) if place == 0 or entry != traceback[place - 1]]

    return _each_text(_REPEATED)(_each_traceback(collapsed)(outputs))


_KERNEL_FRAME = re.compile(r"File [^\n]*[/\\](?:ipykernel[/\\]\w+|nbcompile[/\\]runtime[/\\]\w+|nbcompile_runtime)\.py:\d+, in ")


def _drop_kernel_frames(outputs: Outputs) -> Outputs:
    def without(traceback: list[str]) -> list[str]:
        return [entry for entry in traceback if not _KERNEL_FRAME.match(_ESCAPE.sub("", entry))]

    return _each_traceback(without)(outputs)


def _without_colours(traceback: list[str]) -> list[str]:
    return [_ESCAPE.sub("", entry) for entry in traceback]


def _compare_pixels(outputs: Outputs) -> Outputs:
    def of_output(output: Output) -> Output:
        data = output.get("data")
        if not isinstance(data, Mapping) or "image/png" not in data:
            return output
        return {**output, "data": {**data, "image/png": png_pixels(data["image/png"])}}

    return tuple(tuple(of_output(output) for output in cell) for cell in outputs)


def png_pixels(encoded: str) -> str:
    """A digest of what a PNG shows: its header, palette and scan lines, without comments, dates and compression."""
    try:
        data = b64decode(encoded)
        digest = hashlib.sha256()
        image = zlib.decompressobj()
        place = 8
        while place < len(data):
            length, kind = struct.unpack(">I4s", data[place : place + 8])
            content = data[place + 8 : place + 8 + length]
            if kind == b"IDAT":
                digest.update(image.decompress(content))
            elif kind in (b"IHDR", b"PLTE", b"tRNS"):
                digest.update(content)
            place += length + 12
        return f"png pixels {digest.hexdigest()}"
    except (NotBase64, ValueError, struct.error, zlib.error):
        return encoded


_SET_WITH_NAN = re.compile(r"\{(?=[^{}:\n]*(?<![\w'\"])nan(?![\w'\"]))[^{}:\n]*\}")


def _sort_sets_with_nan(text: str) -> str:
    return _SET_WITH_NAN.sub(lambda found: "{" + ", ".join(sorted(found[0][1:-1].split(", "))) + "}", text)


_NUMBER = r"(?:nan|inf|\d+(?:\.\d+)?(?:e[+-]?\d+)?)"
_UNIT = r"(?:ns|[uµμ]s|ms|s|min|h|d)"
_DURATION = rf"{_NUMBER} {_UNIT}(?: {_NUMBER} {_UNIT}){{0,4}}"
_MODEL_OF_BOKEH = r'"type":"object","name":"[\w.]+","id":"[^"]*","attributes":\{"name":"'
_UUID = r"[0-9a-f]{8}-?[0-9a-f]{4}-?[0-9a-f]{4}-?[0-9a-f]{4}-?[0-9a-f]{12}"

_WIDTH_OF_FIT_TIME = 38

RULES: tuple[MaskingRule, ...] = (
    MaskingRule(name="line-lists", summary="text stored as a list of lines, and transient fields", apply=_join_text),
    MaskingRule(name="stream-order", summary="the order of stdout and stderr between two other outputs", apply=_order_streams),
    MaskingRule(
        name="terminal-control", summary="carriage returns, backspaces and colours of streams", apply=_each_stream(as_terminal_shows)
    ),
    MaskingRule(
        name="cell-file",
        summary="the file name a kernel gives a cell",
        apply=_each_text(_name_cells),
    ),
    MaskingRule(
        name="address", summary="addresses of objects", apply=_each_text(_substitute((r"(\b0x|\.\.\.x)[0-9a-fA-F]{6,16}\b", "0x…")))
    ),
    MaskingRule(
        name="set-with-nan",
        summary="the order of a set that has a NaN, whose hash is its address",
        apply=_each_text(_sort_sets_with_nan),
    ),
    MaskingRule(
        name="compilations",
        summary="how many functions networkx had wrapped when it wrapped one that an error went through",
        apply=_each_text(_substitute((r"\b(argmap_\w+?_)\d+\b", r"\1…"), (r"(\bcompilation )\d+(?=\W)", r"\1…"))),
    ),
    MaskingRule(
        name="generated-code",
        summary="how many functions SymPy had written before this one",
        apply=_each_text(_substitute((r"(<lambdifygenerated-)\d+(?=>)", r"\1…"))),
    ),
    MaskingRule(
        name="task-number",
        summary="how many tasks asyncio had made before this one, those of the kernel among them",
        apply=_each_text(_substitute((r"(<Task (?:pending|finished|cancelling|cancelled) name='Task-)\d+(?=')", r"\1…"))),
    ),
    MaskingRule(
        name="timing",
        summary="measured times: `%time`, `%timeit`, progress bars, test runners",
        apply=_each_text(
            _substitute(
                (r"(?m)^(CPU times: )user .*$", r"\1…"),
                (r"(?m)^((?:Wall|CPU|Compiler) time: ).*$", r"\1…"),
                (
                    (
                        rf"(?<![\d.]){_DURATION} ± {_DURATION} per loop"
                        r"(?: \(mean ± std\. dev\. of \d+ runs?, [\d,]+ loops? each\))?"
                    ),
                    "… per loop",
                ),
                (r"The slowest run took .* longer than the fastest\. [^\n]*\n", ""),
                (r"\[\d+:\d\d(?::\d\d)?<(?:\d+:\d\d(?::\d\d)?|\?)(?:,\s*[^\]]*)?\]", "[…]"),
                (r"(Ran \d+ tests? in )[\d.]+s", r"\1…s"),
                (r"(function calls (?:\(\d+ primitive calls\) )?in )[\d.]+ seconds", r"\1… seconds"),
            )
        ),
    ),
    MaskingRule(
        name="fit-time",
        summary="how long a fit of iminuit took, which it says when that was long",
        apply=_each_text(
            _substitute(
                (r"( title=\"Total run time of algorithms\">) time = [\d.e+-]+ sec (</td>)", r"\1  \2"),
                (r"(?m)^(│ EDM = [^│\n]*│) +time = [\d.e+-]+ sec +│$", rf"\1{' ' * _WIDTH_OF_FIT_TIME}│"),
            )
        ),
    ),
    MaskingRule(
        name="element-id",
        summary="ids that libraries number or draw for HTML elements and widgets",
        apply=_each_text(
            _substitute(
                (r"sk-(container-id|estimator-id)-\d+", r"sk-\1-…"),
                (r"\bT_[0-9a-f]{5}(?=[_\" ,{#])", "T_…"),
                # Models of panel are called by their class and a number that param counts.
                (rf"({_MODEL_OF_BOKEH}[A-Z][A-Za-z]*)\d{{5}}(?=\")", r"\1…"),
                # Tables of astropy have their address.
                (r"(\bid=\"table)\d{9,}(?=[-\"])", r"\1…"),
                # An id of HTML begins with a letter.
                (rf"\b([A-Za-z_]{{0,12}}?){_UUID}\b", r"\1…uuid…"),
                (r"\bIPY_MODEL_[0-9a-f]{32}\b", "IPY_MODEL_…"),
            )
        ),
    ),
    MaskingRule(
        name="svg-stamp",
        summary="the date and the random ids in matplotlib's SVG images",
        apply=_each_text(
            _substitute(
                (r"<dc:date>[^<]*</dc:date>", "<dc:date>…</dc:date>"),
                (r"((?:id=\"|href=\"#|url\(#)[a-zA-Z]+)[0-9a-f]{10}(?=[\")])", r"\1…"),
            )
        ),
    ),
    MaskingRule(name="recursion-depth", summary="how many frames a too deep recursion had", apply=_collapse_recursion),
    MaskingRule(name="kernel-frames", summary="frames of the kernel or the step runtime in tracebacks", apply=_drop_kernel_frames),
    MaskingRule(
        name="traceback-colours",
        summary="colours of tracebacks, in which a call is marked if IPython can tell which it was",
        apply=_each_traceback(_without_colours),
    ),
    MaskingRule(name="image-pixels", summary="how a PNG image is stored; its pixels are compared", apply=_compare_pixels),
    MaskingRule(name="late-warning", summary="a warning that comes when Python collects an animation", apply=_drop_late_warnings),
    MaskingRule(name="repeated-warning", summary="a warning that was shown before", apply=_drop_repeated_warnings),
    MaskingRule(name="execution-count", summary="the numbers beside cells", apply=_mask_counts),
)


def mask_directories(outputs: Outputs, directories: Sequence[str]) -> Outputs:
    """The outputs with the notebook's directories, which each run has its own of, called `<directory>`; text may have come in pieces."""
    outputs = _order_streams(_join_text(outputs))
    for directory in directories:
        outputs = _each_text(_substitute((re.escape(directory), "<directory>")))(outputs)
    return outputs


def rule_names() -> tuple[str, ...]:
    """Every rule's name, in the order of application."""
    return tuple(rule.name for rule in RULES)
