"""Convolutions with kernels to learn, in one, two and three dimensions."""

from collections.abc import Callable
from typing import Any

import jax

from jaxcnn import ops
from jaxcnn.layers.initialization import Drawn, draw_convolution
from jaxcnn.layers.layer import Layer, Params, described, stateless
from jaxcnn.ops.arguments import (
    Padding,
    PaddingMode,
    Window,
    as_int,
    parse_layout,
    per_axis,
)


@described
def Conv1d(
    out_channels: int,
    window: Window,
    *,
    stride: Window = 1,
    padding: Padding = 0,
    dilation: Window = 1,
    groups: int = 1,
    padding_mode: PaddingMode = "zeros",
    layout: str = "NWC",
    bias: bool = True,
    algorithm: str = "auto",
    precision: Any = None,
    kernel_init: Drawn = "glorot_uniform",
    bias_init: Drawn = "zeros",
) -> Layer:
    """A convolution layer over signals; its options are those of `jaxcnn.conv1d`.

    Args:
        out_channels: the number of kernels.
        window: the elements of a kernel.
        stride: as in `jaxcnn.conv1d`.
        padding: as in `jaxcnn.conv1d`.
        dilation: as in `jaxcnn.conv1d`.
        groups: as in `jaxcnn.conv1d`.
        padding_mode: as in `jaxcnn.conv1d`.
        layout: ``"NWC"`` or ``"NCW"``.
        bias: whether to add one number per output channel.
        algorithm: as in `jaxcnn.conv1d`.
        precision: as in `jaxcnn.conv1d`.
        kernel_init: as in `Conv2d`.
        bias_init: as in `Conv2d`.

    Returns:
        A layer with parameters ``kernel`` ``(width, in // groups, out)`` and ``bias`` ``(out,)``.

    Raises:
        TypeError: as `Conv2d`.
        ValueError: as `Conv2d`.

    >>> params, _ = Conv1d(6, 5, padding=2).init(jax.random.key(0), (1, 28, 3))
    >>> params["kernel"].shape, params["bias"].shape
    ((5, 3, 6), (6,))
    """
    options = {
        "stride": stride,
        "padding": padding,
        "dilation": dilation,
        "groups": groups,
        "padding_mode": padding_mode,
        "layout": layout,
        "algorithm": algorithm,
        "precision": precision,
    }
    return _conv(
        "Conv1d", ops.conv1d, 1, out_channels, window, bias, kernel_init, bias_init, options
    )


@described
def Conv2d(
    out_channels: int,
    window: Window,
    *,
    stride: Window = 1,
    padding: Padding = 0,
    dilation: Window = 1,
    groups: int = 1,
    padding_mode: PaddingMode = "zeros",
    layout: str = "NHWC",
    bias: bool = True,
    algorithm: str = "auto",
    precision: Any = None,
    kernel_init: Drawn = "glorot_uniform",
    bias_init: Drawn = "zeros",
) -> Layer:
    """A convolution layer over images; its options are those of `jaxcnn.conv2d`.

    Args:
        out_channels: the number of kernels.
        window: height and width of a kernel, in pixels; an int for a square.
        stride: as in `jaxcnn.conv2d`.
        padding: as in `jaxcnn.conv2d`.
        dilation: as in `jaxcnn.conv2d`.
        groups: as in `jaxcnn.conv2d`.
        padding_mode: as in `jaxcnn.conv2d`.
        layout: ``"NHWC"`` or ``"NCHW"``.
        bias: whether to add one number per output channel.
        algorithm: as in `jaxcnn.conv2d`.
        precision: as in `jaxcnn.conv2d`.
        kernel_init: draws the kernel: an initializer of `jax.nn.initializers`, a name
            (``"glorot_uniform"``, ``"he_normal"``, ``"lecun_normal"``, ``"torch"`` for what
            PyTorch draws, ``"dirac"`` for the identity), or the kernel itself as an array.
        bias_init: draws the bias: an initializer, ``"zeros"``, ``"torch"`` or an array.

    Returns:
        A layer with parameters ``kernel`` ``(kh, kw, in // groups, out)`` and ``bias`` ``(out,)``.

    Raises:
        TypeError: if a size is not an int.
        ValueError: if a size is not positive, an initializer's name is not known, or ``groups``
            does not divide the channels; when it draws, if an array does not fit.

    >>> params, _ = Conv2d(6, 5, padding=2).init(jax.random.key(0), (1, 28, 28, 1))
    >>> params["kernel"].shape, params["bias"].shape
    ((5, 5, 1, 6), (6,))
    """
    options = {
        "stride": stride,
        "padding": padding,
        "dilation": dilation,
        "groups": groups,
        "padding_mode": padding_mode,
        "layout": layout,
        "algorithm": algorithm,
        "precision": precision,
    }
    return _conv(
        "Conv2d", ops.conv2d, 2, out_channels, window, bias, kernel_init, bias_init, options
    )


@described
def Conv3d(
    out_channels: int,
    window: Window,
    *,
    stride: Window = 1,
    padding: Padding = 0,
    dilation: Window = 1,
    groups: int = 1,
    padding_mode: PaddingMode = "zeros",
    layout: str = "NDHWC",
    bias: bool = True,
    algorithm: str = "auto",
    precision: Any = None,
    kernel_init: Drawn = "glorot_uniform",
    bias_init: Drawn = "zeros",
) -> Layer:
    """A convolution layer over volumes; its options are those of `jaxcnn.conv3d`.

    Args:
        out_channels: the number of kernels.
        window: depth, height and width of a kernel; an int for a cube.
        stride: as in `jaxcnn.conv3d`.
        padding: as in `jaxcnn.conv3d`.
        dilation: as in `jaxcnn.conv3d`.
        groups: as in `jaxcnn.conv3d`.
        padding_mode: as in `jaxcnn.conv3d`.
        layout: ``"NDHWC"`` or ``"NCDHW"``.
        bias: whether to add one number per output channel.
        algorithm: as in `jaxcnn.conv3d`.
        precision: as in `jaxcnn.conv3d`.
        kernel_init: as in `Conv2d`.
        bias_init: as in `Conv2d`.

    Returns:
        A layer with parameters ``kernel`` ``(kd, kh, kw, in // groups, out)`` and ``bias``
        ``(out,)``.

    Raises:
        TypeError: as `Conv2d`.
        ValueError: as `Conv2d`.

    >>> params, _ = Conv3d(6, 3).init(jax.random.key(0), (1, 8, 8, 8, 2))
    >>> params["kernel"].shape
    (3, 3, 3, 2, 6)
    """
    options = {
        "stride": stride,
        "padding": padding,
        "dilation": dilation,
        "groups": groups,
        "padding_mode": padding_mode,
        "layout": layout,
        "algorithm": algorithm,
        "precision": precision,
    }
    return _conv(
        "Conv3d", ops.conv3d, 3, out_channels, window, bias, kernel_init, bias_init, options
    )


def _conv(
    op: str,
    conv: Callable[..., jax.Array],
    rank: int,
    out_channels: int,
    window: Window,
    bias: bool,
    kernel_init: Drawn,
    bias_init: Drawn,
    options: dict[str, Any],
) -> Layer:
    """A convolution over ``rank`` spatial axes."""
    out_channels = as_int(op, "out_channels", out_channels, minimum=1)
    size = per_axis(op, "window", window, rank, minimum=1)
    groups = as_int(op, "groups", options["groups"], minimum=1)
    if out_channels % groups:
        raise ValueError(f"{op}: `groups` {groups} must divide the {out_channels} output channels")
    axes = parse_layout(op, options["layout"], rank)

    def shape(channels: int) -> tuple[int, ...]:
        if channels % groups:
            raise ValueError(f"{op}: `groups` {groups} must divide the {channels} input channels")
        return (*size, channels // groups, out_channels)

    draw = draw_convolution(op, axes, shape, bias, kernel_init, bias_init)

    def compute(params: Params, x: jax.Array) -> jax.Array:
        return conv(x, params["kernel"], params.get("bias"), **options)

    return stateless(compute, draw)
