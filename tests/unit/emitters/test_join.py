"""The runtime travels as one file that needs nothing but Python."""

import ast
import json
import subprocess
import sys
from pathlib import Path

import nbcompile.runtime
from nbcompile.emitters.join import join_runtime

MODULES = sorted(Path(nbcompile.runtime.__file__).parent.glob("*.py"))


def test_old_pythons_can_parse_it():
    ast.parse(join_runtime(), feature_version=(3, 8))


def test_modules_share_no_name():
    seen = {}
    for module in MODULES:
        for node in ast.parse(module.read_text("utf-8")).body:
            names = [node.name] if isinstance(node, ast.FunctionDef | ast.ClassDef) else []
            targets = getattr(node, "targets", None) or filter(None, [getattr(node, "target", None)])
            names += [name.id for target in targets for name in ast.walk(target) if isinstance(name, ast.Name)]
            for name in names:
                assert seen.setdefault(name, module.name) == module.name, f"{name} is in {module.name} and {seen[name]}"


def test_it_runs_alone(tmp_path):
    runtime, template, executed = tmp_path / "r.py", tmp_path / "n.ipynb", tmp_path / "e.ipynb"
    runtime.write_text(join_runtime(), "utf-8")
    template.write_text(json.dumps({"cells": [], "metadata": {}, "nbformat": 4, "nbformat_minor": 5}), "utf-8")
    subprocess.run([sys.executable, "-I", "-S", runtime, "collect", template, executed], check=True)
    assert json.loads(executed.read_text("utf-8"))["cells"] == []
