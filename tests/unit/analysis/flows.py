"""The edges of small notebooks, for tests."""

from nbcompile import api
from tests.golden.notebooks import notebook_bytes


def program(*cells):
    text = "".join(f"# %% c{number}\n{cell.strip()}\n" for number, cell in enumerate(cells))
    return api.analyze_bytes(notebook_bytes(text), "notebook")


def edges(*cells):
    return {f"{edge.source} {edge.name} {edge.target}" for edge in program(*cells).graph.edges}
