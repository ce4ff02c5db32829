"""Max and min pooling in NumPy, one window at a time."""

from typing import Any

import numpy as np

from jaxcnn.reference.axes import channels_last, in_layout
from jaxcnn.reference.window_positions import sources, windows, winner


def max_pool1d(x: Any, window: Any, **options: Any) -> Any:
    """Compute `jaxcnn.max_pool1d` with NumPy loops."""
    return max_pool(x, window, **options)


def max_pool2d(x: Any, window: Any, **options: Any) -> Any:
    """Compute `jaxcnn.max_pool2d` with NumPy loops."""
    return max_pool(x, window, **options)


def max_pool3d(x: Any, window: Any, **options: Any) -> Any:
    """Compute `jaxcnn.max_pool3d` with NumPy loops."""
    return max_pool(x, window, **options)


def min_pool1d(x: Any, window: Any, **options: Any) -> Any:
    """Compute `jaxcnn.min_pool1d` with NumPy loops."""
    return -max_pool(-np.asarray(x, np.float64), window, **options)


def min_pool2d(x: Any, window: Any, **options: Any) -> Any:
    """Compute `jaxcnn.min_pool2d` with NumPy loops."""
    return -max_pool(-np.asarray(x, np.float64), window, **options)


def min_pool3d(x: Any, window: Any, **options: Any) -> Any:
    """Compute `jaxcnn.min_pool3d` with NumPy loops."""
    return -max_pool(-np.asarray(x, np.float64), window, **options)


def global_max_pool(x: Any, *, layout: str | None = None) -> np.ndarray:
    """Compute `jaxcnn.global_max_pool` with NumPy loops."""
    x = channels_last(x, layout)
    return x.max(tuple(range(1, x.ndim - 1)))


def max_pool(
    x: Any,
    window: Any,
    *,
    return_indices: bool = False,
    padding_mode: str = "zeros",
    layout: str | None = None,
    **options: Any,
) -> Any:
    """Compute `jaxcnn.max_pool2d`, with as many spatial axes as ``x`` has."""
    x = channels_last(x, layout)
    sizes = x.shape[1:-1]
    held, sides = windows(sizes, window, **options)
    planes = x.reshape(x.shape[0], int(np.prod(sizes)), x.shape[-1])
    values = np.full((x.shape[0], *map(len, held), x.shape[-1]), -np.inf)
    indices = np.full(values.shape, -1)
    for place, taps in sources(sizes, held, sides, padding_mode):
        for n, c in np.ndindex(x.shape[0], x.shape[-1]):
            if taps:
                best = taps[winner(planes[n, taps, c])]
                values[(n, *place, c)] = planes[n, best, c]
                indices[(n, *place, c)] = best
    values, indices = in_layout(values, layout), in_layout(indices, layout)
    return (values, indices) if return_indices else values
