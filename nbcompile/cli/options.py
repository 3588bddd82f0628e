"""Options that several commands have."""

from __future__ import annotations

import os
from collections.abc import Callable
from functools import wraps
from pathlib import Path

import click

from nbcompile.model.errors import UsageError
from nbcompile.model.parameters import Word
from nbcompile.model.plan import Granularity
from nbcompile.model.sizes import parse_size

granularity_option = click.option(
    "--granularity",
    type=click.Choice([g.value for g in Granularity]),
    default=Granularity.AUTO.value,
    show_default=True,
    help="How finely to cut: every cell, what pays off, or not at all.",
)


def _use_file(_context: click.Context, _option: click.Parameter, path: Path | None) -> None:
    """Child processes, such as an engine's, must find the same file."""
    if path is None:
        return
    if not path.is_file():
        raise UsageError(f"there is no file {path}", "name a file of deployments, or make one with `nbcompile deployment add`")
    os.environ["NBCOMPILE_DEPLOYMENTS"] = str(path.absolute())


deployments_option = click.option(
    "--deployments",
    type=click.Path(path_type=Path),
    callback=_use_file,
    expose_value=False,
    help="The file of deployments.  [default: ~/.config/nbcompile/deployments.yml]",
)


class Size(click.ParamType[int]):
    """A size in bytes, as people write it."""

    name = "size"

    def convert(self, value: object, param: click.Parameter | None, ctx: click.Context | None) -> int:
        """The bytes."""
        if isinstance(value, int):
            return value
        try:
            return parse_size(str(value))
        except ValueError as error:
            self.fail(str(error), param, ctx)


def parameter_options(command: Callable[..., None]) -> Callable[..., None]:
    """Give values to a notebook with papermill's flags; the command gets them as `values`."""

    @wraps(command)
    def with_values(
        *,
        words: tuple[tuple[str, str], ...],
        texts: tuple[tuple[str, str], ...],
        yamls: tuple[str, ...],
        files: tuple[Path, ...],
        **others: object,
    ) -> None:
        # As in papermill, -r wins over -p, that over -y, and that over -f.
        read = [value for path in files for value in _parsed(_text(path), str(path)).items()]
        read += [value for yaml in yamls for value in _parsed(yaml, "-y").items()]
        command(values={**dict(read), **{name: Word(text) for name, text in words}, **dict(texts)}, **others)

    options = (
        click.option("-p", "--parameter", "words", nargs=2, multiple=True, metavar="NAME VALUE", help="Give a parameter a value."),
        click.option("-r", "--parameter-raw", "texts", nargs=2, multiple=True, metavar="NAME TEXT", help="The same, always as text."),
        click.option("-y", "--parameters-yaml", "yamls", multiple=True, metavar="YAML", help="Values as YAML: `{n: 3, names: [a, b]}`."),
        click.option("-f", "--parameters-file", "files", multiple=True, type=click.Path(path_type=Path), help="Values from a YAML file."),
    )
    for option in reversed(options):
        with_values = option(with_values)
    return with_values


def _text(path: Path) -> str:
    try:
        return path.read_text("utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise UsageError(f"cannot read {path}: {error}", "name a YAML file with `name: value`") from None


def _parsed(text: str, source: str) -> dict[str, object]:
    # YAML costs a tenth of a second, which only those pay who use it.
    from nbcompile.config import parse_values

    return parse_values(text, source)
