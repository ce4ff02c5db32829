"""Adaptive and global pooling layers, whose output size does not depend on the input size."""

from collections.abc import Sequence

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

    def compute(params: object, x: jax.Array) -> jax.Array:
        y = ops.adaptive_avg_pool2d(x, output_size, layout=layout)
        assert isinstance(y, jax.Array)  # and not a pair: no indices were asked for
        return y

    return stateless(compute)


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

    def compute(params: object, x: jax.Array) -> jax.Array:
        y = ops.adaptive_max_pool2d(x, output_size, layout=layout)
        assert isinstance(y, jax.Array)  # and not a pair: no indices were asked for
        return y

    return stateless(compute)


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
