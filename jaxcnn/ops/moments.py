"""Standardizes numbers over axes to mean 0 and variance 1, as all normalizations do."""

import functools
from collections.abc import Hashable, Sequence
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
from jax import lax

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

    Reference: Chan, Golub and LeVeque, *Algorithms for computing the sample variance* (1983).
    """
    scale, bias = (jnp.asarray(p, x.dtype) for p in (scale, bias))
    y, shift, rest, variance = _standardized(x, scale, bias, axes, epsilon, axis_name)
    return Standardized(y, shift + rest, variance)


@functools.partial(jax.custom_jvp, nondiff_argnums=(3, 4, 5))
def _standardized(
    x: Any,
    scale: Any,
    bias: Any,
    axes: tuple[int, ...],
    epsilon: float,
    axis_name: Hashable | None,
) -> tuple[Any, Any, Any, Any]:
    """The result, a first estimate of the mean, the rest of the mean, and the variance."""
    shift = _mean(x, axes, axis_name)
    rest = _mean(x - _anew(shift), axes, axis_name)
    square = _mean(lax.square(x - _anew(shift)), axes, axis_name)
    # Deviations whose squares overflow have an infinite variance, and not a NaN.
    variance = square - jnp.where(jnp.isinf(square), 0, lax.square(rest))
    # Of (nearly) equal numbers this difference is all rounding, below zero even: lift it to what
    # rounding may be.
    variance = jnp.maximum(variance, float(jnp.finfo(x.dtype).eps) * square)
    inverse = lax.rsqrt(variance + epsilon)
    return ((x - _anew(shift)) - rest) * (inverse * scale) + bias, shift, rest, variance


@_standardized.defjvp
def _standardized_jvp(
    axes: tuple[int, ...], epsilon: float, axis_name: Hashable | None, primals: Any, tangents: Any
) -> tuple[Any, Any]:
    """The derivative as a formula, whose transpose takes no more than two sums over images.

    Whatever differs from channel to channel only is multiplied before it meets the images.
    """
    (x, scale, bias), (t, scale_t, bias_t) = primals, tangents
    result = _, shift, rest, variance = _standardized(x, scale, bias, axes, epsilon, axis_name)
    shift = lax.stop_gradient(shift)  # whatever it is, the result is the same
    inverse = lax.rsqrt(variance + epsilon)
    factor = inverse * scale
    mean = _mean(t, axes, axis_name)
    along = _mean((x - _anew(shift)) * t, axes, axis_name) - rest * mean
    moved = bias_t - factor * mean
    turned = inverse * scale_t - factor * lax.square(inverse) * along
    y = t * factor + moved + ((x - _anew(shift)) - rest) * turned
    return result, (y, jnp.zeros_like(shift), mean, 2 * along)


def _mean(value: Any, axes: tuple[int, ...], axis_name: Hashable | None) -> Any:
    local = jnp.mean(value, axes, keepdims=True)
    return local if axis_name is None else lax.pmean(local, axis_name)


def _anew(shift: Any) -> Any:
    """The same array, but XLA computes the deviations again instead of writing them to memory."""
    return lax.optimization_barrier(shift)


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


def parameter(op: str, name: str, value: Any, x: Any, shape: Sequence[int]) -> jax.Array:
    """``value`` as an array of ``shape``, in the dtype of ``x`` or of its statistics."""
    array = as_array(op, name, value)
    allowed = sorted({str(x.dtype), str(jnp.dtype(accumulator(x.dtype) or x.dtype))})
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
