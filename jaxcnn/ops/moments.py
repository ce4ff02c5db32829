"""The mean and the variance that every normalization needs, and the checks around them."""

from collections.abc import Hashable, Sequence
from typing import Any

import jax.numpy as jnp
from jax import lax

from jaxcnn.ops.arguments import Layout, accumulator, as_array, floating, parse_any_layout


def moments(
    x: Any, axes: tuple[int, ...], axis_name: Hashable | None = None
) -> tuple[Any, Any, Any]:
    """Mean, deviation from it and (biased) variance, with ``axes`` kept as axes of size 1.

    The data are shifted by their mean as it was rounded; what that rounding left is measured
    and taken off as well (the corrected two-pass algorithm). So neither a large mean nor a long
    sum costs digits, where E[x²] − E[x]² would lose them all at mean 1e4 and deviation 1. The
    result does not depend on the shift, so no derivative has to pass through it.

    Reference: Chan, Golub and LeVeque, *Algorithms for computing the sample variance* (1983).
    """

    def mean(value: Any) -> Any:
        local = jnp.mean(value, axes, keepdims=True)
        return local if axis_name is None else lax.pmean(local, axis_name)

    shift = lax.stop_gradient(mean(x))
    deviation = x - shift
    rest, square = mean(deviation), mean(lax.square(deviation))
    # Deviations whose squares overflow have an infinite variance, and not a NaN.
    variance = square - jnp.where(jnp.isinf(square), 0, lax.square(rest))
    # Of (nearly) equal numbers this difference is all rounding, below zero even: lift it to what
    # rounding may be. The lift is a constant, so that the derivatives stay those of a variance.
    least = float(jnp.finfo(x.dtype).eps) * square
    lift = jnp.where(variance < least, least - variance, 0)
    variance = variance + lax.stop_gradient(lift)
    return shift + rest, deviation - rest, variance


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


def parameter(op: str, name: str, value: Any, x: Any, shape: Sequence[int]) -> Any:
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
