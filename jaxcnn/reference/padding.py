"""Padding in NumPy, element by element."""

from collections.abc import Sequence
from typing import Any

import numpy as np

from jaxcnn.reference.axes import channels_last, in_layout, spread


def pad(
    x: Any, padding: Any, *, mode: str = "zeros", value: float = 0, layout: str | None = None
) -> np.ndarray:
    """Compute `jaxcnn.pad`: every element is looked up where its mode says."""
    x = channels_last(x, layout)
    rank = x.ndim - 2
    sides = pairs(padding, x.shape[1:-1], (1,) * rank, (1,) * rank)
    for axis, (low, high) in enumerate(sides, start=1):
        x = _pad_axis(x, axis, low, high, mode, value)
    return in_layout(x, layout)


def pairs(
    padding: Any, sizes: Sequence[int], span: Sequence[int], stride: Sequence[int]
) -> list[tuple[int, int]]:
    """The number of elements that ``padding`` adds before and after each spatial axis."""
    if padding == "valid":
        return [(0, 0) for _ in sizes]
    if padding == "full":
        return [(width - 1, width - 1) for width in span]
    if padding == "same":
        missing = [
            max((-(-size // step) - 1) * step + width - size, 0)
            for size, width, step in zip(sizes, span, stride, strict=True)
        ]
        return [(total // 2, total - total // 2) for total in missing]
    spread_out = spread(padding, len(sizes))
    return [tuple(p) if isinstance(p, Sequence) else (p, p) for p in spread_out]


def _pad_axis(x: np.ndarray, axis: int, low: int, high: int, mode: str, value: float) -> np.ndarray:
    if mode == "circular":  # repeat the cropped axis; the other modes continue the whole axis
        x = np.take(x, range(max(-low, 0), x.shape[axis] + min(high, 0)), axis)
        low, high = max(low, 0), max(high, 0)
    size = x.shape[axis]
    parts = [
        np.take(x, [source], axis)
        if (source := _source(index, size, mode)) is not None
        else np.full_like(np.take(x, [0], axis) if size else _one(x, axis), value)
        for index in range(-low, size + high)
    ]
    return np.concatenate(parts, axis) if parts else np.take(x, range(0), axis)


def _source(index: int, size: int, mode: str) -> int | None:
    """The element that padding puts at ``index``, which may lie outside the axis."""
    if 0 <= index < size:
        return index
    if mode == "reflect":
        return -index if index < 0 else 2 * (size - 1) - index
    if mode == "replicate":
        return 0 if index < 0 else size - 1
    if mode == "circular":
        return index % size
    return None


def _one(x: np.ndarray, axis: int) -> np.ndarray:
    shape = list(x.shape)
    shape[axis] = 1
    return np.zeros(shape)
