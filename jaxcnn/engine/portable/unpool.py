"""Puts maxima back to the positions that max pooling found them at."""

import math
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np


def unpool(
    x: jax.Array, positions: jax.Array, axes: tuple[int, ...], sizes: tuple[int, ...]
) -> jax.Array:
    """``x`` at ``positions`` of planes of ``sizes``, and zeros elsewhere.

    Where several elements name one position, the last in row-major order has it; positions
    outside of the plane are dropped. The scatter is one of integers and takes their maximum,
    so that the result does not depend on the order in which a device works.
    """
    first, last = axes[0], axes[-1]
    before, after = x.shape[:first], x.shape[last + 1 :]
    count, plane = math.prod(x.shape[first : last + 1]), math.prod(sizes)
    flat = positions.reshape(math.prod(before), count, math.prod(after))
    # Negative positions would count from the end; past the end they are dropped.
    flat = jnp.where((flat < 0) | (flat >= plane), plane, flat).astype(jnp.int32)
    owner = _owners(flat, plane)
    values = x.reshape(flat.shape)
    if count == 0:
        return jnp.zeros((*before, *sizes, *after), x.dtype)
    taken = jnp.take_along_axis(values, jnp.maximum(owner, 0), axis=1, mode="clip")
    taken = jnp.where(owner < 0, jnp.zeros((), x.dtype), taken)
    return taken.reshape(*before, *sizes, *after)


def _owners(flat: Any, plane: int) -> Any:
    """Which element, counted in row-major order, has each position of a plane; -1 for none."""
    order = np.arange(flat.shape[1], dtype=np.int32)

    def one(column: Any) -> Any:
        return jnp.full(plane, -1, jnp.int32).at[column].max(order, mode="drop")

    return jax.vmap(jax.vmap(one, in_axes=1, out_axes=1))(flat)
