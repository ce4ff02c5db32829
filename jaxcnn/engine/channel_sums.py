"""Sums over all axes but the channels, as normalizations and their gradients need them.

On CPUs native code (``native/channels.h``) reads the arrays once for all of them. `sums` and
`spread` are each other's transpose.
"""

import functools
import math
from collections.abc import Sequence
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jax import lax
from jax.interpreters import ad

from jaxcnn.engine import compiler
from jaxcnn.engine.native_primitive import Compute, NativePrimitive
from jaxcnn.engine.single_device import sharded

OPEN = (-math.inf, math.inf)
"""The bounds that let everything through."""


class ChannelPrimitive(NativePrimitive):
    """A JAX primitive of arrays, the ``axes`` that are summed over, and further parameters.

    Small operands and results keep these axes, with size 1.
    """

    def __init__(self, name: str, portable: Compute, handler: str = "", *, several: bool = False):
        super().__init__(name, portable, several=several)
        self.handler = handler

    def __call__(self, *operands: Any, **params: Any) -> Any:
        """The result, or the list of results."""
        types = [jax.typeof(operand) for operand in operands]
        # XLA's partitioner knows what to do with JAX's own operations on sharded arrays.
        if any(map(sharded, types)):
            return self.portable(*operands, **params)
        return super().__call__(*_varying_alike(operands, types), **params)

    def in_cpp(self, ctx: Any, **params: Any) -> Compute | None:
        """A function that computes the results in C++; None where that is not possible."""
        x, axes = ctx.avals_in[0], params.pop("axes")
        if not self.handler or x.dtype != jnp.float32:
            return None
        if not all(isinstance(n, int) and n > 0 for n in x.shape):
            return None
        # The channels are last, and all axes between them and the first that is summed count.
        if not axes or axes != tuple(range(axes[0], x.ndim - 1)):
            return None
        outer, rows = math.prod(x.shape[: axes[0]]), math.prod(x.shape[axes[0] : -1])
        results = [jax.ShapeDtypeStruct(y.shape, y.dtype) for y in ctx.avals_out]
        call = jax.ffi.ffi_call(compiler.native().targets[self.handler], results)
        numbers = {name: np.float32(bound) for name, bound in params.items()}
        return functools.partial(
            call, sizes=np.array([outer, rows, x.shape[-1]], np.int64), **numbers
        )

    def moved(self, **params: Any) -> dict[str, Any]:
        """The parameters for arrays with one more axis in front."""
        return {**params, "axes": tuple(axis + 1 for axis in params["axes"])}


def _varying_alike(operands: Sequence[Any], types: Sequence[Any]) -> list[Any]:
    """The operands, varying over the same axes of a `jax.shard_map`, as JAX's own sums make them.

    The cotangents of those that did not vary are then added up over these axes.
    """
    axes = [_varying(aval) for aval in types]
    every = frozenset().union(*axes)
    return [
        lax.pcast(x, tuple(sorted(every - own)), to="varying") if every - own else x
        for x, own in zip(operands, axes, strict=True)
    ]


def _varying(aval: Any) -> frozenset[Any]:
    """The axes of a `jax.shard_map` over which an array varies; jax 0.12 has renamed them."""
    found: frozenset[Any] = aval.mat.varying if hasattr(aval, "mat") else aval.vma
    return found


def _moments(x: jax.Array, axes: tuple[int, ...]) -> tuple[jax.Array, jax.Array, jax.Array]:
    """The mean, what its rounding left, and the variance."""
    shift = jnp.mean(x, axes, keepdims=True)
    rest = jnp.mean(x - _anew(shift), axes, keepdims=True)
    square = jnp.mean(lax.square(x - _anew(shift)), axes, keepdims=True)
    # Deviations whose squares overflow have an infinite variance, and not a NaN.
    variance = square - jnp.where(jnp.isinf(square), 0, lax.square(rest))
    # Of (nearly) equal numbers this difference is all rounding, below zero even: lift it to what
    # rounding may be.
    return shift, rest, jnp.maximum(variance, float(jnp.finfo(x.dtype).eps) * square)


def _sums(
    t: jax.Array,
    x: jax.Array,
    shift: jax.Array,
    factor: jax.Array,
    offset: jax.Array,
    *,
    axes: tuple[int, ...],
    low: float,
    high: float,
) -> tuple[jax.Array, jax.Array]:
    """The sums of ``t`` and of ``t * (x - shift)``, where the bounds let it through."""
    t = let_through(t, x, shift, factor, offset, low, high)
    along = (x - _anew(shift)) * t
    return jnp.sum(t, axes, keepdims=True), jnp.sum(along, axes, keepdims=True)


def _spread(
    plain: jax.Array,
    along: jax.Array,
    x: jax.Array,
    shift: jax.Array,
    factor: jax.Array,
    offset: jax.Array,
    *,
    axes: tuple[int, ...],
    low: float,
    high: float,
) -> jax.Array:
    """``plain + (x - shift) * along``, where the bounds let it through."""
    y = plain + (x - _anew(shift)) * along
    return let_through(y, x, shift, factor, offset, low, high)


def let_through(
    t: jax.Array,
    x: jax.Array,
    shift: jax.Array,
    factor: jax.Array,
    offset: jax.Array,
    low: float,
    high: float,
) -> jax.Array:
    """``t`` where ``(x - shift) * factor + offset`` lies between two bounds, elsewhere 0."""
    if (low, high) == OPEN:
        return t
    z = (x - _anew(shift)) * factor + offset
    return jnp.where((z > low) & (z < high), t, 0)


def _anew(shift: jax.Array) -> jax.Array:
    """The same array, but XLA computes the deviations again instead of writing them to memory."""
    anew: jax.Array = lax.optimization_barrier(shift)
    return anew


moments = ChannelPrimitive("jaxcnn_moments", _moments, "jaxcnn_moments", several=True)
sums = ChannelPrimitive("jaxcnn_channel_sums", _sums, "jaxcnn_channel_sums", several=True)
spread = ChannelPrimitive("jaxcnn_channel_spread", _spread)


def _derivative(
    own: ChannelPrimitive, linear: int, primals: Any, tangents: Any, **params: Any
) -> tuple[Any, Any]:
    """The derivative of `sums` or `spread`, which are linear in their first operands."""
    result = own(*primals, **params)
    dense = [ad.instantiate_zeros(t) for t in tangents]
    changes = own(*dense[:linear], *primals[linear:], **params)
    if any(not isinstance(t, ad.Zero) for t in tangents[linear:]):
        portable = functools.partial(own.portable, *primals[:linear], **params)
        _, moved = jax.jvp(portable, tuple(primals[linear:]), tuple(dense[linear:]))
        changes = jax.tree.map(jnp.add, changes, list(moved) if own is sums else moved)
    return result, changes


def _sums_transposed(cotangents: Any, t: Any, *fixed: Any, **params: Any) -> list[Any]:
    dense = [ad.instantiate_zeros(cotangent) for cotangent in cotangents]
    return [spread(*dense, *fixed, **params), *[None] * len(fixed)]


def _spread_transposed(
    cotangent: Any, plain: Any, along: Any, *fixed: Any, **params: Any
) -> list[Any]:
    found = sums(ad.instantiate_zeros(cotangent), *fixed, **params)
    wanted = [ad.is_undefined_primal(operand) for operand in (plain, along)]
    own = [each if want else None for each, want in zip(found, wanted, strict=True)]
    return [*own, *[None] * len(fixed)]


ad.primitive_jvps[sums.primitive] = functools.partial(_derivative, sums, 1)
ad.primitive_jvps[spread.primitive] = functools.partial(_derivative, spread, 2)
ad.primitive_transposes[sums.primitive] = _sums_transposed
ad.primitive_transposes[spread.primitive] = _spread_transposed
