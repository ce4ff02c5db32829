"""Transposed convolution layers for signals, images and volumes, whose kernels are learned."""

from typing import Any, Unpack

from jaxcnn import ops
from jaxcnn.layers.convolution import ConvLayerOptions, convolution_layer
from jaxcnn.layers.initialization import ParameterInit
from jaxcnn.layers.layer import Layer, described
from jaxcnn.ops.argument_types import Padding, PaddingMode, Window
from jaxcnn.ops.shared_options import options_of


class ConvTransposeLayerOptions(ConvLayerOptions, total=False):
    """The options of `ConvTranspose2d`, which documents them, and of its 1-D and 3-D versions."""

    output_padding: Window


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
    kernel_init: ParameterInit = "glorot_uniform",
    bias_init: ParameterInit = "zeros",
) -> Layer:
    """A layer that computes a learned transposed convolution of images; see `conv_transpose2d`.

    Args:
        out_channels: the number of output channels.
        window: height and width of a kernel, in pixels; an int for a square.
        stride: distance in the output between neighbours of the input, in pixels: an int, or one
            per axis.
        padding: pixels cut from each side of the output: an int, one int per axis, one
            ``(low, high)`` pair per axis, or a name, as `jaxcnn.conv_transpose2d` explains.
        output_padding: pixels added at the end of each axis of the output.
        dilation: distance between neighbouring kernel elements, in pixels.
        groups: the number of groups of channels; a group of output channels reads only the
            input channels of the same group.
        padding_mode: as in `jaxcnn.conv_transpose2d`.
        layout: the axes of the input and of the output.
        bias: whether to add one learned number per output channel.
        algorithm: ``"auto"``, or one of `jaxcnn.engine.ALGORITHMS`.
        precision: as in `jax.lax.conv_general_dilated`.
        kernel_init: draws the kernel, as in `Conv2d`.
        bias_init: draws the bias, as in `Conv2d`.

    Returns:
        A layer with parameters ``kernel`` ``(kh, kw, in, out // groups)`` and ``bias``
        ``(out,)``. Its input is ``"NHWC"`` or ``"NCHW"``.

    Raises:
        TypeError: if a size is not an int.
        ValueError: if a size is not positive, an initializer's name is not known, or ``groups``
            does not divide the channels; when it draws, if an array does not fit.

    >>> params, _ = ConvTranspose2d(8, 4, stride=2).init(jax.random.key(0), (1, 7, 7, 5))
    >>> params["kernel"].shape
    (4, 4, 5, 8)
    """
    return convolution_layer(
        "ConvTranspose2d",
        ops.conv_transpose2d,
        2,
        out_channels,
        window,
        transposed=True,
        stride=stride,
        padding=padding,
        output_padding=output_padding,
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
@options_of(ConvTranspose2d, layout="NWC")
def ConvTranspose1d(
    out_channels: int, window: Window, **options: Unpack[ConvTransposeLayerOptions]
) -> Layer:
    """A layer that computes a learned transposed convolution of signals; see `conv_transpose1d`.

    Args:
        out_channels: the number of output channels.
        window: the number of elements of a kernel.

    Returns:
        A layer with parameters ``kernel`` ``(width, in, out // groups)`` and ``bias``
        ``(out,)``. Its input is ``"NWC"`` or ``"NCW"``.

    >>> params, _ = ConvTranspose1d(8, 4, stride=2).init(jax.random.key(0), (1, 7, 5))
    >>> params["kernel"].shape
    (4, 5, 8)
    """
    op, convolve = "ConvTranspose1d", ops.conv_transpose1d
    return convolution_layer(op, convolve, 1, out_channels, window, transposed=True, **options)


@described
@options_of(ConvTranspose2d, layout="NDHWC")
def ConvTranspose3d(
    out_channels: int, window: Window, **options: Unpack[ConvTransposeLayerOptions]
) -> Layer:
    """A layer that computes a learned transposed convolution of volumes; see `conv_transpose3d`.

    Args:
        out_channels: the number of output channels.
        window: depth, height and width of a kernel; an int for a cube.

    Returns:
        A layer with parameters ``kernel`` ``(kd, kh, kw, in, out // groups)`` and ``bias``
        ``(out,)``. Its input is ``"NDHWC"`` or ``"NCDHW"``.

    >>> params, _ = ConvTranspose3d(8, 4, stride=2).init(jax.random.key(0), (1, 4, 4, 4, 5))
    >>> params["kernel"].shape
    (4, 4, 4, 5, 8)
    """
    op, convolve = "ConvTranspose3d", ops.conv_transpose3d
    return convolution_layer(op, convolve, 3, out_channels, window, transposed=True, **options)
