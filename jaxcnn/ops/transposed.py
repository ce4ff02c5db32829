"""Transposed convolutions: the gradient of a convolution in its input, as an op of its own.

The input is spread out (``stride - 1`` zeros between neighbours) by `jax.lax.pad` and then meets
the flipped kernel in an ordinary convolution of stride 1. XLA's own ``lhs_dilation`` gives the
same numbers, but the gradients of a convolution that has it are slow on every platform
(https://github.com/jax-ml/jax/issues/31662), and this way has none, forward or backward.
"""

from collections.abc import Sequence
from typing import Any, Unpack

import jax.numpy as jnp
from jax.typing import DTypeLike
from jaxtyping import Array, Num

from jaxcnn import engine
from jaxcnn.ops import habits
from jaxcnn.ops.argument_types import PADDING_MODES, AnyArray, Padding, PaddingMode, Pairs, Window
from jaxcnn.ops.arguments import Layout, accumulator, as_int, choice, parse_layout, per_axis
from jaxcnn.ops.bias import add_bias, as_bias
from jaxcnn.ops.computation import check_computation
from jaxcnn.ops.convolution import operands
from jaxcnn.ops.convolution_1d_3d import ConvOptions
from jaxcnn.ops.padding import pad_spatial
from jaxcnn.ops.shared_options import options_of
from jaxcnn.ops.window_arguments import dilated, parse_padding


class ConvTransposeOptions(ConvOptions, total=False):
    """The options of `conv_transpose2d`, which documents them, and of its family."""

    output_padding: Window


def conv_transpose2d(
    x: Num[AnyArray, "n h w ci"],
    kernel: Num[AnyArray, "kh kw ci cog"],
    bias: Num[AnyArray, " co"] | None = None,
    *,
    stride: Window = 1,
    padding: Padding = 0,
    output_padding: Window = 0,
    dilation: Window = 1,
    groups: int = 1,
    padding_mode: PaddingMode = "zeros",
    layout: str = "NHWC",
    algorithm: str = "auto",
    precision: Any = None,
    preferred_element_type: DTypeLike | None = None,
) -> Num[Array, "n ho wo co"]:
    r"""2-D transposed convolution: `conv2d`'s gradient in its input, also for upsampling.

    Every input pixel adds a copy of the kernel, weighted by the pixel, to the result:

    .. math:: y_{n,\,i s + a d - p,\,j s + b d - p,\,o} \mathrel{+}= x_{nijc}\; k_{abco}

    with stride :math:`s`, dilation :math:`d` and padding :math:`p`, which crops the result.

    Args:
        x: images in ``layout``, ``"NHWC"`` or ``"NCHW"``.
        kernel: ``(height, width, in_channels, out_channels // groups)``, in every layout.
        bias: one number per output channel.
        stride: distance between the neighbours of ``x`` in the result, in pixels.
        padding: the padding of the convolution that this one transposes, so pixels *cropped*
            from each side of the result: an int, one int per axis, one ``(low, high)`` pair per
            axis, or ``"valid"`` (none), ``"same"`` (the result has input · stride pixels; an
            odd one is cropped from the high side), ``"full"`` (as many as the window has beside
            one pixel: the transpose of a full convolution). A negative number of a pair adds
            pixels, as it crops the input of that convolution.
        output_padding: pixels added to the high side of the result; less than the stride or
            less than the dilation. None beside ``"same"``, which says the size already.
        dilation: distance between neighbouring kernel elements, in pixels.
        groups: the number of groups of channels; group g of the output sees only group g of
            the input.
        padding_mode: what lies outside of ``x`` and still reaches into the result:
            ``"zeros"``, or ``x`` continued by ``"reflect"``, ``"replicate"``, ``"circular"``.
        layout: the axes of ``x`` and of the result.
        algorithm: ``"auto"``, or one of `jaxcnn.engine.ALGORITHMS`.
        precision: as in `jax.lax.conv_general_dilated`.
        preferred_element_type: the dtype of the result. bfloat16 and float16 accumulate in
            float32 and come back in their own dtype where this is left out.

    Returns:
        The result in ``layout``; each spatial axis has ``(size - 1) * stride - low - high +
        (window - 1) * dilation + output_padding + 1`` pixels.

    Raises:
        TypeError: if an operand is not an array, or their dtypes differ, or an option is not
            made of ints.
        ValueError: if a rank, a channel count or an option does not fit, or nothing is left of
            the result.

    ``torch.nn.functional.conv_transpose2d`` knows ints only as padding, and no padding modes
    (docs/decisions/0003-transposed-padding.md); its kernel is ``(in, out // groups, h, w)``.

    >>> x = jnp.array([[1.0, 2.0]]).reshape(1, 1, 2, 1)
    >>> conv_transpose2d(x, jnp.ones((1, 3, 1, 1)), stride=2)[0, 0, :, 0]
    Array([1., 1., 3., 2., 2.], dtype=float32)

    Reference: Dumoulin and Visin, *A guide to convolution arithmetic for deep learning* (2016).
    """
    return _conv_transpose(
        "conv_transpose2d",
        2,
        x,
        kernel,
        bias,
        stride=stride,
        padding=padding,
        output_padding=output_padding,
        dilation=dilation,
        groups=groups,
        padding_mode=padding_mode,
        layout=layout,
        algorithm=algorithm,
        precision=precision,
        preferred_element_type=preferred_element_type,
    )


@options_of(conv_transpose2d, layout="NWC")
def conv_transpose1d(
    x: Num[AnyArray, "n w ci"],
    kernel: Num[AnyArray, "kw ci cog"],
    bias: Num[AnyArray, " co"] | None = None,
    **options: Unpack[ConvTransposeOptions],
) -> Num[Array, "n wo co"]:
    """1-D transposed convolution of a batch of signals; see `conv_transpose2d`.

    Args:
        x: signals in ``layout``, ``"NWC"`` or ``"NCW"``.
        kernel: ``(width, in_channels, out_channels // groups)``.
        bias: one number per output channel.

    Returns:
        The result in ``layout``.

    >>> conv_transpose1d(jnp.ones((1, 2, 1)), jnp.ones((2, 1, 1)), stride=2).shape
    (1, 4, 1)
    """
    return _conv_transpose("conv_transpose1d", 1, x, kernel, bias, **options)


@options_of(conv_transpose2d, layout="NDHWC")
def conv_transpose3d(
    x: Num[AnyArray, "n d h w ci"],
    kernel: Num[AnyArray, "kd kh kw ci cog"],
    bias: Num[AnyArray, " co"] | None = None,
    **options: Unpack[ConvTransposeOptions],
) -> Num[Array, "n do ho wo co"]:
    """3-D transposed convolution of a batch of volumes; see `conv_transpose2d`.

    Args:
        x: volumes in ``layout``, ``"NDHWC"`` or ``"NCDHW"``.
        kernel: ``(depth, height, width, in_channels, out_channels // groups)``.
        bias: one number per output channel.

    Returns:
        The result in ``layout``.

    >>> conv_transpose3d(jnp.ones((1, 2, 2, 2, 1)), jnp.ones((2, 2, 2, 1, 1)), stride=2).shape
    (1, 4, 4, 4, 1)
    """
    return _conv_transpose("conv_transpose3d", 3, x, kernel, bias, **options)


def _conv_transpose(
    op: str,
    rank: int,
    x: Any,
    kernel: Any,
    bias: Any,
    *,
    stride: Any,
    padding: Any,
    output_padding: Any,
    dilation: Any,
    groups: Any,
    padding_mode: str,
    layout: str,
    algorithm: str,
    precision: Any,
    preferred_element_type: Any,
) -> Any:
    axes = parse_layout(op, layout, rank)
    x, kernel = operands(op, x, kernel, axes)
    groups = as_int(op, "groups", groups, minimum=1)
    _check_channels(op, x, kernel, groups, axes)
    if bias is not None:
        bias = as_bias(op, bias, x, kernel.shape[-1] * groups)
    stride = per_axis(op, "stride", stride, rank, minimum=1)
    dilation = per_axis(op, "dilation", dilation, rank, minimum=1)
    choice(op, "padding_mode", padding_mode, PADDING_MODES)
    check_computation(op, algorithm, precision, preferred_element_type, x)
    sizes, span = axes.sizes(x.shape), dilated(kernel.shape[:rank], dilation)
    crops = parse_crops(op, padding, output_padding, sizes, span, stride, dilation)
    if padding_mode != "zeros":
        pairs = reach(crops, span, stride)
        x = pad_spatial(op, x, pairs, mode=padding_mode, layout=axes)
        crops = beyond(crops, pairs, stride)
    borders = tuple(
        (extent - 1 - low, extent - 1 - high)
        for (low, high), extent in zip(crops, span, strict=True)
    )
    wide = accumulator(x.dtype)
    y = engine.convolve(
        op,
        x,
        _flipped(kernel, groups),
        layout=layout,
        algorithm=algorithm,
        window_strides=(1,) * rank,
        padding=borders,
        lhs_dilation=stride,
        rhs_dilation=dilation,
        feature_group_count=groups,
        precision=precision,
        # Without a bias the only rounding of 16-bit sums is the convolution's own. A bias is added
        # before they are rounded. The gradients have 16-bit operands in either case.
        preferred_element_type=preferred_element_type or (wide if bias is not None else None),
        rounded=preferred_element_type is None and bias is not None and wide is not None,
    )
    if bias is not None:
        y = add_bias(y, bias, axes)
    return y.astype(preferred_element_type or x.dtype)


def parse_crops(
    op: str,
    padding: Any,
    output_padding: Any,
    sizes: Sequence[int],
    span: Sequence[int],
    stride: Sequence[int],
    dilation: Sequence[int],
) -> Pairs:
    """How many pixels are cut from each side of the whole result; negative to add pixels."""
    extra = per_axis(op, "output_padding", output_padding, len(sizes), minimum=0)
    for more, step, gap in zip(extra, stride, dilation, strict=True):
        if more >= max(step, gap):
            raise ValueError(
                f"{op}: `output_padding` must be smaller than the stride or the dilation, "
                f"got {more} for stride {step} and dilation {gap}"
            )
    if isinstance(padding, str) and padding == "same":
        if any(extra):
            raise ValueError(f"{op}: `output_padding` must be 0 beside `padding='same'`")
        totals = [extent - step for extent, step in zip(span, stride, strict=True)]
        # Where the stride is larger than the window, the pixels that no window reached follow.
        pairs = tuple((max(t, 0) // 2, t - max(t, 0) // 2) for t in totals)
    else:
        pairs = parse_padding(op, padding, sizes, span, stride, crops=True)
    crops = tuple((low, high - more) for (low, high), more in zip(pairs, extra, strict=True))
    shape = transposed_sizes(sizes, span, stride, crops)
    if min(*sizes, *shape) < 1:
        raise ValueError(
            f"{op}: the result would have shape {shape}: `padding` {padding!r} crops all of it"
        )
    return crops


def transposed_sizes(
    sizes: Sequence[int], span: Sequence[int], stride: Sequence[int], crops: Pairs
) -> tuple[int, ...]:
    """The spatial sizes of the result."""
    return tuple(
        (size - 1) * step + extent - low - high
        for size, step, extent, (low, high) in zip(sizes, stride, span, crops, strict=True)
    )


def _check_channels(op: str, x: Any, kernel: Any, groups: int, axes: Layout) -> None:
    channels = x.shape[axes.channel]
    if kernel.shape[-2] != channels:
        hint = habits.axes_elsewhere(x.shape, kernel.shape, groups, axes.name, transposed=True)
        raise ValueError(
            f"{op}: `kernel` has {kernel.shape[-2]} input channels, but `x` has {channels} "
            f"channels (layout {axes.name}){hint}"
        )
    if channels % groups:
        raise ValueError(f"{op}: `groups` {groups} must divide the {channels} input channels")


def reach(crops: Pairs, span: Sequence[int], stride: Sequence[int]) -> Pairs:
    """How many pixels beyond each end of the input still reach into the cropped result."""
    return tuple(
        (max((extent - 1 - low) // step, 0), max((extent - 1 - high) // step, 0))
        for (low, high), extent, step in zip(crops, span, stride, strict=True)
    )


def beyond(crops: Pairs, pairs: Pairs, stride: Sequence[int]) -> Pairs:
    """The crops once the input has been continued: what the new pixels start is cut too."""
    return tuple(
        (low + before * step, high + after * step)
        for (low, high), (before, after), step in zip(crops, pairs, stride, strict=True)
    )


def _flipped(kernel: Any, groups: int) -> Any:
    """The kernel of the convolution: windows turned round, groups moved to the outputs."""
    *window, into, out = kernel.shape
    rank = len(window)
    grouped = jnp.flip(kernel, range(rank)).reshape(*window, groups, into // groups, out)
    return jnp.swapaxes(grouped, rank, rank + 1).reshape(*window, into // groups, groups * out)
