"""Options that several commands have."""

from __future__ import annotations

import click

from nbcompile.model.plan import Granularity

granularity_option = click.option(
    "--granularity",
    type=click.Choice([g.value for g in Granularity]),
    default=Granularity.AUTO.value,
    show_default=True,
    help="How finely to cut: every cell, what pays off, or not at all.",
)
