"""Max pooling and its derivatives in JAX's own operations.

XLA computes the maxima. The gradient of XLA's `reduce_window` is a serial
``select_and_scatter``, which is slow on a CPU and missing for dilated windows. Here a window's
tangent is its winner's, and the winner is found one axis at a time: first the best element of
each row of the window, then the best row. To pick what a winner names is linear, so that JAX
transposes, batches and differentiates it like anything else.
"""

from collections.abc import Sequence
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jax import lax

from jaxcnn.engine.pool_windows import Windows, along

MOST_TAPS = 16
"""The longest axis of a window whose elements ("taps") are written out one by one."""


def maxima(x: jax.Array, windows: Windows) -> jax.Array:
    """The largest element of each window; a NaN in a window gives NaN."""
    return _maxima(x, windows, range(len(windows.axes)))


def picked(t: jax.Array, x: jax.Array, windows: Windows) -> jax.Array:
    """The elements of ``t`` that lie where the largest elements of ``x`` do; linear in ``t``."""
    best = x
    # What overlapping windows send back to one element is added up in this dtype.
    wide = t.astype(jnp.float32) if t.dtype.itemsize < 4 else t
    for i in reversed(range(len(windows.axes))):
        best, winners = reduce_axis(best, windows, i)
        wide = pick(wide, winners, windows, i)
    return wide.astype(t.dtype)


def sent_back(t: jax.Array, x: jax.Array, windows: Windows) -> jax.Array:
    """The transpose of `picked`: each window's element of ``t``, added up where its winner lies."""

    def forward(value: jax.Array) -> jax.Array:
        return picked(value, x, windows)

    # It is linear: the place of its derivative does not matter, but its type does.
    y: jax.Array = jax.vjp(forward, x)[1](t)[0]
    return y


def _maxima(x: Any, windows: Windows, which: Sequence[int]) -> Any:
    """The maxima along some of the spatial axes."""

    def kept(values: Sequence[int], other: int) -> tuple[int, ...]:
        some = [value if i in which else other for i, value in enumerate(values)]
        return windows.spread(some, other, x.ndim)

    if all(windows.size[i] == 1 for i in which):
        # XLA's maximum of one element with the border around it loses a NaN.
        for i in which:
            axis = windows.axes[i]
            x = _tap(
                _pad_axis(x, axis, windows.low[i], windows.high[i], lowest(x.dtype)), 0, windows, i
            )
        return x
    return lax.reduce_window(
        x,
        lowest(x.dtype),
        lax.max,
        kept(windows.size, 1),
        kept(windows.stride, 1),
        tuple(zip(kept(windows.low, 0), kept(windows.high, 0), strict=True)),
        window_dilation=kept(windows.dilation, 1),
    )


def reduce_axis(x: Any, windows: Windows, i: int) -> tuple[Any, Any]:
    """Find the maxima along one axis, and which element ("tap") of its window each of them is.

    Windows that hold nothing have no winner: theirs is ``size``.
    """
    x, axis, size = lax.stop_gradient(x), windows.axes[i], windows.size[i]
    best = _maxima(x, windows, [i])
    padded = _pad_axis(x, axis, windows.low[i], windows.high[i], lowest(x.dtype))
    held = windows.held(i)
    dtype = jnp.int8 if size <= MOST_TAPS else jnp.int32
    none = jnp.full(best.shape, size, dtype)

    def least(winner: Any, tap: Any, value: Any, real: Any) -> Any:
        # The first of equals has the least rank, and the last NaN a lesser one.
        equal = jnp.where((value == best) & along(real, axis, x.ndim), tap, dtype(size))
        return jnp.minimum(winner, jnp.where(value != value, ~tap, equal))

    def step(a: Any, winner: Any) -> Any:
        start, stop = a * windows.dilation[i], (windows.count[i] - 1) * windows.stride[i] + 1
        value = lax.dynamic_slice_in_dim(padded, start, stop, axis)
        value = lax.slice_in_dim(value, 0, stop, windows.stride[i], axis)
        return least(winner, a, value, jnp.asarray(held)[:, a])

    if size <= MOST_TAPS:
        winner = none
        for a in range(size):
            winner = least(winner, dtype(a), _tap(padded, a, windows, i), held[:, a])
    else:
        winner = lax.fori_loop(np.int32(0), np.int32(size), step, none)
    if jnp.issubdtype(x.dtype, jnp.floating):
        # XLA's maxima lose a NaN now and then.
        best = jnp.where(winner < 0, jnp.asarray(np.nan, x.dtype), best)
    # Without the barrier XLA searches again for each of the elements that look for a winner.
    return best, lax.optimization_barrier(jnp.where(winner < 0, ~winner, winner))


def pick(t: Any, winners: Any, windows: Windows, i: int) -> Any:
    """The elements of ``t`` that the winners along one axis name; linear in ``t``."""
    axis, size, count = windows.axes[i], windows.size[i], windows.count[i]
    zero = np.zeros((), t.dtype)
    if size > MOST_TAPS:
        named = jnp.minimum(places(winners, windows, i), windows.sizes[i] - 1)
        taken = jnp.take_along_axis(t, jnp.maximum(named, 0), axis, mode="clip")
        return jnp.where(winners < size, taken, zero)
    if windows.tiles(i):
        kept = lax.slice_in_dim(t, 0, count * size, axis=axis)
        split = kept.reshape(*t.shape[:axis], count, size, *t.shape[axis + 1 :])
        taps = along(np.arange(size, dtype=np.int8), axis + 1, split.ndim)
        chosen = jnp.where(jnp.expand_dims(winners, axis + 1) == taps, split, zero)
        return chosen.sum(axis + 1, dtype=t.dtype)
    total = jnp.zeros(winners.shape, t.dtype)
    padded = _pad_axis(t, axis, windows.low[i], windows.high[i], zero)
    for a in range(size):
        value = _tap(padded, a, windows, i)
        total = total + jnp.where(winners == np.int8(a), value, zero)
    return total


def places(winners: Any, windows: Windows, i: int) -> Any:
    """The positions of winning taps on their axis."""
    starts = along(windows.starts(i), windows.axes[i], winners.ndim)
    return starts + winners.astype(jnp.int32) * np.int32(windows.dilation[i])


def lowest(dtype: Any) -> Any:
    """The identity of the maximum: -inf, or the smallest integer."""
    if jnp.issubdtype(dtype, jnp.floating):
        return np.array(-np.inf, dtype)
    return np.array(jnp.iinfo(dtype).min, dtype)


def _pad_axis(x: Any, axis: int, low: int, high: int, value: Any) -> Any:
    widths = [(0, 0, 0)] * x.ndim
    widths[axis] = (low, high, 0)
    return lax.pad(x, value, widths) if low or high else x


def _tap(x: Any, a: int, windows: Windows, i: int) -> Any:
    """Element ``a`` of every window along one padded axis."""
    start, stride = a * windows.dilation[i], windows.stride[i]
    stop = start + (windows.count[i] - 1) * stride + 1
    return lax.slice_in_dim(x, start, stop, stride, windows.axes[i])
