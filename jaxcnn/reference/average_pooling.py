"""Average and power pooling in NumPy, one window at a time."""

import math
from typing import Any

import numpy as np

from jaxcnn.reference.axes import channels_last, in_layout, spread
from jaxcnn.reference.max_pooling import max_pool
from jaxcnn.reference.window_positions import sources, windows


def avg_pool1d(x: Any, window: Any, **options: Any) -> np.ndarray:
    """Compute `jaxcnn.avg_pool1d` with NumPy loops."""
    return _avg_pool(x, window, **options)


def avg_pool2d(x: Any, window: Any, **options: Any) -> np.ndarray:
    """Compute `jaxcnn.avg_pool2d` with NumPy loops."""
    return _avg_pool(x, window, **options)


def avg_pool3d(x: Any, window: Any, **options: Any) -> np.ndarray:
    """Compute `jaxcnn.avg_pool3d` with NumPy loops."""
    return _avg_pool(x, window, **options)


def lp_pool1d(x: Any, window: Any, *, p: float, **options: Any) -> np.ndarray:
    """Compute `jaxcnn.lp_pool1d` with NumPy loops."""
    return _lp_pool(x, window, p, **options)


def lp_pool2d(x: Any, window: Any, *, p: float, **options: Any) -> np.ndarray:
    """Compute `jaxcnn.lp_pool2d` with NumPy loops."""
    return _lp_pool(x, window, p, **options)


def lp_pool3d(x: Any, window: Any, *, p: float, **options: Any) -> np.ndarray:
    """Compute `jaxcnn.lp_pool3d` with NumPy loops."""
    return _lp_pool(x, window, p, **options)


def global_avg_pool(x: Any, *, layout: str | None = None) -> np.ndarray:
    """Compute `jaxcnn.global_avg_pool` with NumPy loops."""
    x = channels_last(x, layout)
    return x.mean(tuple(range(1, x.ndim - 1)))


def _avg_pool(
    x: Any,
    window: Any,
    *,
    count_include_pad: bool = True,
    divisor_override: int | None = None,
    padding_mode: str = "zeros",
    layout: str | None = None,
    **options: Any,
) -> np.ndarray:
    x = channels_last(x, layout)
    sizes = x.shape[1:-1]
    held, sides = windows(sizes, window, **options)
    planes = x.reshape(x.shape[0], int(np.prod(sizes)), x.shape[-1])
    y = np.zeros((x.shape[0], *map(len, held), x.shape[-1]))
    for place, taps in sources(sizes, held, sides, padding_mode):
        count = len(taps)
        if count_include_pad and padding_mode == "zeros":
            # Pixels of the padding count, pixels beyond it do not.
            ends = [size + high for size, (_, high) in zip(sizes, sides, strict=True)]
            axes = zip(held, place, ends, strict=True)
            count = math.prod(sum(tap < end for tap in axis[i]) for axis, i, end in axes)
        for n in range(x.shape[0]):
            y[(n, *place)] = planes[n, taps].sum(0) / (divisor_override or count)
    return in_layout(y, layout)


def _lp_pool(x: Any, window: Any, p: float, *, layout: str | None = None, **options: Any) -> Any:
    x = channels_last(x, layout)
    size = int(np.prod(spread(window, x.ndim - 2)))
    if np.isinf(p):
        pooled = max_pool(np.abs(x), window, **options)
    else:
        with np.errstate(invalid="ignore"):
            pooled = (_avg_pool(x**p, window, **options) * size) ** (1 / p)
    return in_layout(pooled, layout)
