"""Bytes to `Notebook`, and IPython syntax to Python that keeps its spans."""
