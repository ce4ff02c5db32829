"""Layers that pool windows of signals, images and volumes."""

from collections.abc import Callable
from typing import Any, Unpack

import jax

from jaxcnn import ops
from jaxcnn.layers.layer import Layer, described, stateless
from jaxcnn.ops.argument_types import Padding, PaddingMode, Window
from jaxcnn.ops.arguments import per_axis
from jaxcnn.ops.average_pooling import AvgPoolOptions
from jaxcnn.ops.pool_arguments import PoolOptions
from jaxcnn.ops.shared_options import options_of


@described
def MaxPool2d(
    window: Window,
    *,
    stride: Window | None = None,
    padding: Padding = 0,
    dilation: Window = 1,
    ceil_mode: bool = False,
    padding_mode: PaddingMode = "zeros",
    layout: str = "NHWC",
) -> Layer:
    """A layer that takes the largest number of each window, as `jaxcnn.max_pool2d` does.

    Args:
        window: height and width of a window, in pixels; an int for a square.
        stride: distance between neighbouring windows, in pixels; the window's size where it is
            left out.
        padding: pixels added on each side: an int, one int per axis, one ``(low, high)`` pair
            per axis, ``"valid"`` or ``"same"``; at most half of the window.
        dilation: distance between neighbouring elements of a window, in pixels.
        ceil_mode: whether a last window may reach over the edge.
        padding_mode: ``"zeros"`` (a border that never wins), ``"reflect"``, ``"replicate"`` or
            ``"circular"``.
        layout: the axes of the input and of the output.

    Returns:
        A layer without parameters or state. Its input is ``"NHWC"`` or ``"NCHW"``.

    Raises:
        TypeError: if ``window`` is not made of ints.
        ValueError: if ``window`` is not positive.

    >>> MaxPool2d(2).apply({}, {}, jnp.ones((2, 8, 8, 3)))[0].shape
    (2, 4, 4, 3)
    """
    return _pool(
        "MaxPool2d",
        ops.max_pool2d,
        2,
        window,
        stride=stride,
        padding=padding,
        dilation=dilation,
        ceil_mode=ceil_mode,
        padding_mode=padding_mode,
        layout=layout,
    )


@described
@options_of(MaxPool2d, layout="NWC")
def MaxPool1d(window: Window, **options: Unpack[PoolOptions]) -> Layer:
    """A layer that takes the largest number of each window, as `jaxcnn.max_pool1d` does.

    Args:
        window: the number of elements of a window.

    Returns:
        A layer without parameters or state. Its input is ``"NWC"`` or ``"NCW"``.

    >>> MaxPool1d(2).apply({}, {}, jnp.ones((2, 8, 3)))[0].shape
    (2, 4, 3)
    """
    return _pool("MaxPool1d", ops.max_pool1d, 1, window, **options)


@described
@options_of(MaxPool2d, layout="NDHWC")
def MaxPool3d(window: Window, **options: Unpack[PoolOptions]) -> Layer:
    """A layer that takes the largest number of each window, as `jaxcnn.max_pool3d` does.

    Args:
        window: depth, height and width of a window; an int for a cube.

    Returns:
        A layer without parameters or state. Its input is ``"NDHWC"`` or ``"NCDHW"``.

    >>> MaxPool3d(2).apply({}, {}, jnp.ones((2, 8, 8, 8, 3)))[0].shape
    (2, 4, 4, 4, 3)
    """
    return _pool("MaxPool3d", ops.max_pool3d, 3, window, **options)


@described
def AvgPool2d(
    window: Window,
    *,
    stride: Window | None = None,
    padding: Padding = 0,
    ceil_mode: bool = False,
    count_include_pad: bool = True,
    divisor_override: int | None = None,
    padding_mode: PaddingMode = "zeros",
    layout: str = "NHWC",
) -> Layer:
    """A layer that takes the mean of each window, as `jaxcnn.avg_pool2d` does.

    Args:
        window: height and width of a window, in pixels; an int for a square.
        stride: distance between neighbouring windows, in pixels; the window's size where it is
            left out.
        padding: pixels added on each side: an int, one int per axis, one ``(low, high)`` pair
            per axis, ``"valid"`` or ``"same"``; at most half of the window.
        ceil_mode: whether a last window may reach over the edge.
        count_include_pad: whether the pixels of the padding count in the mean.
        divisor_override: the number that divides each sum, in place of the number of pixels.
        padding_mode: ``"zeros"``, ``"reflect"``, ``"replicate"`` or ``"circular"``.
        layout: the axes of the input and of the output.

    Returns:
        A layer without parameters or state. Its input is ``"NHWC"`` or ``"NCHW"``.

    Raises:
        TypeError: if ``window`` is not made of ints.
        ValueError: if ``window`` is not positive.

    >>> AvgPool2d(2).apply({}, {}, jnp.ones((2, 8, 8, 3)))[0].shape
    (2, 4, 4, 3)
    """
    return _pool(
        "AvgPool2d",
        ops.avg_pool2d,
        2,
        window,
        stride=stride,
        padding=padding,
        ceil_mode=ceil_mode,
        count_include_pad=count_include_pad,
        divisor_override=divisor_override,
        padding_mode=padding_mode,
        layout=layout,
    )


@described
@options_of(AvgPool2d, layout="NWC")
def AvgPool1d(window: Window, **options: Unpack[AvgPoolOptions]) -> Layer:
    """A layer that takes the mean of each window, as `jaxcnn.avg_pool1d` does.

    Args:
        window: the number of elements of a window.

    Returns:
        A layer without parameters or state. Its input is ``"NWC"`` or ``"NCW"``.

    >>> AvgPool1d(2).apply({}, {}, jnp.ones((2, 8, 3)))[0].shape
    (2, 4, 3)
    """
    return _pool("AvgPool1d", ops.avg_pool1d, 1, window, **options)


@described
@options_of(AvgPool2d, layout="NDHWC")
def AvgPool3d(window: Window, **options: Unpack[AvgPoolOptions]) -> Layer:
    """A layer that takes the mean of each window, as `jaxcnn.avg_pool3d` does.

    Args:
        window: depth, height and width of a window; an int for a cube.

    Returns:
        A layer without parameters or state. Its input is ``"NDHWC"`` or ``"NCDHW"``.

    >>> AvgPool3d(2).apply({}, {}, jnp.ones((2, 8, 8, 8, 3)))[0].shape
    (2, 4, 4, 4, 3)
    """
    return _pool("AvgPool3d", ops.avg_pool3d, 3, window, **options)


@described
def LpPool2d(
    window: Window,
    *,
    p: float = 2.0,
    stride: Window | None = None,
    ceil_mode: bool = False,
    layout: str = "NHWC",
) -> Layer:
    """A layer that takes the p-norm of each window, as `jaxcnn.lp_pool2d` does.

    Args:
        window: height and width of a window, in pixels; an int for a square.
        p: the power; 1 is the sum, 2 the root of the sum of squares.
        stride: distance between neighbouring windows, in pixels; the window's size where it is
            left out.
        ceil_mode: whether a last window may reach over the edge.
        layout: ``"NHWC"`` or ``"NCHW"``.

    Returns:
        A layer without parameters or state.

    Raises:
        TypeError: if ``window`` is not made of ints.
        ValueError: if ``window`` is not positive.

    >>> LpPool2d(2).apply({}, {}, jnp.ones((1, 2, 2, 1)))[0]
    Array([[[[2.]]]], dtype=float32)
    """
    options = {"p": p, "stride": stride, "ceil_mode": ceil_mode, "layout": layout}
    return _pool("LpPool2d", ops.lp_pool2d, 2, window, **options)


def _pool(op: str, pool: Callable[..., Any], rank: int, window: Window, **options: Any) -> Layer:
    """A layer that pools over ``rank`` spatial axes."""
    size = per_axis(op, "window", window, rank, minimum=1)

    def compute(params: object, x: jax.Array) -> jax.Array:
        y: jax.Array = pool(x, size, **options)
        return y

    return stateless(compute)
