"""RunRecord -> report.html."""

from __future__ import annotations

from nbcompile.model.run import RunRecord


def run_html(record: RunRecord) -> str:
    """A page."""
    return f"<!doctype html><title>{record.id}</title>"
