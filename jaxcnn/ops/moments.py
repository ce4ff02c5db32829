"""Standardizes numbers over axes to mean 0 and variance 1, as all normalizations do."""

import functools
import math
from collections.abc import Hashable, Sequence
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
from jax import lax

from jaxcnn.engine import OPEN, channel_moments, channel_spread, channel_sums, let_through
from jaxcnn.ops.any_layout import parse_any_layout
from jaxcnn.ops.arguments import Layout, accumulator, as_array
from jaxcnn.ops.kinds import floating


class Standardized(NamedTuple):
    """Numbers that were given another mean and variance, and those that they had.

    The axes of the mean and the (biased) variance are kept, of size 1.
    """

    y: Any
    mean: Any
    variance: Any


def standardized(
    x: Any,
    axes: tuple[int, ...],
    epsilon: float,
    scale: Any = 1.0,
    bias: Any = 0.0,
    axis_name: Hashable | None = None,
    bounds: tuple[float, float] = OPEN,
) -> Standardized:
    """``(x - mean) / sqrt(variance + epsilon) * scale + bias`` with the statistics over ``axes``.

    The data are shifted by their mean as it was rounded; what that rounding left is measured
    and taken off as well (the corrected two-pass algorithm). So neither a large mean nor a long
    sum costs digits, where E[x²] − E[x]² would lose them all at mean 1e4 and deviation 1.

    Args:
        x: the numbers.
        axes: to sum over.
        epsilon: what keeps the root from zero.
        scale: of the statistics' shape, or one that broadcasts to it.
        bias: as ``scale``.
        axis_name: the mapped axes to sum over as well.
        bounds: the least and the largest result; results beyond them are clipped.

    Reference: Chan, Golub and LeVeque, *Algorithms for computing the sample variance* (1983).
    """
    kept = tuple(1 if axis in axes else size for axis, size in enumerate(x.shape))
    scale, bias = (jnp.broadcast_to(jnp.asarray(p, x.dtype), kept) for p in (scale, bias))
    y, shift, rest, variance = _standardized(x, scale, bias, axes, epsilon, axis_name, bounds)
    return Standardized(y, shift + rest, variance)


@functools.partial(jax.custom_jvp, nondiff_argnums=(3, 4, 5, 6))
def _standardized(
    x: Any,
    scale: Any,
    bias: Any,
    axes: tuple[int, ...],
    epsilon: float,
    axis_name: Hashable | None,
    bounds: tuple[float, float],
) -> tuple[Any, Any, Any, Any]:
    """The result, a first estimate of the mean, the rest of the mean, and the variance."""
    shift, rest, variance = channel_moments(x, axes=axes)
    if axis_name is not None:
        own, shift = shift, lax.pmean(shift, axis_name)
        apart = (own - shift) + rest
        rest = lax.pmean(apart, axis_name)
        variance = lax.pmean(variance + lax.square(apart - rest), axis_name)
    factor = lax.rsqrt(variance + epsilon) * scale
    y = (x - shift) * factor + (bias - rest * factor)
    return clipped(y, *bounds), shift, rest, variance


@_standardized.defjvp
def _standardized_jvp(
    axes: tuple[int, ...],
    epsilon: float,
    axis_name: Hashable | None,
    bounds: tuple[float, float],
    primals: Any,
    tangents: Any,
) -> tuple[Any, Any]:
    """The derivative as a formula, whose transpose takes no more than two sums over images.

    Whatever differs from channel to channel only is multiplied before it meets the images.
    """
    (x, scale, bias), (t, scale_t, bias_t) = primals, tangents
    result = _standardized(x, scale, bias, axes, epsilon, axis_name, bounds)
    _, shift, rest, variance = result
    shift = lax.stop_gradient(shift)  # whatever it is, the result is the same
    inverse = lax.rsqrt(variance + epsilon)
    factor = inverse * scale
    offset = bias - rest * factor
    everything = {"axes": axes, "low": OPEN[0], "high": OPEN[1]}
    plain, along = channel_sums(t, x, shift, factor, offset, **everything)
    mean, along = (_over_all(part, x, axes, axis_name) for part in (plain, along))
    along = along - rest * mean
    moved = bias_t - factor * mean
    turned = inverse * scale_t - factor * lax.square(inverse) * along
    low, high = bounds
    y = let_through(t * factor, x, shift, factor, offset, low, high) + channel_spread(
        moved - rest * turned, turned, x, shift, factor, offset, axes=axes, low=low, high=high
    )
    return result, (y, jnp.zeros_like(shift), mean, 2 * along)


def _over_all(total: Any, x: Any, axes: tuple[int, ...], axis_name: Hashable | None) -> Any:
    """The mean of what adds up to ``total``."""
    # As a float: the numbers of a channel may be more than an int32 counts.
    mean = total / float(math.prod(x.shape[axis] for axis in axes))
    return mean if axis_name is None else lax.pmean(mean, axis_name)


def clipped(x: Any, low: float, high: float) -> Any:
    """``x`` between two bounds; a NaN stays one, and at the bounds the derivative is 0."""
    if not x.size:  # jax 0.10 would lose a sum over devices in the gradient
        return x
    if low > -math.inf:
        x = jnp.where(x <= low, jnp.asarray(low, x.dtype), x)
    return jnp.where(x >= high, jnp.asarray(high, x.dtype), x) if high < math.inf else x


def real_input(op: str, x: Any) -> Any:
    """``x`` as an array of floating-point numbers."""
    x = as_array(op, "x", x)
    floating(op, "x", x)
    return x


def widened(x: Any) -> Any:
    """``x`` in the dtype that its statistics are kept in: float32 for the 16-bit floats."""
    return x.astype(accumulator(x.dtype) or x.dtype)


def batch_layout(op: str, layout: str | None, ndim: int) -> Layout:
    """`parse_any_layout`, for an op that also takes ``(n, c)``: images of no spatial axis."""
    if ndim != 2:
        return parse_any_layout(op, layout, ndim)
    if layout not in (None, "NC"):
        raise ValueError(f"{op}: `layout` must be 'NC' for an `x` of 2 axes, got {layout!r}")
    return Layout("NC", 1, ())


def parameter(
    op: str, name: str, value: Any, x: Any, shape: Sequence[int], *, wider: bool = True
) -> jax.Array:
    """``value`` as an array of ``shape``, in the dtype of ``x`` or, if ``wider``, of its sums."""
    array = as_array(op, name, value)
    wide = (accumulator(x.dtype) or x.dtype) if wider else x.dtype
    allowed = sorted({str(x.dtype), str(jnp.dtype(wide))})
    if str(array.dtype) not in allowed:
        raise TypeError(
            f"{op}: `{name}` must be {' or '.join(allowed)} for an `x` of {x.dtype}, "
            f"got {array.dtype}"
        )
    if array.shape != tuple(shape):
        raise ValueError(
            f"{op}: `{name}` must have shape {tuple(shape)} for an `x` of shape {x.shape}, "
            f"got {array.shape}"
        )
    return array


def affine(y: Any, scale: Any, bias: Any, shape: Sequence[int], dtype: Any) -> Any:
    """``y * scale + bias`` with both reshaped to ``shape``, rounded once to ``dtype``."""
    if scale is not None:
        y = y * scale.reshape(shape).astype(y.dtype)
    if bias is not None:
        y = y + bias.reshape(shape).astype(y.dtype)
    return y.astype(dtype)
