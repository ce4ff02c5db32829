"""Convolution layers for signals, images and volumes, whose kernels are learned."""

from collections.abc import Callable
from typing import Any, TypedDict, Unpack

import jax

from jaxcnn import ops
from jaxcnn.layers.initialization import ParameterInit, draw_convolution
from jaxcnn.layers.layer import Layer, Params, described, stateless
from jaxcnn.ops.argument_types import Padding, PaddingMode, Window
from jaxcnn.ops.arguments import as_int, parse_layout, per_axis
from jaxcnn.ops.shared_options import options_of


class UngroupedConvOptions(TypedDict, total=False):
    """The options of `Conv2d`, which documents them, without ``groups``."""

    stride: Window
    padding: Padding
    dilation: Window
    padding_mode: PaddingMode
    layout: str
    bias: bool
    algorithm: str
    precision: Any
    kernel_init: ParameterInit
    bias_init: ParameterInit


class ConvLayerOptions(UngroupedConvOptions, total=False):
    """The options of `Conv2d`, which documents them, and of `Conv1d` and `Conv3d`."""

    groups: int


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
    kernel_init: ParameterInit = "glorot_uniform",
    bias_init: ParameterInit = "zeros",
) -> Layer:
    """A layer that convolves images with learned kernels, as `jaxcnn.conv2d` does.

    Args:
        out_channels: the number of kernels.
        window: height and width of a kernel, in pixels; an int for a square.
        stride: distance between neighbouring windows, in pixels: an int, or one per axis.
        padding: pixels added on each side: an int, one int per axis, one ``(low, high)`` pair
            per axis, ``"valid"``, ``"same"`` or ``"full"``, as `jaxcnn.conv2d` explains.
        dilation: distance between neighbouring kernel elements, in pixels.
        groups: the number of groups of channels; a group of output channels reads only the
            input channels of the same group.
        padding_mode: ``"zeros"``, ``"reflect"``, ``"replicate"`` or ``"circular"``.
        layout: the axes of the input and of the output.
        bias: whether to add one learned number per output channel.
        algorithm: ``"auto"``, or one of `jaxcnn.engine.ALGORITHMS`.
        precision: as in `jax.lax.conv_general_dilated`.
        kernel_init: draws the kernel: an initializer of `jax.nn.initializers`, a name
            (``"glorot_uniform"``, ``"he_normal"``, ``"lecun_normal"``, ``"torch"`` for
            PyTorch's default, ``"dirac"`` for the identity), or the kernel itself as an array.
        bias_init: draws the bias: an initializer, ``"zeros"``, ``"torch"`` or an array.

    Returns:
        A layer with parameters ``kernel`` ``(kh, kw, in // groups, out)`` and ``bias`` ``(out,)``.
        Its input is ``"NHWC"`` or ``"NCHW"``.

    Raises:
        TypeError: if a size is not an int.
        ValueError: if a size is not positive, an initializer's name is not known, or ``groups``
            does not divide the channels; when it draws, if an array does not fit.

    >>> params, _ = Conv2d(6, 5, padding=2).init(jax.random.key(0), (1, 28, 28, 1))
    >>> params["kernel"].shape, params["bias"].shape
    ((5, 5, 1, 6), (6,))
    """
    return convolution_layer(
        "Conv2d",
        ops.conv2d,
        2,
        out_channels,
        window,
        stride=stride,
        padding=padding,
        dilation=dilation,
        groups=groups,
        padding_mode=padding_mode,
        layout=layout,
        bias=bias,
        algorithm=algorithm,
        precision=precision,
        kernel_init=kernel_init,
        bias_init=bias_init,
    )


@described
@options_of(Conv2d, layout="NWC")
def Conv1d(out_channels: int, window: Window, **options: Unpack[ConvLayerOptions]) -> Layer:
    """A layer that convolves signals with learned kernels, as `jaxcnn.conv1d` does.

    Args:
        out_channels: the number of kernels.
        window: the number of elements of a kernel.

    Returns:
        A layer with parameters ``kernel`` ``(width, in // groups, out)`` and ``bias`` ``(out,)``.
        Its input is ``"NWC"`` or ``"NCW"``.

    >>> params, _ = Conv1d(6, 5, padding=2).init(jax.random.key(0), (1, 28, 3))
    >>> params["kernel"].shape, params["bias"].shape
    ((5, 3, 6), (6,))
    """
    return convolution_layer("Conv1d", ops.conv1d, 1, out_channels, window, **options)


@described
@options_of(Conv2d, layout="NDHWC")
def Conv3d(out_channels: int, window: Window, **options: Unpack[ConvLayerOptions]) -> Layer:
    """A layer that convolves volumes with learned kernels, as `jaxcnn.conv3d` does.

    Args:
        out_channels: the number of kernels.
        window: depth, height and width of a kernel; an int for a cube.

    Returns:
        A layer with parameters ``kernel`` ``(kd, kh, kw, in // groups, out)`` and ``bias``
        ``(out,)``. Its input is ``"NDHWC"`` or ``"NCDHW"``.

    >>> params, _ = Conv3d(6, 3).init(jax.random.key(0), (1, 8, 8, 8, 2))
    >>> params["kernel"].shape
    (3, 3, 3, 2, 6)
    """
    return convolution_layer("Conv3d", ops.conv3d, 3, out_channels, window, **options)


def convolution_layer(
    op: str,
    convolve: Callable[..., jax.Array],
    rank: int,
    out_channels: int,
    window: Window,
    *,
    transposed: bool = False,
    bias: bool,
    kernel_init: ParameterInit,
    bias_init: ParameterInit,
    **options: Any,
) -> Layer:
    """A layer that convolves over ``rank`` spatial axes with a learned kernel and bias.

    Args:
        op: the layer's constructor, for messages.
        convolve: the function that computes the output, such as `jaxcnn.conv2d`.
        rank: the number of spatial axes.
        out_channels: the number of output channels.
        window: the size of a kernel.
        transposed: whether the kernel's last two axes are those of a transposed convolution,
            ``(in, out // groups)``.
        bias: whether to add one learned number per output channel.
        kernel_init: draws the kernel.
        bias_init: draws the bias.
        **options: the options that ``convolve`` gets, ``groups`` and ``layout`` among them.
    """
    out_channels = as_int(op, "out_channels", out_channels, minimum=1)
    size = per_axis(op, "window", window, rank, minimum=1)
    groups = as_int(op, "groups", options["groups"], minimum=1)
    if out_channels % groups:
        raise ValueError(f"{op}: `groups` {groups} must divide the {out_channels} output channels")
    axes = parse_layout(op, options["layout"], rank)

    def shape(channels: int) -> tuple[int, ...]:
        if channels % groups:
            raise ValueError(f"{op}: `groups` {groups} must divide the {channels} input channels")
        if transposed:
            return (*size, channels, out_channels // groups)
        return (*size, channels // groups, out_channels)

    transposed_to = out_channels if transposed else None
    learned = bias, kernel_init, bias_init
    draw = draw_convolution(op, axes, shape, *learned, transposed_to=transposed_to)

    def compute(params: Params, x: jax.Array) -> jax.Array:
        return convolve(x, params["kernel"], params.get("bias"), **options)

    return stateless(compute, draw)
