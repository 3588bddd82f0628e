"""What the cells of a notebook could do and were not asked to."""

from __future__ import annotations

from typing import TYPE_CHECKING

from nbcompile.analysis.proposals import propose_scatters as propose
from nbcompile.frontend.parse import parse_cells

if TYPE_CHECKING:
    from nbcompile.api.programs import Program
    from nbcompile.model.workflow import ScatterProposal


def propose_scatters(program: Program, index: int) -> tuple[ScatterProposal, ...]:
    """Over what a code cell could be scattered, or why not; nothing for one that is."""
    if any(scatter.cell == index for scatter in program.scatters):
        return ()
    return propose(program.facts, tuple(parse_cells(program.notebook)), index)
