"""Notebook in, distributed workflow out, same results."""
