"""The sum of each window."""

from typing import Any

import jax
import numpy as np
from jax import lax

from jaxcnn.engine.windows import Windows


def sum_pool(x: jax.Array, windows: Windows, dtype: Any) -> jax.Array:
    """The sum of each window's elements, in ``dtype``; void elements add nothing."""
    x = x.astype(dtype)
    if all(windows.tiles(i) for i in range(len(windows.axes))):
        return _sum_tiles(x, windows)
    return lax.reduce_window(
        x,
        np.zeros((), x.dtype),
        lax.add,
        windows.spread(windows.size, 1, x.ndim),
        windows.spread(windows.stride, 1, x.ndim),
        windows.padding(x.ndim),
        window_dilation=windows.spread(windows.dilation, 1, x.ndim),
    )


def _sum_tiles(x: Any, windows: Windows) -> Any:
    """Windows side by side: a reshape and a sum, whose gradient is a broadcast."""
    kept, split, taps = [slice(None)] * x.ndim, list(x.shape), []
    for i in reversed(range(len(windows.axes))):
        axis, n, k = windows.axes[i], windows.count[i], windows.size[i]
        kept[axis] = slice(n * k)
        split[axis : axis + 1] = [n, k]
        taps.append(axis + i + 1)
    return x[tuple(kept)].reshape(split).sum(tuple(taps))
