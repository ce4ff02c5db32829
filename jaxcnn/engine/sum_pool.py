"""Sum pooling and its gradient, as JAX primitives: on CPUs in C++ (``native/pools.h``)."""

import functools
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jax import lax
from jax.interpreters import ad

from jaxcnn.engine.pool_primitive import PoolPrimitive
from jaxcnn.engine.pool_windows import Windows


def sum_pool(x: jax.Array, windows: Windows, dtype: Any) -> jax.Array:
    """The sum of each window's elements, in ``dtype``; void elements add nothing."""
    y: jax.Array = sums(x.astype(dtype), windows=windows)
    return y


def _sums(x: jax.Array, windows: Windows) -> jax.Array:
    if _tiled(windows):
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


def _tiled(windows: Windows) -> bool:
    return all(windows.tiles(i) for i in range(len(windows.axes)))


def _sum_tiles(x: Any, windows: Windows) -> Any:
    """Windows side by side: a reshape and a sum, whose gradient is a broadcast."""
    kept, split, taps = [slice(None)] * x.ndim, list(x.shape), []
    for i in reversed(range(len(windows.axes))):
        axis, n, k = windows.axes[i], windows.count[i], windows.size[i]
        kept[axis] = slice(n * k)
        split[axis : axis + 1] = [n, k]
        taps.append(axis + i + 1)
    return x[tuple(kept)].reshape(split).sum(tuple(taps))


def _spread(t: jax.Array, windows: Windows) -> jax.Array:
    """Add each window's element to all pixels that the window holds."""
    shape, image = list(t.shape), t
    for axis, size in zip(windows.axes, windows.sizes, strict=True):
        shape[axis] = size
        image = lax.slice_in_dim(image, 0, 1, axis=axis)
    # It is linear: the place of its derivative does not matter, but its type does.
    summed = functools.partial(_sums, windows=windows)
    y: jax.Array = jax.vjp(summed, jnp.broadcast_to(image, shape))[1](t)[0]
    return y


def _overlapping(windows: Windows) -> bool:
    return not _tiled(windows)


sums = PoolPrimitive("jaxcnn_sum_pool", _sums, "jaxcnn_sum_pool", _overlapping)
spread = PoolPrimitive("jaxcnn_sum_pool_spread", _spread, "jaxcnn_sum_pool_gradient", _overlapping)

for _one, _other in ((sums, spread), (spread, sums)):
    ad.deflinear2(
        _one.primitive,
        lambda t, _, windows, other=_other: [other(t, windows=windows)],
    )
