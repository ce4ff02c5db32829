"""Transposed convolutions with kernels to learn, in one, two and three dimensions."""

from collections.abc import Callable
from typing import Any

import jax

from jaxcnn import ops
from jaxcnn.layers.initialization import Drawn, draw_convolution
from jaxcnn.layers.layer import Layer, Params, described, stateless
from jaxcnn.ops.arguments import Padding, PaddingMode, Window, as_int, parse_layout, per_axis


@described
def ConvTranspose1d(
    out_channels: int,
    window: Window,
    *,
    stride: Window = 1,
    padding: Padding = 0,
    output_padding: Window = 0,
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
    """A transposed convolution over signals; its options are those of `conv_transpose1d`.

    Args:
        out_channels: the number of output channels.
        window: the elements of a kernel.
        stride: as in `jaxcnn.conv_transpose1d`.
        padding: as in `jaxcnn.conv_transpose1d`.
        output_padding: as in `jaxcnn.conv_transpose1d`.
        dilation: as in `jaxcnn.conv_transpose1d`.
        groups: as in `jaxcnn.conv_transpose1d`.
        padding_mode: as in `jaxcnn.conv_transpose1d`.
        layout: ``"NWC"`` or ``"NCW"``.
        bias: whether to add one number per output channel.
        algorithm: as in `jaxcnn.conv_transpose1d`.
        precision: as in `jaxcnn.conv_transpose1d`.
        kernel_init: as in `Conv2d`.
        bias_init: as in `Conv2d`.

    Returns:
        A layer with parameters ``kernel`` ``(width, in, out // groups)`` and ``bias``
        ``(out,)``.

    Raises:
        TypeError: as `Conv2d`.
        ValueError: as `Conv2d`.

    >>> params, _ = ConvTranspose1d(8, 4, stride=2).init(jax.random.key(0), (1, 7, 5))
    >>> params["kernel"].shape
    (4, 5, 8)
    """
    options = {
        "stride": stride,
        "padding": padding,
        "output_padding": output_padding,
        "dilation": dilation,
        "groups": groups,
        "padding_mode": padding_mode,
        "layout": layout,
        "algorithm": algorithm,
        "precision": precision,
    }
    learned = bias, kernel_init, bias_init
    return _conv_transpose(
        "ConvTranspose1d", ops.conv_transpose1d, 1, out_channels, window, *learned, options
    )


@described
def ConvTranspose2d(
    out_channels: int,
    window: Window,
    *,
    stride: Window = 1,
    padding: Padding = 0,
    output_padding: Window = 0,
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
    """A transposed convolution over images; its options are those of `conv_transpose2d`.

    Args:
        out_channels: the number of output channels.
        window: height and width of a kernel, in pixels; an int for a square.
        stride: as in `jaxcnn.conv_transpose2d`.
        padding: as in `jaxcnn.conv_transpose2d`.
        output_padding: as in `jaxcnn.conv_transpose2d`.
        dilation: as in `jaxcnn.conv_transpose2d`.
        groups: as in `jaxcnn.conv_transpose2d`.
        padding_mode: as in `jaxcnn.conv_transpose2d`.
        layout: ``"NHWC"`` or ``"NCHW"``.
        bias: whether to add one number per output channel.
        algorithm: as in `jaxcnn.conv_transpose2d`.
        precision: as in `jaxcnn.conv_transpose2d`.
        kernel_init: as in `Conv2d`.
        bias_init: as in `Conv2d`.

    Returns:
        A layer with parameters ``kernel`` ``(kh, kw, in, out // groups)`` and ``bias``
        ``(out,)``.

    Raises:
        TypeError: as `Conv2d`.
        ValueError: as `Conv2d`.

    >>> params, _ = ConvTranspose2d(8, 4, stride=2).init(jax.random.key(0), (1, 7, 7, 5))
    >>> params["kernel"].shape
    (4, 4, 5, 8)
    """
    options = {
        "stride": stride,
        "padding": padding,
        "output_padding": output_padding,
        "dilation": dilation,
        "groups": groups,
        "padding_mode": padding_mode,
        "layout": layout,
        "algorithm": algorithm,
        "precision": precision,
    }
    learned = bias, kernel_init, bias_init
    return _conv_transpose(
        "ConvTranspose2d", ops.conv_transpose2d, 2, out_channels, window, *learned, options
    )


@described
def ConvTranspose3d(
    out_channels: int,
    window: Window,
    *,
    stride: Window = 1,
    padding: Padding = 0,
    output_padding: Window = 0,
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
    """A transposed convolution over volumes; its options are those of `conv_transpose3d`.

    Args:
        out_channels: the number of output channels.
        window: depth, height and width of a kernel; an int for a cube.
        stride: as in `jaxcnn.conv_transpose3d`.
        padding: as in `jaxcnn.conv_transpose3d`.
        output_padding: as in `jaxcnn.conv_transpose3d`.
        dilation: as in `jaxcnn.conv_transpose3d`.
        groups: as in `jaxcnn.conv_transpose3d`.
        padding_mode: as in `jaxcnn.conv_transpose3d`.
        layout: ``"NDHWC"`` or ``"NCDHW"``.
        bias: whether to add one number per output channel.
        algorithm: as in `jaxcnn.conv_transpose3d`.
        precision: as in `jaxcnn.conv_transpose3d`.
        kernel_init: as in `Conv2d`.
        bias_init: as in `Conv2d`.

    Returns:
        A layer with parameters ``kernel`` ``(kd, kh, kw, in, out // groups)`` and ``bias``
        ``(out,)``.

    Raises:
        TypeError: as `Conv2d`.
        ValueError: as `Conv2d`.

    >>> params, _ = ConvTranspose3d(8, 4, stride=2).init(jax.random.key(0), (1, 4, 4, 4, 5))
    >>> params["kernel"].shape
    (4, 4, 4, 5, 8)
    """
    options = {
        "stride": stride,
        "padding": padding,
        "output_padding": output_padding,
        "dilation": dilation,
        "groups": groups,
        "padding_mode": padding_mode,
        "layout": layout,
        "algorithm": algorithm,
        "precision": precision,
    }
    learned = bias, kernel_init, bias_init
    return _conv_transpose(
        "ConvTranspose3d", ops.conv_transpose3d, 3, out_channels, window, *learned, options
    )


def _conv_transpose(
    op: str,
    conv_transpose: Callable[..., jax.Array],
    rank: int,
    out_channels: int,
    window: Window,
    bias: bool,
    kernel_init: Drawn,
    bias_init: Drawn,
    options: dict[str, Any],
) -> Layer:
    """A transposed convolution over ``rank`` spatial axes."""
    out_channels = as_int(op, "out_channels", out_channels, minimum=1)
    size = per_axis(op, "window", window, rank, minimum=1)
    groups = as_int(op, "groups", options["groups"], minimum=1)
    if out_channels % groups:
        raise ValueError(f"{op}: `groups` {groups} must divide the {out_channels} output channels")
    axes = parse_layout(op, options["layout"], rank)

    def shape(channels: int) -> tuple[int, ...]:
        if channels % groups:
            raise ValueError(f"{op}: `groups` {groups} must divide the {channels} input channels")
        return (*size, channels, out_channels // groups)

    draw = draw_convolution(
        op, axes, shape, bias, kernel_init, bias_init, transposed_to=out_channels
    )

    def compute(params: Params, x: jax.Array) -> jax.Array:
        return conv_transpose(x, params["kernel"], params.get("bias"), **options)

    return stateless(compute, draw)
