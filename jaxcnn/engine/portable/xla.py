"""XLA's own convolution as an algorithm, and with its axes in the order that XLA is fast for."""

from typing import Any

import jax
import jax.numpy as jnp
from jax import lax

from jaxcnn.engine.algorithm import Algorithm, refuses_nothing
from jaxcnn.engine.primitive import OF_LAX, conv_p
from jaxcnn.engine.problem import Problem


def run(problem: Problem, x: jax.Array, kernel: jax.Array) -> jax.Array:
    """Compute the convolution."""
    y: jax.Array = conv_p.bind(
        x,
        kernel,
        **{**OF_LAX, "algorithm": "lax"},
        window_strides=problem.stride,
        padding=problem.padding,
        lhs_dilation=problem.input_dilation,
        rhs_dilation=problem.dilation,
        dimension_numbers=_fast_axes(problem.rank),
        feature_group_count=problem.groups,
        batch_group_count=1,
        precision=None,
        preferred_element_type=None,
        out_sharding=None,
    )
    return y


def has_fast_axes(axes: lax.ConvDimensionNumbers) -> bool:
    """Whether the channels come last and the window first."""
    return axes == _fast_axes(len(axes.lhs_spec) - 2)


def with_fast_axes(x: Any, kernel: Any, *, dimension_numbers: Any, **params: Any) -> Any:
    """Compute XLA's convolution with its operands' axes reordered.

    XLA does that by itself, but not within loops: a kernel gradient is seven times slower there.
    """
    left, right, result = dimension_numbers
    y = conv_p.bind(
        jnp.transpose(x, (left[0], *left[2:], left[1])),
        jnp.transpose(kernel, (*right[2:], right[1], right[0])),
        **{**OF_LAX, "algorithm": "lax"},
        dimension_numbers=_fast_axes(x.ndim - 2),
        **params,
    )
    order = (result[0], *result[2:], result[1])
    return jnp.transpose(y, tuple(order.index(i) for i in range(len(order))))


def _fast_axes(rank: int) -> lax.ConvDimensionNumbers:
    image = (0, rank + 1, *range(1, rank + 1))
    return lax.ConvDimensionNumbers(image, (rank + 1, rank, *range(rank)), image)


LAX = Algorithm("lax", run, None, refuses_nothing, handles_groups=True)
