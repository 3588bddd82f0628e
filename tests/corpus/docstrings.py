"""Examples in docstrings as notebooks: python -m tests.corpus.docstrings WORK LIBRARY... [--python VENV/bin/python] [--from N]

Each statement is a cell, the examples of eight docstrings are a notebook, which is run in one process and with a process for every cell.
Prints a line a notebook, what differs, and the cells that were named. Examples use all functions of a library, so this finds rows that are
wrong and values that change on their way; what differs because it was never set, as the contents of `np.empty`, is no fault.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
from pathlib import Path

import nbformat

from tests.cell_by_cell import differences

_DOCSTRINGS = 8
# Prints the statements of each docstring, where the library is installed. Examples that wait, ask, or use the network are left out.
_EXTRACT = """
import doctest, importlib, json, pkgutil, re, sys, warnings
warnings.simplefilter("ignore")
library = sys.argv[1]
beside = re.compile(r"[.](tests?|conftest|testing|setup|__main__|benchmarks?|externals|f2py|distutils)([.]|$)")
elsewhere = re.compile(r"input[(]|urlopen|requests[.]|fetch_|https?://|sleep|%timeit|fork|multiprocessing|n_jobs|Process[(]|exit[(]|quit[(]|pdb|_sql|doctest")
root = importlib.import_module(library)
modules = [root]
for found in pkgutil.walk_packages(root.__path__, library + ".", onerror=lambda name: None):
    if not beside.search(found.name):
        try:
            modules.append(importlib.import_module(found.name))
        except Exception as error:
            print(f"{found.name} is left out: {type(error).__name__}: {error}", file=sys.stderr)
seen, finder = set(), doctest.DocTestFinder(exclude_empty=True)
for module in modules:
    for one in finder.find(module, module.__name__):
        sources = [example.source.rstrip() for example in one.examples if not example.options.get(doctest.SKIP) and example.exc_msg is None]
        if len(sources) > 2 and one.docstring not in seen and not elsewhere.search(chr(10).join(sources)):
            seen.add(one.docstring)
            print(json.dumps([one.name, sources[:40]]))
"""
_IMPORTS = "import numpy as np\nimport pandas as pd"


def examples(library: str, python: str) -> list[tuple[str, list[str]]]:
    """The names of docstrings, and their statements."""
    ended = subprocess.run([python, "-c", _EXTRACT, library], stdout=subprocess.PIPE, text=True, check=True)
    return [(name, sources) for name, sources in (json.loads(line) for line in ended.stdout.splitlines() if line.startswith("["))]


def written(directory: Path, found: list[tuple[str, list[str]]]) -> Path:
    """A notebook of these examples, alone in a directory. What some of them need is not there: any cell may fail, and the next ones run."""
    directory.mkdir(parents=True, exist_ok=True)
    sources = [_IMPORTS, *(f"# {name}\n{source}" for name, statements in found for source in statements)]
    cells = [nbformat.v4.new_code_cell(source, id=f"c{n}", metadata={"tags": ["raises-exception"]}) for n, source in enumerate(sources)]
    made = nbformat.v4.new_notebook(cells=cells)
    made.metadata["kernelspec"] = {"name": "python3", "display_name": "Python 3", "language": "python"}
    nbformat.write(made, directory / "docstrings.ipynb")
    return directory / "docstrings.ipynb"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("work", type=Path)
    parser.add_argument("libraries", nargs="+")
    parser.add_argument("--python", default=sys.executable, help="the interpreter that has the libraries")
    parser.add_argument("--from", type=int, default=0, dest="first", help="the number of the notebook to begin with")
    asked = parser.parse_args()
    for library in asked.libraries:
        found = examples(library, asked.python)
        for number in range(asked.first, -(-len(found) // _DOCSTRINGS)):
            notebook = written(asked.work / f"{library}-{number}", found[number * _DOCSTRINGS : (number + 1) * _DOCSTRINGS])
            report(f"{library}-{number}", notebook, asked.python)


def report(name: str, notebook: Path, python: str) -> None:
    """Print what two runs of a notebook say."""
    sources = [cell.source.partition("\n")[2] for cell in nbformat.read(notebook, as_version=4).cells]
    judged = differences(notebook, python)
    numbers = f"{len(sources)} cells, {len(judged.named)} named, {len(judged.silent)} silent differences"
    print(f"{judged.verdict.value} {name}: {numbers}", flush=True)  # noqa: T201
    for one in judged.differences:
        place = sources[one.subject.cell] if 0 <= one.subject.cell < len(sources) else ""
        print(f"  {one.subject} `{place}`\n    plain:    {one.plain}\n    compiled: {one.compiled}")  # noqa: T201
    for cell in judged.named:
        print(f"  named: `{sources[cell]}`")  # noqa: T201


if __name__ == "__main__":
    main()
