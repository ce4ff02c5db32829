"""Adaptive pooling in NumPy, one bin at a time."""

from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np

from jaxcnn.reference.axes import channels_last, in_layout
from jaxcnn.reference.window_positions import Position, winner


def adaptive_avg_pool1d(x: Any, output_size: Any, **options: Any) -> np.ndarray:
    """Compute `jaxcnn.adaptive_avg_pool1d` with NumPy loops."""
    return _adaptive_avg_pool(x, output_size, **options)


def adaptive_avg_pool2d(x: Any, output_size: Any, **options: Any) -> np.ndarray:
    """Compute `jaxcnn.adaptive_avg_pool2d` with NumPy loops."""
    return _adaptive_avg_pool(x, output_size, **options)


def adaptive_avg_pool3d(x: Any, output_size: Any, **options: Any) -> np.ndarray:
    """Compute `jaxcnn.adaptive_avg_pool3d` with NumPy loops."""
    return _adaptive_avg_pool(x, output_size, **options)


def adaptive_max_pool1d(x: Any, output_size: Any, **options: Any) -> Any:
    """Compute `jaxcnn.adaptive_max_pool1d` with NumPy loops."""
    return _adaptive_max_pool(x, output_size, **options)


def adaptive_max_pool2d(x: Any, output_size: Any, **options: Any) -> Any:
    """Compute `jaxcnn.adaptive_max_pool2d` with NumPy loops."""
    return _adaptive_max_pool(x, output_size, **options)


def adaptive_max_pool3d(x: Any, output_size: Any, **options: Any) -> Any:
    """Compute `jaxcnn.adaptive_max_pool3d` with NumPy loops."""
    return _adaptive_max_pool(x, output_size, **options)


def _adaptive_avg_pool(x: Any, output_size: Any, *, layout: str | None = None) -> np.ndarray:
    x = channels_last(x, layout)
    counts = _counts(x, output_size)
    y = np.zeros((x.shape[0], *counts, x.shape[-1]))
    for place, window in _bins(x.shape[1:-1], counts):
        for n in range(x.shape[0]):
            y[(n, *place)] = x[(n, *window)].mean(tuple(range(x.ndim - 2)))
    return in_layout(y, layout)


def _adaptive_max_pool(
    x: Any, output_size: Any, *, return_indices: bool = False, layout: str | None = None
) -> Any:
    x = channels_last(x, layout)
    counts, sizes = _counts(x, output_size), x.shape[1:-1]
    plane = np.arange(np.prod(sizes)).reshape(sizes)
    values = np.zeros((x.shape[0], *counts, x.shape[-1]))
    indices = np.zeros(values.shape, int)
    for place, window in _bins(sizes, counts):
        for n, c in np.ndindex(x.shape[0], x.shape[-1]):
            held = x[(n, *window, c)].ravel()
            best = winner(held)
            values[(n, *place, c)] = held[best]
            indices[(n, *place, c)] = plane[window].ravel()[best]
    values, indices = in_layout(values, layout), in_layout(indices, layout)
    return (values, indices) if return_indices else values


def _counts(x: np.ndarray, output_size: Any) -> Position:
    sizes = x.shape[1:-1]
    wanted = output_size if isinstance(output_size, Sequence) else [output_size] * len(sizes)
    return tuple(size if n is None else n for size, n in zip(sizes, wanted, strict=True))


def _bins(sizes: Position, counts: Position) -> Iterator[tuple[Position, tuple[slice, ...]]]:
    """The index of each bin, and the slices of the positions in it."""
    for place in np.ndindex(*counts):
        yield (
            place,
            tuple(
                slice(i * size // n, -(-(i + 1) * size // n))
                for i, size, n in zip(place, sizes, counts, strict=True)
            ),
        )
