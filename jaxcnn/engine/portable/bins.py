"""Means and maxima of bins: windows at any positions, as adaptive pooling has them."""

import math
from collections.abc import Sequence
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jax import lax

from jaxcnn.engine.pool_windows import along


def even_bins(size: int, count: int) -> np.ndarray:
    """``count`` bins that cover an axis of ``size``: ``(count, width)`` positions, or -1.

    Bin ``i`` holds ``floor(i * size / count)`` up to ``ceil((i + 1) * size / count)``, so that
    neighbours may share an element; the bins that are not the widest are filled up with -1.
    """
    index = np.arange(count)
    start, end = index * size // count, -(-(index + 1) * size // count)
    held = start[:, None] + np.arange(np.max(end - start))
    return np.where(held < end[:, None], held, -1).astype(np.int32)


def mean_bins(x: jax.Array, axes: Sequence[int], bins: Sequence[np.ndarray]) -> jax.Array:
    """The mean of every bin, one axis after the other."""
    pairs = list(zip(axes, bins, strict=True))
    # Axes that become one bin are summed up together, which is ten times as fast.
    whole = tuple(axis for axis, held in pairs if held.shape == (1, x.shape[axis]))
    if whole:
        x = x.mean(whole, keepdims=True)
    for axis, positions in pairs:
        if axis in whole:
            continue
        if positions.shape[1] == 1:
            x = _gather(x, positions, axis)
            continue
        held = along(positions >= 0, axis, x.ndim + 1)
        sums = jnp.where(held, _split(x, positions, axis), jnp.zeros((), x.dtype)).sum(axis + 1)
        counts = along((positions >= 0).sum(1), axis, x.ndim)
        x = sums / jnp.asarray(counts, sums.dtype)
    return x


def max_bins(x: jax.Array, axes: Sequence[int], bins: Sequence[Any]) -> jax.Array:
    """The position of each bin's largest element, by the rules of `positions.max_positions`.

    ``bins`` may be traced, and then hold no -1.
    """
    best: Any = lax.stop_gradient(x)
    flat: Any = jnp.zeros((), jnp.int32)
    for axis, positions in reversed(list(zip(axes, bins, strict=True))):
        # The last axis is reduced first, and what lies below it counts in full.
        below = math.prod(x.shape[axis + 1 : axes[-1] + 1])
        if isinstance(positions, np.ndarray):
            # Repeating a bin's last element changes neither its maximum nor its winner.
            positions = np.where(positions < 0, positions.max(1, keepdims=True), positions)
        values = _split(best, positions, axis)
        places = along(jnp.asarray(positions) * np.int32(below), axis, values.ndim)
        if flat.ndim:
            places = places + _split(flat, positions, axis)
        winner = _winner(values, axis + 1)
        # Places made from constants are sharded as the winners are only if they depend on them.
        places = jnp.broadcast_to(places + (winner * 0).astype(places.dtype), values.shape)
        best = jnp.take_along_axis(values, winner, axis + 1, mode="clip").squeeze(axis + 1)
        flat = jnp.take_along_axis(places, winner, axis + 1, mode="clip").squeeze(axis + 1)
    return flat


def _winner(values: Any, axis: int) -> Any:
    """The first of the largest along ``axis``, or the last NaN, with ``axis`` kept."""
    first = jnp.argmax(values, axis, keepdims=True)
    if not jnp.issubdtype(values.dtype, jnp.floating):
        return first
    nan = jnp.isnan(values)
    last = values.shape[axis] - 1 - jnp.argmax(jnp.flip(nan, axis), axis, keepdims=True)
    return jnp.where(nan.any(axis, keepdims=True), last, first)


def _split(x: Any, positions: Any, axis: int) -> Any:
    """``x`` with ``axis`` replaced by one axis of bins and one of what they hold."""
    taken = _gather(x, positions, axis)
    return taken.reshape(*x.shape[:axis], *positions.shape, *x.shape[axis + 1 :])


def _gather(x: Any, positions: Any, axis: int) -> Any:
    return jnp.take(x, positions.reshape(-1), axis, mode="clip")
