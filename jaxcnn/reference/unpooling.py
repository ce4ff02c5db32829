"""Max unpooling in NumPy, one maximum at a time."""

from typing import Any

import numpy as np

from jaxcnn.reference.axes import channels_last, in_layout, spread
from jaxcnn.reference.padding import pairs


def max_unpool1d(x: Any, indices: Any, window: Any, **options: Any) -> np.ndarray:
    """Compute `jaxcnn.max_unpool1d` with NumPy loops."""
    return _max_unpool(x, indices, window, **options)


def max_unpool2d(x: Any, indices: Any, window: Any, **options: Any) -> np.ndarray:
    """Compute `jaxcnn.max_unpool2d` with NumPy loops."""
    return _max_unpool(x, indices, window, **options)


def max_unpool3d(x: Any, indices: Any, window: Any, **options: Any) -> np.ndarray:
    """Compute `jaxcnn.max_unpool3d` with NumPy loops."""
    return _max_unpool(x, indices, window, **options)


def _max_unpool(
    x: Any,
    indices: Any,
    window: Any,
    *,
    stride: Any = None,
    padding: Any = 0,
    output_size: Any = None,
    layout: str | None = None,
) -> np.ndarray:
    x, where = channels_last(x, layout), channels_last(indices, layout).astype(int)
    rank = x.ndim - 2
    size = spread(window, rank)
    step = size if stride is None else spread(stride, rank)
    if output_size is None:
        sides = pairs(padding, x.shape[1:-1], size, step)
        output_size = tuple(
            (n - 1) * s + k - low - high
            for n, s, k, (low, high) in zip(x.shape[1:-1], step, size, sides, strict=True)
        )
    sizes = spread(output_size, rank)
    y = np.zeros((x.shape[0], int(np.prod(sizes)), x.shape[-1]))
    for place in np.ndindex(*x.shape):
        y[place[0], where[place], place[-1]] = x[place]
    return in_layout(y.reshape(x.shape[0], *sizes, x.shape[-1]), layout)
