"""Convolution as networks use it (cross-correlation): `conv2d`, and its steps for any rank.

It means what ``torch.nn.functional`` means. The order of the axes is JAX's: channels last by
default, kernels spatial-first. Options are given by keyword only.
"""

from collections.abc import Sequence
from typing import Any

from jax.typing import DTypeLike
from jaxtyping import Array, Num

from jaxcnn import engine
from jaxcnn.ops import habits
from jaxcnn.ops.argument_types import PADDING_MODES, AnyArray, Padding, PaddingMode, Pairs, Window
from jaxcnn.ops.arguments import (
    Layout,
    accumulator,
    as_array,
    as_int,
    check_kernel,
    choice,
    images,
    parse_layout,
    per_axis,
)
from jaxcnn.ops.bias import add_bias, as_bias
from jaxcnn.ops.computation import check_computation
from jaxcnn.ops.padding import pad_spatial
from jaxcnn.ops.padding_arguments import check_padding_fits
from jaxcnn.ops.window_arguments import check_window_fits, dilated, parse_padding


def conv2d(
    x: Num[AnyArray, "n h w ci"],
    kernel: Num[AnyArray, "kh kw cig co"],
    bias: Num[AnyArray, " co"] | None = None,
    *,
    stride: Window = 1,
    padding: Padding = 0,
    dilation: Window = 1,
    groups: int = 1,
    padding_mode: PaddingMode = "zeros",
    layout: str = "NHWC",
    algorithm: str = "auto",
    precision: Any = None,
    preferred_element_type: DTypeLike | None = None,
) -> Num[Array, "n ho wo co"]:
    r"""2-D convolution (cross-correlation) of a batch of images.

    .. math:: y_{nijo} = b_o + \sum_{a,b,c} x_{n,\,i s + a d,\,j s + b d,\,c}\; k_{abco}

    with stride :math:`s` and dilation :math:`d`.

    Args:
        x: images in ``layout``, ``"NHWC"`` or ``"NCHW"``.
        kernel: ``(height, width, in_channels // groups, out_channels)``, in every layout.
        bias: one number per output channel.
        stride: distance between neighbouring windows, in pixels: an int, or one per axis.
        padding: pixels added on each side: an int, one int per axis, one ``(low, high)`` pair
            per axis, or ``"valid"`` (none), ``"same"`` (the output has ceil(input / stride)
            pixels; an odd one goes to the high side), ``"full"`` (every overlap). A negative
            number of a pair crops, as in `pad`.
        dilation: distance between neighbouring kernel elements, in pixels.
        groups: the number of groups of channels; group g of the output sees only group g of
            the input.
        padding_mode: ``"zeros"``, ``"reflect"``, ``"replicate"`` or ``"circular"``.
        layout: the axes of ``x`` and of the result.
        algorithm: ``"auto"``, or one of `jaxcnn.engine.ALGORITHMS`. On CPUs ``"auto"`` may let
            an infinity or NaN of the input reach results beside those whose windows hold it;
            ``"lax"`` never does.
        precision: as in `jax.lax.conv_general_dilated`; with ``"highest"`` CPUs add direct sums and
            save no products.
        preferred_element_type: the dtype of the result. bfloat16 and float16 accumulate in
            float32 and come back in their own dtype where this is left out.

    Returns:
        The result in ``layout``; each spatial axis has
        ``(size + low + high - (window - 1) * dilation - 1) // stride + 1`` pixels.

    Raises:
        TypeError: if an operand is not an array, or their dtypes differ, or an option is not
            made of ints.
        ValueError: if a rank, a channel count or an option does not fit, the window is larger
            than the padded input, or ``algorithm`` cannot do the case.

    Unlike ``torch.nn.functional.conv2d``, ``"same"`` also works with a stride, as in XLA.

    >>> x = jnp.arange(9.0).reshape(1, 3, 3, 1)
    >>> kernel = jnp.arange(4.0).reshape(2, 2, 1, 1)
    >>> conv2d(x, kernel)[0, :, :, 0]
    Array([[19., 25.],
           [37., 43.]], dtype=float32)

    Reference: Zhang, Lipton, Li and Smola, *Dive into Deep Learning* (2023), chapter 7.
    """
    return checked_conv(
        "conv2d",
        2,
        x,
        kernel,
        bias,
        stride=stride,
        padding=padding,
        dilation=dilation,
        groups=groups,
        padding_mode=padding_mode,
        layout=layout,
        algorithm=algorithm,
        precision=precision,
        preferred_element_type=preferred_element_type,
    )


def checked_conv(
    op: str,
    rank: int,
    x: Any,
    kernel: Any,
    bias: Any,
    *,
    layout: str,
    stride: Any = 1,
    padding: Any = 0,
    dilation: Any = 1,
    groups: Any = 1,
    padding_mode: str = "zeros",
    algorithm: str = "auto",
    precision: Any = None,
    preferred_element_type: Any = None,
) -> Any:
    """`conv2d` for ``rank`` spatial axes; ``op`` is the name that messages give."""
    axes = parse_layout(op, layout, rank)
    x, kernel = operands(op, x, kernel, axes)
    groups = as_int(op, "groups", groups, minimum=1)
    check_channels(op, x, kernel, groups, axes)
    if bias is not None:
        bias = as_bias(op, bias, x, kernel.shape[-1])
    stride = per_axis(op, "stride", stride, rank, minimum=1)
    dilation = per_axis(op, "dilation", dilation, rank, minimum=1)
    choice(op, "padding_mode", padding_mode, PADDING_MODES)
    if algorithm != "auto" or precision is not None or preferred_element_type is not None:
        check_computation(op, algorithm, precision, preferred_element_type, x)
    span = dilated(kernel.shape[:rank], dilation)
    sizes = axes.sizes(x.shape)
    pairs = parse_padding(op, padding, sizes, span, stride, crops=True)
    if padding_mode != "zeros" or any(min(pair) < 0 for pair in pairs):
        check_padding_fits(op, sizes, pairs, padding_mode)
    check_window_fits(op, sizes, span, pairs)
    if padding_mode != "zeros" or _breaks_xla(kernel.shape[:rank], stride, dilation, pairs):
        x = pad_spatial(op, x, pairs, mode=padding_mode, layout=axes)
        pairs = ((0, 0),) * rank
    wide = accumulator(x.dtype)
    y = engine.convolve(
        op,
        x,
        kernel,
        layout=layout,
        algorithm=algorithm,
        window_strides=stride,
        padding=pairs,
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


def _breaks_xla(
    window: Sequence[int], stride: Sequence[int], dilation: Sequence[int], pairs: Pairs
) -> bool:
    """Whether XLA's CPU compiler could abort the process on the gradient in ``x``.

    Its algebraic simplifier takes an axis of base dilation 2, window 2 and no padding for a
    group axis, whatever its size, when it swaps the operands of that gradient; seen in jaxlib
    0.10.2 and 0.12.0. Padding the input by itself leads around it.
    """
    axes = zip(window, stride, dilation, pairs, strict=True)
    return any(axis[:3] == (2, 2, 1) and axis[3][0] == 1 for axis in axes)


def operands(op: str, x: Any, kernel: Any, axes: Layout) -> tuple[Any, Any]:
    """The images and the kernel of a convolution, their ranks and dtypes checked."""
    rank = len(axes.spatial)
    x = images(op, x, axes)
    kernel = as_array(op, "kernel", kernel, ndim=rank + 2, axes="*window, in, out")
    check_kernel(op, kernel, kernel.shape[:rank], x)
    return x, kernel


def check_channels(op: str, x: Any, kernel: Any, groups: int, axes: Layout) -> None:
    """Refuse channels that do not match, or that ``groups`` does not divide."""
    channels = x.shape[axes.channel]
    kernel_in, out = kernel.shape[-2:]
    if kernel_in * groups != channels:
        plural = "" if groups == 1 else "s"
        hint = habits.axes_elsewhere(x.shape, kernel.shape, groups, axes.name, transposed=False)
        raise ValueError(
            f"{op}: `kernel` has {kernel_in} input channels, but `x` has {channels} channels "
            f"in {groups} group{plural} (layout {axes.name}){hint}"
        )
    if out % groups:
        raise ValueError(f"{op}: `groups` {groups} must divide the {out} output channels")
