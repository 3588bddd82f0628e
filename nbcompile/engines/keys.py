"""What the result of a step is made of, part by part, and the key that follows from it.

A part is named for people: `nbcompile runs why` compares two keys by their parts. The versions of distributions are no part of
a key: which ones count is known only when the step has run, so they lie beside the result (nbcompile/engines/store.py).
"""

from __future__ import annotations

import hashlib
import io
import json
import re
import tokenize
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

from nbcompile.engines.directory import STATE
from nbcompile.engines.file_digests import FileDigests
from nbcompile.model.graph import FILE
from nbcompile.model.plan import Link, Step

# What a step says of a file that it wrote, and another cell may see.
_OF_FILES = ("sha256", "mode", "link")
# What every result may depend on: sums in other threads are other sums, text is sorted and told by language and zone.
_VARIABLES = (
    "LANG",
    "LC_ALL",
    "LC_COLLATE",
    "LC_CTYPE",
    "LC_NUMERIC",
    "LC_TIME",
    "MKL_NUM_THREADS",
    "MPLBACKEND",
    "NUMEXPR_NUM_THREADS",
    "OMP_NUM_THREADS",
    "OPENBLAS_NUM_THREADS",
    "PYTHONHASHSEED",
    "PYTHONOPTIMIZE",
    "PYTHONPATH",
    "TZ",
)
_SHARD = r"\.\d+(-\d+)*"
_IMPORT = re.compile(r"\b(?:from[ \t]+([A-Za-z_]\w*)[\w.]*[ \t]+import\b|import[ \t]+([^#;\n]+))")
_HIDDEN_IMPORT = re.compile(r"\b(?:import_module|__import__|exec|eval|run_path)\b|(?m:^%run)")


@dataclass(frozen=True, slots=True)
class StepKey:
    """The key of a step's result, and the digests of what it is made of."""

    digest: str
    parts: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class StepInput:
    """What a link brings: what the source said of itself (OUTPUTS.json), and the definitions that its payload mentions."""

    link: Link
    outputs: Mapping[str, Any]
    definitions: tuple[str, ...] = ()


def step_key(
    document: Mapping[str, Any], surroundings: Mapping[str, str], inputs: Sequence[StepInput], files: Mapping[str, str]
) -> StepKey:
    """The key of a step with this document, these inputs, and the digests of the files it is given."""
    mentioned = [name for one in inputs for name in one.definitions]
    parts = {
        **{f"cell {cell['id']}": _digest(_normal_cell(cell)) for cell in document["cells"]},
        **({"scatter": _digest(_normal_scatter(document["scatter"]))} if "scatter" in document else {}),
        **{
            f"definition of {', '.join(one['binds']) or one['id']} ({one['id']})": _digest(text)
            for one, text in replayed(document, mentioned)
        },
        **{name: digest for one in inputs for name, digest in _input_parts(one)},
        **({"name of the directory": document["directory"]} if "directory" in document else {}),
        **{f"file {path}": digest for path, digest in files.items()},
        **surroundings,
    }
    return StepKey(_digest(sorted(parts.items())), dict(sorted(parts.items())))


def surroundings(probe: Mapping[str, Any], runtime: str, environ: Mapping[str, str], variables: Iterable[str]) -> dict[str, str]:
    """The parts that come from the machine: interpreter, platform, step runtime, environment variables."""
    minor = ".".join(str(probe["version"]).split(".")[:2])
    values = {name: environ[name] for name in dict.fromkeys((*_VARIABLES, *variables)) if name in environ}
    return {
        "python": f"{probe['implementation']} {minor}",
        "platform": str(probe["platform"]),
        "step runtime": _digest_of_long(runtime),
        # Values may be secrets, and keys are kept.
        **{f"variable {name}": _digest([name, value]) for name, value in values.items()},
    }


def given_files(step: Step, directory: Path, digests: FileDigests) -> dict[str, str]:
    """The digests of what a step is given from outside, by their paths relative to the notebook's directory."""
    places = {path: directory / Path(path).expanduser() for path in step.files_in}
    # The directory of a run is given to no step.
    return {path: digests.digest(place) for path, place in places.items() if not (place / STATE).is_dir()}


def replayed(document: Mapping[str, Any], mentioned: Iterable[str] = ()) -> Iterator[tuple[Mapping[str, Any], str]]:
    """The definition statements that a step may run again, with their text: its own, those of its inputs, and what these use."""
    wanted = {name for cell in document["cells"] for name in cell["replays"]} | set(mentioned)
    names: set[str] = set()
    found: list[tuple[Mapping[str, Any], str]] = []
    for one in sorted(document["definitions"], key=_order, reverse=True):
        if one["id"] in wanted or names & set(one["binds"]):
            names.update(one["uses"])
            first, last = one["lines"]
            found.append((one, "\n".join(document["sources"][str(one["cell"])].splitlines()[first - 1 : last])))
    return iter(found[::-1])


def imported_modules(document: Mapping[str, Any], mentioned: Iterable[str] = ()) -> tuple[str, ...] | None:
    """The top-level modules that a step's text imports; `None` where the text does not tell."""
    texts = [text for _, text in replayed(document, mentioned)] + [cell["source"] for cell in document["cells"]]
    if any(_HIDDEN_IMPORT.search(text) for text in texts):
        return None
    found = [found for text in texts for found in _IMPORT.findall(text)]
    words = [source or word for source, several in found for word in (several.split(",") if several else ("",))]
    return tuple(dict.fromkeys(word.split()[0].partition(".")[0] for word in words if word.strip()))


def changed_parts(old: Mapping[str, str], new: Mapping[str, str]) -> Iterator[str]:
    """What makes the new key another than the old one, in words."""
    for name in sorted(old.keys() | new.keys()):
        if name not in old:
            yield f"{name} is new"
        elif name not in new:
            yield f"{name} is gone"
        elif old[name] != new[name]:
            shown = f": {old[name]} before, {new[name]} now" if len(old[name]) < 40 and len(new[name]) < 40 else ""
            yield f"{name} changed{shown}"


def _order(one: Mapping[str, Any]) -> tuple[int, int]:
    cell, _, ordinal = str(one["id"]).partition(".")
    return int(cell), int(ordinal)


def _input_parts(one: StepInput) -> Iterator[tuple[str, str]]:
    wanted = {str(version) for version in one.link.versions}
    for payload in sent_through(one.link, one.outputs):
        shard = payload["payload"].removeprefix(one.link.payload).replace(".", " shard ")
        for version in payload["versions"]:
            if version["version"] in wanted:
                yield f"input {version['version']}{shard}", version.get("sha256", "unbound")
    for version in one.link.versions:
        if version.name.startswith(FILE):
            path = version.name.removeprefix(FILE)
            below = [file for file in one.outputs.get("files", ()) if file["path"] == path or path == "./" or file["path"].startswith(path)]
            yield f"input {version}", _digest(sorted((file["path"], *(str(file.get(word, "")) for word in _OF_FILES)) for file in below))


def sent_through(link: Link, outputs: Mapping[str, Any]) -> Iterator[Mapping[str, Any]]:
    """What the source of a link says of the payloads that it sends through it: the whole, or where that is not sent all shards."""
    payloads = {payload["payload"]: payload for payload in outputs.get("payloads", ())}
    if link.payload in payloads and not link.shards:
        return iter((payloads[link.payload],))
    name = re.compile(re.escape(link.payload) + _SHARD)
    return (payload for found, payload in payloads.items() if name.fullmatch(found))


def _normal_cell(cell: Mapping[str, Any]) -> Mapping[str, Any]:
    source = str(cell["source"])
    # A traceback shows the lines around the one that raised.
    return {**cell, "source": source if "raises-exception" in cell["tags"] else without_remarks(source)}


def _normal_scatter(scatter: Mapping[str, Any]) -> Mapping[str, Any]:
    """A scatter without the names of steps, which change with the texts of other cells."""
    axes = [[payload.partition(".")[2] for payload in axis] for axis in scatter["axes"]]
    return {**scatter, "axes": axes, "gathers": [payload.partition(".")[2] for payload in scatter["gathers"]]}


def without_remarks(source: str) -> str:
    """A cell without what changes nothing that it does or shows: lines of comment, and spaces and empty lines at the end.

    Lines keep their numbers, which warnings tell. What is not plain Python stays as it is.
    """
    lines = source.split("\n")
    try:
        tokens = list(tokenize.generate_tokens(io.StringIO(source).readline))
        compile(source, "<cell>", "exec", flags=0x2000)  # ast.PyCF_ALLOW_TOP_LEVEL_AWAIT
    except (SyntaxError, ValueError, tokenize.TokenError, RecursionError, MemoryError):
        return source
    inside = {line for token in tokens for line in range(token.start[0], token.end[0])}
    for token in tokens:
        if token.type == tokenize.COMMENT and not lines[token.start[0] - 1][: token.start[1]].strip():
            lines[token.start[0] - 1] = ""
    kept = [line if number in inside else line.rstrip() for number, line in enumerate(lines, 1)]
    return "\n".join(kept).rstrip("\n")


@lru_cache(maxsize=4)
def _digest_of_long(text: str) -> str:
    """The same for a text that all steps share."""
    return _digest(text)


def _digest(value: object) -> str:
    return hashlib.sha256(json.dumps(value, sort_keys=True).encode("utf-8", "surrogatepass")).hexdigest()
