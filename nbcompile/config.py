"""nbcompile.yml, or [tool.nbcompile] of pyproject.toml -> ProjectSettings; a person's own file -> PersonalSettings.

Loaded only where there is such a file.
"""

from __future__ import annotations

import os
import re
import sys
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any, TypeVar

from ruamel.yaml import YAML
from ruamel.yaml.error import YAMLError

from nbcompile.model.errors import UsageError
from nbcompile.model.personal import PersonalSettings
from nbcompile.model.project import NAME, ProjectSettings
from nbcompile.model.schema import SchemaError, parse

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib

T = TypeVar("T")


def load_project(path: Path) -> ProjectSettings:
    """The settings in a file that `nbcompile.project_file` found.

    Raises `UsageError` with the file, the line and the nearest known key.
    """
    if path.name == "pyproject.toml":
        table = _pyproject_table(path)
        return ProjectSettings() if table is None else _parsed(ProjectSettings, path, table, None)
    return _from_yaml(path)


def load_personal(path: Path) -> PersonalSettings:
    """A person's file of deployments. Raises `UsageError` for a file that others can write, and as `load_project` does."""
    state = path.stat()
    if state.st_uid not in (os.geteuid(), 0) or state.st_mode & 0o022:
        raise UsageError(f"{path} can be written by others", f"chmod go-w {path}, and see that it is yours")
    data, nodes = _read_yaml(path)
    return parse_personal({} if data is None else data, str(path), nodes)


def parse_personal(data: object, source: str, nodes: Any = None) -> PersonalSettings:  # noqa: ANN401 - ruamel's nodes are untyped
    """What a file of deployments says, from plain data. Raises `UsageError`."""
    personal = _parsed(PersonalSettings, source, data, nodes)
    for name in (*personal.deployments, *personal.credentials):
        check_name(name, "nothing", source)
    return personal


def check_name(name: str, kind: str, source: str = "") -> None:
    """See that something of that kind can be called so. Raises `UsageError`."""
    if not re.fullmatch(NAME, name) or name == "local":
        advice = "this machine needs no deployment" if name == "local" else "use letters, digits, and . _ -, at most 63 of them"
        what = "nothing can" if kind == "nothing" else f"{kind} cannot"
        raise UsageError(f"{source}{': ' if source else ''}{what} be called {name!r}", advice)


def add_deployments(path: Path, deployments: Mapping[str, object], credentials: Mapping[str, object]) -> None:
    """Add entries to a person's file, or replace them; the rest stays as it is, comments included. Makes the file if need be."""
    document = _document(path)
    for section, entries in (("deployments", deployments), ("credentials", credentials)):
        if entries:
            document.setdefault(section, {}).update(entries)
    _write_personal(path, document)


def remove_deployment(path: Path, name: str) -> None:
    """Take a deployment out of a person's file, and its credential where nobody else uses it. Raises `UsageError`."""
    personal = load_personal(path)
    users = [other for other, one in personal.deployments.items() if one.via == name]
    if users:
        raise UsageError(f"{', '.join(users)} is reached through `{name}`", f"remove {users[0]} first")
    document = _document(path)
    del document["deployments"][name]
    use = personal.deployments[name].credential
    others = [one.credential.ref for other, one in personal.deployments.items() if other != name and one.credential]
    if use is not None and use.ref in personal.credentials and use.ref not in others:
        del document["credentials"][use.ref]
    _write_personal(path, document)


def _document(path: Path) -> Any:  # noqa: ANN401 - ruamel's documents are untyped
    """The file as ruamel keeps it, comments and all; a new one where there is none."""
    if path.is_file():
        load_personal(path)
        return YAML(typ="rt").load(path.read_text("utf-8")) or {}
    return {"version": 1}


def _write_personal(path: Path, document: Any) -> None:  # noqa: ANN401
    """Write it beside, see that it can be read, and put it in place: nobody else can read it, or finds half of it."""
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    descriptor, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
    beside = Path(name)
    try:
        with os.fdopen(descriptor, "w", encoding="utf-8") as file:
            emitter = YAML(typ="rt")
            emitter.width = 120
            emitter.dump(document, file)
            file.flush()
            os.fsync(descriptor)
        load_personal(beside)
        beside.replace(path)
    finally:
        beside.unlink(missing_ok=True)


def parse_values(text: str, source: str) -> dict[str, object]:
    """Values for parameters from YAML or JSON, as papermill reads them: YAML 1.1, in which `yes` is true, and dates stay text."""
    loader = YAML(typ="safe", pure=True)
    loader.version = (1, 1)
    kept = loader.constructor.yaml_constructors
    bool_tag, date_tag = "tag:yaml.org,2002:bool", "tag:yaml.org,2002:timestamp"

    def truth(constructor: Any, node: Any) -> object:  # noqa: ANN401 - ruamel's nodes are untyped
        # A parameter may well be called `n`.
        return node.value if node.value in ("y", "Y", "n", "N") else kept[bool_tag](constructor, node)

    loader.constructor.yaml_constructors = {**kept, bool_tag: truth, date_tag: lambda _, node: node.value}
    try:
        values = loader.load(text)
    except YAMLError as error:
        raise UsageError(f"{source}: {getattr(error, 'problem', None) or 'not YAML'}", "write it as `name: value`") from None
    if values is None:
        return {}
    if not isinstance(values, dict) or not all(isinstance(name, str) and name.isidentifier() for name in values):
        raise UsageError(f"{source} is no mapping of names to values", "write it as `name: value`")
    return {str(name): value for name, value in values.items()}


def _from_yaml(path: Path) -> ProjectSettings:
    data, nodes = _read_yaml(path)
    return _parsed(ProjectSettings, path, {} if data is None else data, nodes)


def _read_yaml(path: Path) -> tuple[Any, Any]:
    """The data, and the nodes that know their lines."""
    loader = YAML(typ="safe", pure=True)
    try:
        text = path.read_text("utf-8")
        return loader.load(text), YAML(typ="rt").compose(text)
    except UnicodeDecodeError:
        raise UsageError(f"{path} is not UTF-8 text", "save it as UTF-8") from None
    except YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        line = f", line {mark.line + 1}" if mark else ""
        raise UsageError(f"{path}{line}: {getattr(error, 'problem', None) or 'not YAML'}", "correct the file") from None


def _parsed(kind: type[T], path: Path | str, data: object, nodes: Any) -> T:  # noqa: ANN401 - ruamel's nodes are untyped
    try:
        return parse(kind, data)
    except SchemaError as error:
        line = f", line {_line(nodes, error.path)}" if nodes is not None else ""
        raise UsageError(f"{path}{line}: {error}", error.advice) from None


def _line(node: Any, path: tuple[str | int, ...]) -> int:  # noqa: ANN401
    """The line of the deepest node on the path, from 1."""
    line = int(node.start_mark.line)
    for part in path:
        children = node.value if isinstance(node.value, list) else []
        if isinstance(part, int):
            node = children[part] if part < len(children) else node
            line = int(node.start_mark.line)
            continue
        found = [pair for pair in children if isinstance(pair, tuple) and pair[0].value == part]
        if not found:
            break
        line, node = int(found[0][0].start_mark.line), found[0][1]
    return line + 1


def _pyproject_table(path: Path) -> object | None:
    if not path.is_file():
        return None
    try:
        table: object = tomllib.loads(path.read_text("utf-8")).get("tool", {}).get("nbcompile")
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise UsageError(f"{path}: {error}", "correct the file") from None
    return table
