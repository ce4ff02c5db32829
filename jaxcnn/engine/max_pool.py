"""The maximum of each window, its position, and a gradient that is fast and always there.

XLA computes the maxima themselves. The gradient of XLA's `reduce_window` is a serial
``select_and_scatter``, which is slow on a CPU and missing for dilated windows; here a window's
tangent is the tangent of its winner, picked by comparing positions. That is linear in the
tangent, so that JAX transposes, batches and differentiates it like anything else.
"""

import functools
import itertools
import math
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jax import lax

from jaxcnn.engine.windows import Windows, along

MOST_TAPS = 64
"""The largest window whose tangent is a sum over its elements; above it is a gather."""


@functools.partial(jax.custom_jvp, nondiff_argnums=(1,))
def max_pool(x: jax.Array, windows: Windows) -> jax.Array:
    """The largest element of each window; a NaN in a window gives NaN."""
    return lax.reduce_window(
        x,
        lowest(x.dtype),
        lax.max,
        windows.spread(windows.size, 1, x.ndim),
        windows.spread(windows.stride, 1, x.ndim),
        windows.padding(x.ndim),
        window_dilation=windows.spread(windows.dilation, 1, x.ndim),
    )


@max_pool.defjvp
def _max_pool_jvp(windows: Windows, primals: Any, tangents: Any) -> tuple[Any, Any]:
    (x,), (t,) = primals, tangents
    return max_pool(x, windows), take_windows(t, max_positions(x, windows), windows)


def max_positions(x: jax.Array, windows: Windows) -> jax.Array:
    """Where each window's largest element lies: its flat position in the plane of ``x``.

    Among equals it is the first in row-major order, and a NaN is larger than any number: the
    last one wins. Windows that hold nothing get -1.
    """
    best: Any = lax.stop_gradient(x)
    flat: Any = None
    # Last axis first: a row's winner then meets the winners of the rows below it.
    for i in reversed(range(len(windows.axes))):
        best, flat = _reduce_axis(best, flat, windows, i)
    return flat


def _reduce_axis(best: Any, flat: Any, windows: Windows, i: int) -> tuple[Any, Any]:
    """One axis of `max_positions`: the winners along it, and their flat positions so far."""
    axis, ndim = windows.axes[i], best.ndim
    below = math.prod(windows.sizes[i + 1 :])
    positions = windows.positions(i)
    best = _pad_axis(best, axis, windows.low[i], windows.high[i], lowest(best.dtype))
    if flat is not None:
        flat = _pad_axis(flat, axis, windows.low[i], windows.high[i], np.int32(-1))
    top: Any = None
    where: Any = None
    seen = np.zeros(windows.count[i], bool)
    for a in range(windows.size[i]):
        held = positions[:, a] >= 0
        value = _tap(best, axis, a, windows, i)
        place: Any = along(positions[:, a] * below, axis, ndim).astype(np.int32)
        place = jnp.broadcast_to(place, value.shape)
        if flat is not None:
            rest = _tap(flat, axis, a, windows, i)
            place = jnp.where(rest < 0, -1, place + rest)
        if top is None:
            top, where = value, jnp.where(along(held, axis, ndim), place, -1)
        else:
            wins = (value > top) | (value != value) | along(~seen, axis, ndim)
            wins = wins & along(held, axis, ndim)
            top, where = jnp.where(wins, value, top), jnp.where(wins, place, where)
        seen |= held
    return top, where


def take_windows(t: jax.Array, winners: jax.Array, windows: Windows) -> jax.Array:
    """The element of ``t`` that each window's winner names; linear in ``t``."""
    if windows.tiles and math.prod(windows.size) <= MOST_TAPS:
        return _take_tiles(t, winners, windows)
    if math.prod(windows.size) <= MOST_TAPS:
        return _take_taps(t, winners, windows)
    return take_positions(t, winners, windows.axes)


def _take_tiles(t: Any, winners: Any, windows: Windows) -> Any:
    """`take_windows` for windows side by side: one comparison per element of ``t``."""
    split, expand, tap_axes, kept = list(t.shape), list(t.shape), [], [slice(None)] * t.ndim
    plane: Any = jnp.zeros((1,) * (t.ndim + len(windows.axes)), jnp.int32)
    for i in reversed(range(len(windows.axes))):
        axis, n, k = windows.axes[i], windows.count[i], windows.size[i]
        kept[axis] = slice(n * k)
        split[axis : axis + 1] = [n, k]
        expand[axis : axis + 1] = [n, 1]
        tap_axes.append(axis + i + 1)
        shape = [1] * plane.ndim
        shape[axis + i : axis + i + 2] = [n, k]
        plane = plane + _places(windows, i).reshape(shape)
    chosen = jnp.where(
        winners.reshape(expand) == plane, t[tuple(kept)].reshape(split), jnp.zeros((), t.dtype)
    )
    return chosen.sum(tuple(tap_axes), dtype=t.dtype)


def _take_taps(t: Any, winners: Any, windows: Windows) -> Any:
    """`take_windows` for small windows: a sum over their elements."""
    padded = lax.pad(
        t, np.zeros((), t.dtype), [(low, high, 0) for low, high in windows.padding(t.ndim)]
    )
    total = jnp.zeros(winners.shape, t.dtype)
    for taps in itertools.product(*map(range, windows.size)):
        value, here = padded, jnp.zeros((1,) * t.ndim, jnp.int32)
        for i, (axis, a) in enumerate(zip(windows.axes, taps, strict=True)):
            value = _tap(value, axis, a, windows, i)
            here = here + along(_places(windows, i)[:, a], axis, t.ndim)
        total = total + jnp.where(winners == here, value, jnp.zeros((), t.dtype))
    return total


def _places(windows: Windows, i: int) -> np.ndarray:
    """`Windows.positions`, as what they add to a flat position.

    Void adds so much below zero that no sum with it is the position of a winner, or -1.
    """
    positions = windows.positions(i)
    below = math.prod(windows.sizes[i + 1 :])
    void = -math.prod(windows.sizes) - 1
    return np.where(positions < 0, void, positions * below).astype(np.int32)


def take_positions(t: jax.Array, winners: jax.Array, axes: tuple[int, ...]) -> jax.Array:
    """The elements of ``t`` at flat positions in its plane, 0 where the position is -1."""
    first, last = axes[0], axes[-1]

    def flattened(a: Any) -> Any:
        size = math.prod(a.shape[first : last + 1])
        return a.reshape(*a.shape[:first], size, *a.shape[last + 1 :])

    plane, flat = flattened(t), flattened(winners)
    taken = jnp.take_along_axis(plane, jnp.maximum(flat, 0), axis=first, mode="clip")
    taken = jnp.where(flat < 0, jnp.zeros((), t.dtype), taken)
    return taken.reshape(winners.shape)


def lowest(dtype: Any) -> Any:
    """The identity of the maximum: -inf, or the smallest integer."""
    if jnp.issubdtype(dtype, jnp.floating):
        return np.array(-np.inf, dtype)
    return np.array(jnp.iinfo(dtype).min, dtype)


def _pad_axis(x: Any, axis: int, low: int, high: int, value: Any) -> Any:
    widths = [(0, 0, 0)] * x.ndim
    widths[axis] = (low, high, 0)
    return lax.pad(x, value, widths) if low or high else x


def _tap(x: Any, axis: int, a: int, windows: Windows, i: int) -> Any:
    """Element ``a`` of every window along one padded axis."""
    start, stride = a * windows.dilation[i], windows.stride[i]
    return lax.slice_in_dim(x, start, start + (windows.count[i] - 1) * stride + 1, stride, axis)
