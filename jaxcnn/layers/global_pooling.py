"""Adaptive and global pooling layers, whose output size does not depend on the input size."""

from collections.abc import Callable, Sequence
from typing import Any

import jax

from jaxcnn import ops
from jaxcnn.layers.layer import Layer, described, stateless

OutputSize = int | None | Sequence[int | None]
"""An int for every spatial axis, or one per axis; ``None`` keeps an axis."""


@described
def AdaptiveAvgPool2d(output_size: OutputSize, *, layout: str = "NHWC") -> Layer:
    """A layer that averages images to a given size, as `jaxcnn.adaptive_avg_pool2d` does.

    Args:
        output_size: height and width of the result; an int for a square, ``None`` for an axis
            that stays as it is.
        layout: ``"NHWC"`` or ``"NCHW"``.

    Returns:
        A layer without parameters or state.

    >>> AdaptiveAvgPool2d((2, None)).apply({}, {}, jnp.ones((1, 5, 7, 3)))[0].shape
    (1, 2, 7, 3)
    """
    return _adaptive_pool(ops.adaptive_avg_pool2d, output_size, layout)


@described
def AdaptiveMaxPool2d(output_size: OutputSize, *, layout: str = "NHWC") -> Layer:
    """A layer that max-pools images to a given size, as `jaxcnn.adaptive_max_pool2d` does.

    Args:
        output_size: height and width of the result; an int for a square, ``None`` for an axis
            that stays as it is.
        layout: ``"NHWC"`` or ``"NCHW"``.

    Returns:
        A layer without parameters or state.

    >>> AdaptiveMaxPool2d((2, None)).apply({}, {}, jnp.ones((1, 5, 7, 3)))[0].shape
    (1, 2, 7, 3)
    """
    return _adaptive_pool(ops.adaptive_max_pool2d, output_size, layout)


@described
def GlobalAvgPool(*, layout: str | None = None) -> Layer:
    """A layer that averages each channel over all positions, as `jaxcnn.global_avg_pool` does.

    Args:
        layout: the axes of the input; channels last where it is left out.

    Returns:
        A layer without parameters or state.

    >>> GlobalAvgPool().apply({}, {}, jnp.ones((2, 5, 5, 3)))[0].shape
    (2, 3)
    """
    return stateless(lambda params, x: ops.global_avg_pool(x, layout=layout))


@described
def GlobalMaxPool(*, layout: str | None = None) -> Layer:
    """A layer that takes the largest number of each channel, as `jaxcnn.global_max_pool` does.

    Args:
        layout: the axes of the input; channels last where it is left out.

    Returns:
        A layer without parameters or state.

    >>> GlobalMaxPool().apply({}, {}, jnp.ones((2, 5, 5, 3)))[0].shape
    (2, 3)
    """
    return stateless(lambda params, x: ops.global_max_pool(x, layout=layout))


def _adaptive_pool(pool: Callable[..., Any], output_size: OutputSize, layout: str) -> Layer:
    """A layer that pools to a given size."""

    def compute(params: object, x: jax.Array) -> jax.Array:
        y: jax.Array = pool(x, output_size, layout=layout)
        return y

    return stateless(compute)
