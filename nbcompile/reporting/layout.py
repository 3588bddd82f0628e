"""Boxes in layers: where the nodes of an acyclic graph stand in a picture."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise
from typing import NamedTuple

_CHARACTER, _LINE, _MARGIN, _GAP_X, _GAP_Y = 8, 17, 20, 28, 56
_SWEEPS, _WAYPOINT = 8, 96


class Box(NamedTuple):
    """A rectangle in pixels, from its upper left corner."""

    x: int
    y: int
    width: int
    height: int


class Layout(NamedTuple):
    """Where everything stands: a box for each node, the points each arrow passes, and the picture's size."""

    boxes: tuple[Box, ...]
    routes: tuple[tuple[tuple[float, float], ...], ...]
    width: int
    height: int


def lay_out(texts: Sequence[Sequence[str]], arrows: Sequence[tuple[int, int]]) -> Layout:
    """Place nodes (a title and lines below it) and arrows, which must form no circle."""
    sizes = [(max((len(line) for line in lines), default=1) * _CHARACTER + 24, 34 + _LINE * (len(lines) - 1)) for lines in texts]
    layers = _layers(len(texts), arrows)
    hops = _with_waypoints(layers, arrows)
    sizes += [(_WAYPOINT, 0)] * (sum(map(len, layers)) - len(sizes))
    _order(layers, [pair for path in hops for pair in pairwise(path)])
    boxes, full, bottom = _place(layers, sizes)
    routes = tuple(_route([boxes[node] for node in path]) for path in hops)
    return Layout(tuple(boxes[node] for node in range(len(texts))), routes, full + 2 * _MARGIN, bottom + _MARGIN)


def _with_waypoints(layers: list[list[int]], arrows: Sequence[tuple[int, int]]) -> list[list[int]]:
    """For each arrow the nodes it passes: a long one gets an invisible node in every layer between, so that boxes make room."""
    level = {node: depth for depth, layer in enumerate(layers) for node in layer}
    number = len(level)
    paths: list[list[int]] = []
    for source, target in arrows:
        path = [source]
        for depth in range(level[source] + 1, level[target]):
            layers[depth].append(number)
            path.append(number)
            number += 1
        paths.append([*path, target])
    return paths


def _place(layers: list[list[int]], sizes: Sequence[tuple[int, int]]) -> tuple[dict[int, Box], int, int]:
    """A box for each node, the width of the widest layer, and where the last one ends."""
    widths = [sum(sizes[node][0] for node in layer) + _GAP_X * (len(layer) - 1) for layer in layers]
    full, y, boxes = max(widths, default=0), _MARGIN, dict[int, Box]()
    for layer, width in zip(layers, widths, strict=True):
        x, tallest = _MARGIN + (full - width) // 2, max(sizes[node][1] for node in layer)
        for node in layer:
            wide, high = sizes[node]
            boxes[node] = Box(x, y, wide, high or tallest)
            x += wide + _GAP_X
        y += tallest + _GAP_Y
    return boxes, full, y - (_GAP_Y if layers else 0)


def _route(boxes: Sequence[Box]) -> tuple[tuple[float, float], ...]:
    """From the foot of the first box along the invisible ones to the head of the last."""
    first, *between, last = boxes
    points = [(first.x + first.width / 2, first.y + float(first.height))]
    for box in between:
        points += [(box.x + box.width / 2, float(box.y)), (box.x + box.width / 2, box.y + float(box.height))]
    return (*points, (last.x + last.width / 2, last.y - 6.0))


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


def _order(layers: list[list[int]], arrows: Sequence[tuple[int, int]]) -> None:
    """Sort each layer so that nodes stand near their neighbours, to have fewer crossings."""
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


def _mean(values: Sequence[float], default: float) -> float:
    return sum(values) / len(values) if values else default
