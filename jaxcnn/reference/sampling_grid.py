"""`grid_sample` and `affine_grid` in NumPy, point by point."""

import itertools
import math
from typing import Any

import numpy as np

from jaxcnn.reference.axes import channels_last, in_layout, spread

Reads = list[tuple[float, float]]
"""Pixels of one axis, which may lie outside, and their weights."""


def grid_sample(
    x: Any,
    grid: Any,
    *,
    method: str = "bilinear",
    padding_mode: str = "zeros",
    align_corners: bool = False,
    layout: str | None = None,
) -> np.ndarray:
    """Compute `jaxcnn.grid_sample`: the pixels around each point, weighted; zero outside."""
    x = channels_last(x, layout)
    grid = np.asarray(grid, np.float64)
    y = np.zeros((*grid.shape[:-1], x.shape[-1]))
    for where in np.ndindex(grid.shape[:-1]):
        image = x[where[0]]
        sizes = image.shape[:-1]
        # The coordinates are x, y, z: the last axis comes first.
        reads = [
            _reads(place, size, method, padding_mode, align_corners)
            for place, size in zip(grid[where][::-1], sizes, strict=True)
        ]
        for corner in itertools.product(*reads):
            if all(0 <= pixel < size for (pixel, _), size in zip(corner, sizes, strict=True)):
                pixel = tuple(int(number) for number, _ in corner)
                y[where] += math.prod(weight for _, weight in corner) * image[pixel]
    return in_layout(y, layout)


def affine_grid(theta: Any, size: Any, *, align_corners: bool = False) -> np.ndarray:
    """Compute `jaxcnn.affine_grid`: the matrix times (x, y, 1) for every pixel of the result."""
    theta = np.asarray(theta, np.float64)
    sizes = spread(size, theta.shape[1])
    grid = np.zeros((len(theta), *sizes, theta.shape[1]))
    for n, *pixel in np.ndindex(grid.shape[:-1]):
        places = [_place(i, m, align_corners) for i, m in zip(pixel, sizes, strict=True)]
        grid[n, *pixel] = theta[n] @ [*places[::-1], 1.0]
    return grid


def _place(pixel: int, size: int, align_corners: bool) -> float:
    """Where a pixel lies when the ends of its axis are at -1 and 1."""
    if align_corners:
        return 2 * pixel / (size - 1) - 1 if size > 1 else 0.0
    return (2 * pixel + 1) / size - 1


def _reads(place: float, size: int, method: str, padding_mode: str, align_corners: bool) -> Reads:
    point = (place + 1) / 2 * (size - 1) if align_corners else ((place + 1) * size - 1) / 2
    if not math.isfinite(point):
        return _reads_of_no_place(point, size, padding_mode)
    if method == "bicubic":
        low = math.floor(point)
        return [
            (_inwards(pixel, size, padding_mode, align_corners), _keys(abs(point - pixel)))
            for pixel in range(low - 1, low + 3)
        ]
    point = _inwards(point, size, padding_mode, align_corners)
    if method == "nearest":
        return [(round(point), 1.0)]
    low = math.floor(point)
    return [(low, 1 - (point - low)), (low + 1, point - low)]


def _reads_of_no_place(point: float, size: int, padding_mode: str) -> Reads:
    """NaN lies before the first pixel, and infinities at the ends."""
    if padding_mode == "zeros":
        return []
    is_last = padding_mode == "border" and point > 0
    return [(size - 1 if is_last else 0, 1.0)]


def _inwards(point: float, size: int, padding_mode: str, align_corners: bool) -> float:
    if padding_mode == "zeros":
        return point
    if padding_mode == "reflection":
        low, span = (0.0, size - 1) if align_corners else (-0.5, size)
        # A triangle wave that rises from `low` over `span`, then falls.
        point = low + span - abs((point - low) % (2 * span) - span) if span else 0.0
    return min(max(point, 0), size - 1)


def _keys(distance: float, a: float = -0.75) -> float:
    if distance <= 1:
        return (a + 2) * distance**3 - (a + 3) * distance**2 + 1
    if distance < 2:
        return a * distance**3 - 5 * a * distance**2 + 8 * a * distance - 4 * a
    return 0.0
