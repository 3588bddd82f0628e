"""Boxes in layers: where the nodes of an acyclic graph stand in a picture."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

_CHARACTER, _LINE, _MARGIN, _GAP_X, _GAP_Y = 8, 17, 20, 28, 56
_SWEEPS = 8


class Box(NamedTuple):
    """A rectangle in pixels, from its upper left corner."""

    x: int
    y: int
    width: int
    height: int


def lay_out(texts: Sequence[Sequence[str]], arrows: Sequence[tuple[int, int]]) -> tuple[tuple[Box, ...], int, int]:
    """A box for each node (a title and lines below it), and the picture's width and height. Arrows must form no circle."""
    sizes = [(max((len(line) for line in lines), default=1) * _CHARACTER + 24, 34 + _LINE * (len(lines) - 1)) for lines in texts]
    layers = _ordered(_layers(len(texts), arrows), arrows)
    widths = [sum(sizes[node][0] for node in layer) + _GAP_X * (len(layer) - 1) for layer in layers]
    full = max(widths, default=0)
    boxes: dict[int, Box] = {}
    y = _MARGIN
    for layer, width in zip(layers, widths, strict=True):
        x = _MARGIN + (full - width) // 2
        for node in layer:
            boxes[node] = Box(x, y, *sizes[node])
            x += sizes[node][0] + _GAP_X
        y += max(sizes[node][1] for node in layer) + _GAP_Y
    return tuple(boxes[node] for node in range(len(texts))), full + 2 * _MARGIN, y - (_GAP_Y if layers else 0) + _MARGIN


def _layers(count: int, arrows: Sequence[tuple[int, int]]) -> list[list[int]]:
    """Each node below all it comes from; nodes without arrows share the first layer."""
    depth = [0] * count
    for _ in range(count):
        changed = False
        for source, target in arrows:
            if depth[target] <= depth[source]:
                depth[target], changed = depth[source] + 1, True
        if not changed:
            break
    layers: list[list[int]] = [[] for _ in range(max(depth, default=-1) + 1)]
    for node, level in enumerate(depth):
        layers[level].append(node)
    return layers


def _ordered(layers: list[list[int]], arrows: Sequence[tuple[int, int]]) -> list[list[int]]:
    """The layers with their nodes near their neighbours, to have fewer crossings."""
    above: dict[int, list[int]] = {}
    below: dict[int, list[int]] = {}
    for source, target in arrows:
        above.setdefault(target, []).append(source)
        below.setdefault(source, []).append(target)
    for sweep in range(_SWEEPS):
        neighbours = above if sweep % 2 == 0 else below
        place = {node: (number + 0.5) / len(layer) for layer in layers for number, node in enumerate(layer)}
        for layer in layers if sweep % 2 == 0 else reversed(layers):
            layer.sort(key=lambda node: _mean([place[other] for other in neighbours.get(node, ())], place[node]))
            place.update({node: (number + 0.5) / len(layer) for number, node in enumerate(layer)})
    return layers


def _mean(values: Sequence[float], default: float) -> float:
    return sum(values) / len(values) if values else default
