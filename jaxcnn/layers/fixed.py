"""Layers with nothing to learn: any pure function, pooling, flattening."""

import math
from collections.abc import Callable, Sequence

import jax

from jaxcnn import ops
from jaxcnn.layers.layer import Blueprint, Layer, Params, State
from jaxcnn.layers.table import sees
from jaxcnn.ops.arguments import Padding, Window


def Function(function: Callable[[jax.Array], jax.Array]) -> Layer:
    """A layer that applies a pure function of one array, an activation for example.

    Args:
        function: maps the input to the output, e.g. `jax.nn.relu`.

    Returns:
        A layer without parameters or state.

    >>> y, _ = Function(jax.nn.relu).apply({}, {}, jnp.array([-1.0, 2.0]))
    >>> y
    Array([0., 2.], dtype=float32)
    """

    def init(key: jax.Array, input_shape: Sequence[int]) -> tuple[Params, State]:
        return {}, {}

    def apply(
        params: Params,
        state: State,
        x: jax.Array,
        *,
        train: bool = False,
        key: jax.Array | None = None,
    ) -> tuple[jax.Array, State]:
        return function(x), state

    return Layer(init, apply, Blueprint("Function", {"function": function}))


def Flatten() -> Layer:
    """All axes but the batch's become one.

    >>> y, _ = Flatten().apply({}, {}, jnp.ones((2, 5, 5, 16)))
    >>> y.shape
    (2, 400)
    """
    layer = Function(lambda x: x.reshape(x.shape[0], math.prod(x.shape[1:])))
    return layer._replace(blueprint=Blueprint("Flatten", {}))


def AvgPool2d(window: Window, *, stride: Window | None = None, padding: Padding = 0) -> Layer:
    """Average pooling over NHWC images; the options are those of `jaxcnn.avg_pool2d`.

    Args:
        window: height and width, in pixels; an int for a square.
        stride: distance between windows; the window's size where it is left out.
        padding: as in `jaxcnn.avg_pool2d`.

    Returns:
        A layer without parameters or state.
    """

    def pool(x: jax.Array) -> jax.Array:
        y = ops.avg_pool2d(x, window, stride=stride, padding=padding)
        sees(x, window, stride=window if stride is None else stride, padding=padding)
        return y

    options = {"window": window, "stride": stride, "padding": padding}
    return Function(pool)._replace(blueprint=Blueprint("AvgPool2d", options))


def MaxPool2d(window: Window, *, stride: Window | None = None, padding: Padding = 0) -> Layer:
    """Max pooling over NHWC images; the options are those of `jaxcnn.max_pool2d`.

    Args:
        window: height and width, in pixels; an int for a square.
        stride: distance between windows; the window's size where it is left out.
        padding: as in `jaxcnn.max_pool2d`.

    Returns:
        A layer without parameters or state.
    """

    def pool(x: jax.Array) -> jax.Array:
        y = ops.max_pool2d(x, window, stride=stride, padding=padding)
        assert isinstance(y, jax.Array)  # and not a pair: no indices were asked for
        sees(x, window, stride=window if stride is None else stride, padding=padding)
        return y

    options = {"window": window, "stride": stride, "padding": padding}
    return Function(pool)._replace(blueprint=Blueprint("MaxPool2d", options))
