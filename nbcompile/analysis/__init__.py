"""Cells to facts: what each cell does to the namespace and the world."""
