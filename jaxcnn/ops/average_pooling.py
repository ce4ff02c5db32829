"""Average pooling: the mean of every window."""

import math
import sys
from typing import Any, TypedDict, Unpack

import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float

from jaxcnn import engine
from jaxcnn.engine import Windows
from jaxcnn.ops.argument_types import AnyArray, Padding, PaddingMode, Pairs, Window
from jaxcnn.ops.arguments import accumulator, as_int, images, parse_layout
from jaxcnn.ops.kinds import as_flag, floating
from jaxcnn.ops.pool_arguments import pad_windows, parse_windows
from jaxcnn.ops.shared_options import options_of


class AvgPoolOptions(TypedDict, total=False):
    """The options of `avg_pool2d`, which documents them, and of its family."""

    stride: Window | None
    padding: Padding
    ceil_mode: bool
    count_include_pad: bool
    divisor_override: int | None
    padding_mode: PaddingMode
    layout: str


def avg_pool2d(
    x: Float[AnyArray, "n h w c"],
    window: Window,
    *,
    stride: Window | None = None,
    padding: Padding = 0,
    ceil_mode: bool = False,
    count_include_pad: bool = True,
    divisor_override: int | None = None,
    padding_mode: PaddingMode = "zeros",
    layout: str = "NHWC",
) -> Float[Array, "n ho wo c"]:
    r"""2-D average pooling of a batch of images.

    .. math:: y_{nijc} = \frac{1}{|W|} \sum_{a,b} x_{n,\,i s + a,\,j s + b,\,c}

    with stride :math:`s` and a window of :math:`|W|` pixels.

    Args:
        x: images in ``layout``, ``"NHWC"`` or ``"NCHW"``; floating point.
        window: the pixels of a window: an int for a square, or one int per axis.
        stride: distance between neighbouring windows, in pixels; the window where left out.
        padding: pixels added on each side: an int, one int per axis, one ``(low, high)`` pair
            per axis, ``"valid"`` or ``"same"`` (ceil(input / stride) pixels come out, an odd one
            goes to the high side). At most half of the window.
        ceil_mode: whether a last window may reach over the edge. It must start inside of the
            image or of the padding before it; what lies beyond the padding is not counted.
        count_include_pad: whether the zeros of the padding count in the mean.
        divisor_override: what every sum is divided by, in place of the number of pixels.
        padding_mode: ``"zeros"``, ``"reflect"``, ``"replicate"`` or ``"circular"``; a border
            that is copied from the image always counts.
        layout: the axes of ``x`` and of the result.

    Returns:
        The means in ``layout`` and in the dtype of ``x``; bfloat16 and float16 are summed in
        float32.

    Raises:
        TypeError: if ``x`` is not an array of floats, or an option is not made of ints.
        ValueError: if a rank or an option does not fit, the padding is more than half of the
            window, the window is larger than the padded input, or the divisor is 0.

    Unlike ``torch.nn.functional.avg_pool1d``, `avg_pool1d` takes ``divisor_override`` too.
    TensorFlow's and Flax's padded means leave the zeros out (``count_include_pad=False``).

    >>> x = jnp.array([[1.0, 2.0, 0.0, 1.0], [4.0, 3.0, 5.0, 2.0]]).reshape(1, 2, 4, 1)
    >>> avg_pool2d(x, 2).ravel()
    Array([2.5, 2. ], dtype=float32)

    Reference: LeCun, Bottou, Bengio and Haffner, *Gradient-Based Learning Applied to Document
    Recognition* (1998).
    """
    return _avg_pool(
        "avg_pool2d",
        2,
        x,
        window,
        stride=stride,
        padding=padding,
        ceil_mode=ceil_mode,
        count_include_pad=count_include_pad,
        divisor_override=divisor_override,
        padding_mode=padding_mode,
        layout=layout,
    )


@options_of(avg_pool2d, layout="NWC")
def avg_pool1d(
    x: Float[AnyArray, "n w c"],
    window: Window,
    **options: Unpack[AvgPoolOptions],
) -> Float[Array, "n wo c"]:
    """1-D average pooling of a batch of signals; the options are `avg_pool2d`'s.

    Args:
        x: signals in ``layout``, ``"NWC"`` or ``"NCW"``.
        window: the elements of a window.

    Returns:
        The means in ``layout``.

    >>> avg_pool1d(jnp.array([3.0, 1.0, 2.0, 5.0]).reshape(1, 4, 1), 2).ravel()
    Array([2. , 3.5], dtype=float32)
    """
    return _avg_pool("avg_pool1d", 1, x, window, **options)


@options_of(avg_pool2d, layout="NDHWC")
def avg_pool3d(
    x: Float[AnyArray, "n d h w c"],
    window: Window,
    **options: Unpack[AvgPoolOptions],
) -> Float[Array, "n do ho wo c"]:
    """3-D average pooling of a batch of volumes; the options are `avg_pool2d`'s.

    Args:
        x: volumes in ``layout``, ``"NDHWC"`` or ``"NCDHW"``.
        window: the elements of a window: an int for a cube, or one int per axis.

    Returns:
        The means in ``layout``.

    >>> avg_pool3d(jnp.ones((1, 4, 4, 4, 2)), (2, 2, 4)).shape
    (1, 2, 2, 1, 2)
    """
    return _avg_pool("avg_pool3d", 3, x, window, **options)


def _avg_pool(
    op: str,
    rank: int,
    x: Any,
    window: Any,
    *,
    stride: Any,
    padding: Any,
    ceil_mode: bool,
    count_include_pad: bool,
    divisor_override: Any,
    padding_mode: str,
    layout: str,
) -> Any:
    axes = parse_layout(op, layout, rank)
    x = images(op, x, axes)
    floating(op, "x", x)
    as_flag(op, "count_include_pad", count_include_pad)
    windows, pairs = parse_windows(
        op, x, window, axes, stride=stride, padding=padding, dilation=1, ceil_mode=ceil_mode
    )
    if divisor_override is not None:
        divisor_override = as_int(op, "divisor_override", divisor_override, minimum=-sys.maxsize)
        if divisor_override == 0:
            raise ValueError(f"{op}: `divisor_override` must not be 0")
    padded, windows = pad_windows(op, x, windows, pairs, padding_mode, axes)
    if padding_mode != "zeros":
        pairs = ((0, 0),) * rank
    total = engine.sum_pool(padded, windows, accumulator(x.dtype) or x.dtype)
    counts = divisor_override or divisors(windows, pairs, count_include_pad, x.ndim)
    return (total / jnp.asarray(counts, total.dtype)).astype(x.dtype)


def divisors(windows: Windows, pairs: Pairs, count_include_pad: bool, ndim: int) -> Any:
    """How many elements each window counts, shaped to broadcast against the result."""
    whole = math.prod(windows.size)
    counts = np.ones((1,) * ndim)
    for i, (low, high) in enumerate(pairs):
        start = np.arange(windows.count[i]) * windows.stride[i] - low
        end = np.minimum(start + windows.size[i], windows.sizes[i] + high)
        if not count_include_pad:
            start, end = np.maximum(start, 0), np.minimum(end, windows.sizes[i])
        shape = [1] * ndim
        shape[windows.axes[i]] = windows.count[i]
        counts = counts * (end - start).reshape(shape)
    return whole if (counts == whole).all() else counts
