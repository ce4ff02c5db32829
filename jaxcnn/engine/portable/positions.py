"""The positions of the largest elements of windows, and the elements at given positions."""

import math
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from jaxcnn.engine.pool_windows import Windows, along
from jaxcnn.engine.portable.window_maxima import pick, places, reduce_axis


def max_positions(x: jax.Array, windows: Windows) -> jax.Array:
    """The flat position of each window's largest element in the plane of ``x``.

    Among equals it is the first in row-major order, and a NaN is larger than any number: the
    last one wins. Windows that hold nothing get -1.
    """
    best, flat = x, jnp.zeros(x.shape, jnp.int32)
    # Last axis first: a row's winner then meets the winners of the rows below it.
    for i in reversed(range(len(windows.axes))):
        best, winners = reduce_axis(best, windows, i)
        below = np.int32(math.prod(windows.sizes[i + 1 :]))
        flat = pick(flat, winners, windows, i) + places(winners, windows, i) * below
    for i, axis in enumerate(windows.axes):
        filled = windows.held(i).any(1)
        if not filled.all():
            flat = jnp.where(along(filled, axis, x.ndim), flat, -1)
    return flat


def take_positions(t: jax.Array, winners: jax.Array, axes: tuple[int, ...]) -> jax.Array:
    """The elements of ``t`` at flat positions in its plane; linear in ``t``."""
    first, last = axes[0], axes[-1]

    def flattened(a: Any) -> Any:
        size = math.prod(a.shape[first : last + 1])
        return a.reshape(*a.shape[:first], size, *a.shape[last + 1 :])

    # What overlapping windows send back to one element is added up in this dtype.
    wide = t.astype(jnp.float32) if t.dtype in (jnp.bfloat16, jnp.float16) else t
    taken = jnp.take_along_axis(flattened(wide), flattened(winners), axis=first, mode="clip")
    return taken.reshape(winners.shape).astype(t.dtype)
