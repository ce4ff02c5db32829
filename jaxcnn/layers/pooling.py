"""Pools over windows, in one, two and three dimensions."""

from collections.abc import Callable
from typing import Any

import jax

from jaxcnn import ops
from jaxcnn.layers.layer import Layer, described, stateless
from jaxcnn.ops.arguments import Padding, PaddingMode, Window, per_axis


@described
def MaxPool1d(
    window: Window,
    *,
    stride: Window | None = None,
    padding: Padding = 0,
    dilation: Window = 1,
    ceil_mode: bool = False,
    padding_mode: PaddingMode = "zeros",
    layout: str = "NWC",
) -> Layer:
    """Max pooling over signals; the options are those of `jaxcnn.max_pool1d`.

    Args:
        window: the elements of a window.
        stride: distance between windows; the window's size where it is left out.
        padding: as in `jaxcnn.max_pool1d`.
        dilation: as in `jaxcnn.max_pool1d`.
        ceil_mode: as in `jaxcnn.max_pool1d`.
        padding_mode: as in `jaxcnn.max_pool1d`.
        layout: ``"NWC"`` or ``"NCW"``.

    Returns:
        A layer without parameters or state.

    Raises:
        TypeError: if ``window`` is not made of ints.
        ValueError: if ``window`` is not positive.

    >>> MaxPool1d(2).apply({}, {}, jnp.ones((2, 8, 3)))[0].shape
    (2, 4, 3)
    """
    options = {
        "stride": stride,
        "padding": padding,
        "dilation": dilation,
        "ceil_mode": ceil_mode,
        "padding_mode": padding_mode,
        "layout": layout,
    }
    return _pool("MaxPool1d", ops.max_pool1d, 1, window, options)


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
    """Max pooling over images; the options are those of `jaxcnn.max_pool2d`.

    Args:
        window: height and width, in pixels; an int for a square.
        stride: distance between windows; the window's size where it is left out.
        padding: as in `jaxcnn.max_pool2d`.
        dilation: as in `jaxcnn.max_pool2d`.
        ceil_mode: as in `jaxcnn.max_pool2d`.
        padding_mode: as in `jaxcnn.max_pool2d`.
        layout: ``"NHWC"`` or ``"NCHW"``.

    Returns:
        A layer without parameters or state.

    Raises:
        TypeError: if ``window`` is not made of ints.
        ValueError: if ``window`` is not positive.

    >>> MaxPool2d(2).apply({}, {}, jnp.ones((2, 8, 8, 3)))[0].shape
    (2, 4, 4, 3)
    """
    options = {
        "stride": stride,
        "padding": padding,
        "dilation": dilation,
        "ceil_mode": ceil_mode,
        "padding_mode": padding_mode,
        "layout": layout,
    }
    return _pool("MaxPool2d", ops.max_pool2d, 2, window, options)


@described
def MaxPool3d(
    window: Window,
    *,
    stride: Window | None = None,
    padding: Padding = 0,
    dilation: Window = 1,
    ceil_mode: bool = False,
    padding_mode: PaddingMode = "zeros",
    layout: str = "NDHWC",
) -> Layer:
    """Max pooling over volumes; the options are those of `jaxcnn.max_pool3d`.

    Args:
        window: depth, height and width; an int for a cube.
        stride: distance between windows; the window's size where it is left out.
        padding: as in `jaxcnn.max_pool3d`.
        dilation: as in `jaxcnn.max_pool3d`.
        ceil_mode: as in `jaxcnn.max_pool3d`.
        padding_mode: as in `jaxcnn.max_pool3d`.
        layout: ``"NDHWC"`` or ``"NCDHW"``.

    Returns:
        A layer without parameters or state.

    Raises:
        TypeError: if ``window`` is not made of ints.
        ValueError: if ``window`` is not positive.

    >>> MaxPool3d(2).apply({}, {}, jnp.ones((2, 8, 8, 8, 3)))[0].shape
    (2, 4, 4, 4, 3)
    """
    options = {
        "stride": stride,
        "padding": padding,
        "dilation": dilation,
        "ceil_mode": ceil_mode,
        "padding_mode": padding_mode,
        "layout": layout,
    }
    return _pool("MaxPool3d", ops.max_pool3d, 3, window, options)


@described
def AvgPool1d(
    window: Window,
    *,
    stride: Window | None = None,
    padding: Padding = 0,
    ceil_mode: bool = False,
    count_include_pad: bool = True,
    divisor_override: int | None = None,
    padding_mode: PaddingMode = "zeros",
    layout: str = "NWC",
) -> Layer:
    """Average pooling over signals; the options are those of `jaxcnn.avg_pool1d`.

    Args:
        window: the elements of a window.
        stride: distance between windows; the window's size where it is left out.
        padding: as in `jaxcnn.avg_pool1d`.
        ceil_mode: as in `jaxcnn.avg_pool1d`.
        count_include_pad: as in `jaxcnn.avg_pool1d`.
        divisor_override: as in `jaxcnn.avg_pool1d`.
        padding_mode: as in `jaxcnn.avg_pool1d`.
        layout: ``"NWC"`` or ``"NCW"``.

    Returns:
        A layer without parameters or state.

    Raises:
        TypeError: if ``window`` is not made of ints.
        ValueError: if ``window`` is not positive.

    >>> AvgPool1d(2).apply({}, {}, jnp.ones((2, 8, 3)))[0].shape
    (2, 4, 3)
    """
    options = {
        "stride": stride,
        "padding": padding,
        "ceil_mode": ceil_mode,
        "count_include_pad": count_include_pad,
        "divisor_override": divisor_override,
        "padding_mode": padding_mode,
        "layout": layout,
    }
    return _pool("AvgPool1d", ops.avg_pool1d, 1, window, options)


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
    """Average pooling over images; the options are those of `jaxcnn.avg_pool2d`.

    Args:
        window: height and width, in pixels; an int for a square.
        stride: distance between windows; the window's size where it is left out.
        padding: as in `jaxcnn.avg_pool2d`.
        ceil_mode: as in `jaxcnn.avg_pool2d`.
        count_include_pad: as in `jaxcnn.avg_pool2d`.
        divisor_override: as in `jaxcnn.avg_pool2d`.
        padding_mode: as in `jaxcnn.avg_pool2d`.
        layout: ``"NHWC"`` or ``"NCHW"``.

    Returns:
        A layer without parameters or state.

    Raises:
        TypeError: if ``window`` is not made of ints.
        ValueError: if ``window`` is not positive.

    >>> AvgPool2d(2).apply({}, {}, jnp.ones((2, 8, 8, 3)))[0].shape
    (2, 4, 4, 3)
    """
    options = {
        "stride": stride,
        "padding": padding,
        "ceil_mode": ceil_mode,
        "count_include_pad": count_include_pad,
        "divisor_override": divisor_override,
        "padding_mode": padding_mode,
        "layout": layout,
    }
    return _pool("AvgPool2d", ops.avg_pool2d, 2, window, options)


@described
def AvgPool3d(
    window: Window,
    *,
    stride: Window | None = None,
    padding: Padding = 0,
    ceil_mode: bool = False,
    count_include_pad: bool = True,
    divisor_override: int | None = None,
    padding_mode: PaddingMode = "zeros",
    layout: str = "NDHWC",
) -> Layer:
    """Average pooling over volumes; the options are those of `jaxcnn.avg_pool3d`.

    Args:
        window: depth, height and width; an int for a cube.
        stride: distance between windows; the window's size where it is left out.
        padding: as in `jaxcnn.avg_pool3d`.
        ceil_mode: as in `jaxcnn.avg_pool3d`.
        count_include_pad: as in `jaxcnn.avg_pool3d`.
        divisor_override: as in `jaxcnn.avg_pool3d`.
        padding_mode: as in `jaxcnn.avg_pool3d`.
        layout: ``"NDHWC"`` or ``"NCDHW"``.

    Returns:
        A layer without parameters or state.

    Raises:
        TypeError: if ``window`` is not made of ints.
        ValueError: if ``window`` is not positive.

    >>> AvgPool3d(2).apply({}, {}, jnp.ones((2, 8, 8, 8, 3)))[0].shape
    (2, 4, 4, 4, 3)
    """
    options = {
        "stride": stride,
        "padding": padding,
        "ceil_mode": ceil_mode,
        "count_include_pad": count_include_pad,
        "divisor_override": divisor_override,
        "padding_mode": padding_mode,
        "layout": layout,
    }
    return _pool("AvgPool3d", ops.avg_pool3d, 3, window, options)


@described
def LpPool2d(
    window: Window,
    *,
    p: float = 2.0,
    stride: Window | None = None,
    ceil_mode: bool = False,
    layout: str = "NHWC",
) -> Layer:
    """Power-average pooling over images; the options are those of `jaxcnn.lp_pool2d`.

    Args:
        window: height and width, in pixels; an int for a square.
        p: the power; 1 is the sum, 2 the root of the sum of squares.
        stride: distance between windows; the window's size where it is left out.
        ceil_mode: as in `jaxcnn.lp_pool2d`.
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
    return _pool("LpPool2d", ops.lp_pool2d, 2, window, options)


def _pool(
    op: str, pool: Callable[..., Any], rank: int, window: Window, options: dict[str, Any]
) -> Layer:
    """A pool over ``rank`` spatial axes."""
    size = per_axis(op, "window", window, rank, minimum=1)

    def compute(params: object, x: jax.Array) -> jax.Array:
        y: jax.Array = pool(x, size, **options)
        return y

    return stateless(compute)
