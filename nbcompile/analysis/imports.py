"""Imports: which library a name stands for. Nothing is ever imported to find out."""

from __future__ import annotations

import ast

from nbcompile.analysis.bindings import Frame


def import_(frame: Frame, node: ast.Import) -> None:
    """`import a.b.c` binds `a`; `import a.b as c` binds `c` to the inner module."""
    for alias in node.names:
        root = alias.name.partition(".")[0]
        frame.walk.imported(frame, root, node)
        if alias.asname:
            frame.bind(alias.asname, frame.walk.library(frame.walk.known.canonical(alias.name)))
        else:
            frame.bind(root, frame.walk.library(root))


def import_from(frame: Frame, node: ast.ImportFrom) -> None:
    """`from a import b`; with a star, the names that the table lists."""
    module = "." * node.level + (node.module or "")
    walk = frame.walk
    walk.imported(frame, module.partition(".")[0] if not node.level else module, node)
    module = walk.known.canonical(module) if not node.level else module
    for alias in node.names:
        if alias.name != "*":
            frame.bind(alias.asname or alias.name, walk.library(walk.known.canonical(f"{module}.{alias.name}")))
            continue
        names = walk.known.names(module)
        if names is None:
            walk.opaque(frame, node, f"`from {module} import *` binds names that are not known")
            continue
        for name in names:
            frame.bind(name, walk.library(walk.known.canonical(f"{module}.{name}")))
