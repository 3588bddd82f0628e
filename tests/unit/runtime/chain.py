"""A notebook run as a chain of steps, one cell each, in which every variable travels from each step to the next.

No planner would do that. It sends everything through payloads that ever could be sent, so that the runtime is tested
without the analysis. Every step is a forked process of this one, in which no cell has run.
"""

import ast
import faulthandler
import importlib
import json
import os
import signal
import sys
import time
import traceback
from pathlib import Path

from IPython.core.inputtransformer2 import TransformerManager

from nbcompile.runtime.channels import reseed
from nbcompile.runtime.main import StepWorker
from nbcompile.runtime.supervisor import finish_step, leave

PATIENCE_SECONDS = 120
HISTORY = ("_", "__", "___", "Out")
DEFINITIONS = ast.Import | ast.ImportFrom | ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef


def pretend_installed(name, modules, tmp_path, monkeypatch):
    """Put a few modules where an installed library would be, for this process and the steps that are forked from it."""
    package = tmp_path / "site-packages" / name
    package.mkdir(parents=True)
    for module, text in modules.items():
        (package / f"{module}.py").write_text(text)
    monkeypatch.syspath_prepend(str(package.parent))


def top_level(source):
    if source.startswith("%%time"):
        source = source.partition("\n")[2]
    try:
        return ast.parse(TransformerManager().transform_cell(source)).body
    except SyntaxError:
        return []


def bound_by(statement):
    """The names a top-level statement binds, also inside blocks."""
    if isinstance(statement, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
        return [statement.name]
    names = []
    for node in ast.walk(statement):
        if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store):
            names.append(node.id)
        elif isinstance(node, ast.Import | ast.ImportFrom):
            names += [alias.asname or alias.name.split(".")[0] for alias in node.names if alias.name != "*"]
        elif (isinstance(node, ast.ExceptHandler) and node.name) or isinstance(node, ast.FunctionDef | ast.ClassDef):
            names.append(node.name)
        elif isinstance(node, ast.Global):
            names += node.names
    return list(dict.fromkeys(names))


def chain_documents(sources, tags=(), extra_names=(), channels=()):
    """A step document for each cell."""
    channels = [f"channel:{name}" for name in channels]
    definitions, texts, counts = [], {}, {}
    values, defined = dict.fromkeys(HISTORY, 0), {}
    documents = []
    names = sorted(
        {name for source in sources for statement in top_level(source) for name in bound_by(statement)} | {*extra_names, *HISTORY}
    )
    number = 0
    for index, source in enumerate(sources):
        number += bool(source.strip())
        texts[str(index)], counts[str(index)] = source, number
        needs = [f"{name}@{cell}" for name, cell in values.items()] if index else []
        needs += [f"{name}@{index - 1}" for name in channels] if index else []
        replays = list(dict.fromkeys(defined.values()))
        for ordinal, statement in enumerate(top_level(source)):
            binds = bound_by(statement)
            if isinstance(statement, DEFINITIONS):
                entry = f"{index}.{ordinal}"
                lines = [statement.lineno, statement.end_lineno]
                uses = sorted({node.id for node in ast.walk(statement) if isinstance(node, ast.Name)})
                definitions.append({"id": entry, "cell": index, "lines": lines, "binds": binds, "uses": uses})
                for name in binds or [f"*{entry}"]:
                    defined[name] = entry
                    values.pop(name, None)
            else:
                for name in binds:
                    values[name] = index
                    defined.pop(name, None)
        values |= dict.fromkeys(values, index)
        cell = {
            "index": index,
            "id": f"c{index}",
            "execution_count": number if source.strip() else None,
            "source": source,
            "tags": list(tags[index]) if tags else [],
            "needs": needs,
            "replays": replays,
            "defines": list(dict.fromkeys([*values, *(name for statement in top_level(source) for name in bound_by(statement))])),
            "changes": [*values, *channels],
            "saves": [{"payload": f"p{index}", "versions": [f"{name}@{index}" for name in (*values, *channels)]}],
        }
        documents.append(
            {
                "schema": "nbcompile/step/1",
                "notebook": "chain",
                "step": f"s{index}",
                "names": names,
                "first_bound": dict.fromkeys(names, 0),
                "sources": dict(texts),
                "counts": dict(counts),
                "definitions": list(definitions),
                "cells": [cell],
            }
        )
    return documents


def run_forked(argv, outputs):
    """Run a command of the runtime in a forked child, as a warm parent does. Returns its exit code."""
    sys.stdout.flush()
    sys.stderr.flush()
    child = os.fork()
    if child == 0:
        code = 70
        try:
            faulthandler.register(signal.SIGUSR2, sys.__stderr__, all_threads=True)
            reseed()
            code = StepWorker().run(argv)
        except BaseException:  # noqa: BLE001 (a child never goes on as the parent)
            traceback.print_exc()
        finally:
            leave(code)
    return finish_step(str(outputs), status_of(child))


def status_of(child):
    """The wait status of a child that ends in time; one that does not shows where it stands, and is ended."""
    deadline = time.monotonic() + PATIENCE_SECONDS
    while time.monotonic() < deadline:
        ended, status = os.waitpid(child, os.WNOHANG)
        if ended:
            return status
        time.sleep(0.005)
    os.kill(child, signal.SIGUSR2)
    time.sleep(1)
    os.kill(child, signal.SIGKILL)
    os.waitpid(child, 0)
    raise AssertionError(f"a step does not end within {PATIENCE_SECONDS} seconds")


def import_what_cells_import():
    """Steps are forked, so what is imported here is imported once."""
    for name in ("IPython.core.interactiveshell", "comm.base_comm", "numpy"):
        importlib.import_module(name)


def run_chain(sources, directory, tags=(), extra_names=(), channels=(), files=()):
    """Run the cells one after the other, each in a process of its own. Returns the outputs documents of those that ran."""
    return run_documents(chain_documents(sources, tags, extra_names, channels), directory, files)


def run_together(sources, directory, **options):
    """Run the cells as one step. Returns its outputs document."""
    documents = chain_documents(sources, **options)
    whole = {**documents[-1], "cells": [cell for document in documents for cell in document["cells"]]}
    return run_documents([whole], directory)[0]


def run_documents(documents, directory, files=()):
    """Run steps one after the other; each is given these files, and the payload that the one before it has saved."""
    directory.mkdir(parents=True, exist_ok=True)
    import_what_cells_import()
    kept = Path.cwd()
    os.chdir(directory)
    found = []
    try:
        for index, document in enumerate(documents):
            Path(f"s{index}.json").write_text(json.dumps(document), "utf-8")
            given = ["--payload", f"p{index - 1}.nbc"] if index else []
            given += [word for name, path in files for word in ("--file", name, str(path))]
            code = run_forked(["step", f"s{index}.json", f"s{index}.outputs.json", *given], f"s{index}.outputs.json")
            found.append(json.loads(Path(f"s{index}.outputs.json").read_text("utf-8")))
            if code != 0:
                break
    finally:
        os.chdir(kept)
    return found


def texts(documents):
    """All text that was shown, cell by cell: streams, results and errors."""
    shown = []
    for document in documents:
        parts = []
        for cell in document["cells"]:
            for output in cell["outputs"]:
                if output["output_type"] == "stream":
                    parts.append(output["text"])
                elif output["output_type"] == "error":
                    parts.append(f"{output['ename']}: {output['evalue']}")
                else:
                    parts.append(output["data"]["text/plain"] + "\n")
        if "problem" in document:
            parts.append(str(document["problem"]))
        shown.append("".join(parts))
    return shown
