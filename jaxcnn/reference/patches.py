"""`unfold` and `fold` in NumPy, one window at a time."""

from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np

from jaxcnn.reference.axes import channels_last, in_layout, spread
from jaxcnn.reference.padding import pad, pairs


def unfold(
    x: Any,
    window: Any,
    *,
    stride: Any = 1,
    padding: Any = 0,
    dilation: Any = 1,
    layout: str | None = None,
) -> np.ndarray:
    """Compute `jaxcnn.unfold` with NumPy loops."""
    x = channels_last(x, layout)
    rank, channels = x.ndim - 2, x.shape[-1]
    window = spread(window, rank)
    sides, counts, where = _windows(x.shape[1:-1], window, stride, padding, dilation)
    x = pad(x, sides)
    patches = np.zeros((x.shape[0], *counts, *window, channels))
    for position, pixels in where:
        patches[(slice(None), *position)] = x[(slice(None), *pixels)]
    if layout is None or layout.endswith("C"):
        return patches
    return np.moveaxis(np.moveaxis(patches, -1, 1), range(2, 2 + rank), range(-rank, 0))


def fold(
    patches: Any,
    output_size: Any,
    window: Any,
    *,
    stride: Any = 1,
    padding: Any = 0,
    dilation: Any = 1,
    layout: str | None = None,
) -> np.ndarray:
    """Compute `jaxcnn.fold` with NumPy loops."""
    patches = np.asarray(patches, np.float64)
    rank = (patches.ndim - 2) // 2
    if layout is not None and not layout.endswith("C"):
        patches = np.moveaxis(np.moveaxis(patches, range(-rank, 0), range(2, 2 + rank)), 1, -1)
    sizes, window = spread(output_size, rank), spread(window, rank)
    sides, _, where = _windows(sizes, window, stride, padding, dilation)
    padded = [size + low + high for size, (low, high) in zip(sizes, sides, strict=True)]
    x = np.zeros((patches.shape[0], *padded, patches.shape[-1]))
    for position, pixels in where:
        x[(slice(None), *pixels)] += patches[(slice(None), *position)]
    return in_layout(pad(x, [(-low, -high) for low, high in sides]), layout)


def _windows(
    sizes: Sequence[int], window: Sequence[int], stride: Any, padding: Any, dilation: Any
) -> tuple[Any, list[int], Iterator[Any]]:
    """The padding, the number of windows per axis, and where each window's pixels lie."""
    rank = len(sizes)
    stride, dilation = spread(stride, rank), spread(dilation, rank)
    span = [(size - 1) * gap + 1 for size, gap in zip(window, dilation, strict=True)]
    sides = pairs(padding, sizes, span, stride)
    counts = [
        (size + low + high - extent) // step + 1
        for size, (low, high), extent, step in zip(sizes, sides, span, stride, strict=True)
    ]
    where = (
        (
            position,
            tuple(
                slice(i * step, i * step + extent, gap)
                for i, step, extent, gap in zip(position, stride, span, dilation, strict=True)
            ),
        )
        for position in np.ndindex(*counts)
    )
    return sides, counts, where
