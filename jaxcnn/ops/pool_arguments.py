"""The options that the pools share, and the windows that these describe."""

import dataclasses
from collections.abc import Sequence
from typing import Any, TypedDict

import jax.numpy as jnp

from jaxcnn.engine import Windows
from jaxcnn.ops.argument_types import PADDING_MODES, Padding, PaddingMode, Pairs, Window
from jaxcnn.ops.arguments import Layout, choice, per_axis
from jaxcnn.ops.kinds import as_flag
from jaxcnn.ops.padding import pad_spatial
from jaxcnn.ops.window_arguments import check_pixels, check_window_fits, dilated, parse_padding


class PoolOptions(TypedDict, total=False):
    """The options of max and min pooling, which `max_pool2d` documents."""

    stride: Window | None
    padding: Padding
    dilation: Window
    ceil_mode: bool
    padding_mode: PaddingMode
    layout: str


def parse_windows(
    op: str,
    x: Any,
    window: Any,
    axes: Layout,
    *,
    stride: Any,
    padding: Any,
    dilation: Any,
    ceil_mode: bool,
) -> tuple[Windows, Pairs]:
    """The windows of a pool over ``x``, and its padding as pairs."""
    rank = len(axes.spatial)
    size = per_axis(op, "window", window, rank, minimum=1)
    step = size if stride is None else per_axis(op, "stride", stride, rank, minimum=1)
    gap = per_axis(op, "dilation", dilation, rank, minimum=1)
    span, sizes = dilated(size, gap), axes.sizes(x.shape)
    pairs = parse_padding(op, padding, sizes, span, step)
    if padding != "same":
        check_half(op, size, pairs)
    count = count_windows(op, sizes, span, step, pairs, ceil_mode)
    low = tuple(pair[0] for pair in pairs)
    return Windows(axes.spatial, sizes, size, step, gap, low, count), pairs


def count_windows(
    op: str,
    sizes: Sequence[int],
    span: Sequence[int],
    stride: Sequence[int],
    pairs: Pairs,
    ceil_mode: bool,
) -> tuple[int, ...]:
    """How many windows there are on each axis.

    With ``ceil_mode`` a last window may reach over the edge, if it starts inside of the input
    or of the padding before it.
    """
    as_flag(op, "ceil_mode", ceil_mode)
    check_pixels(op, sizes)
    if not ceil_mode:
        check_window_fits(op, sizes, span, pairs)
    counts = []
    for size, extent, step, (low, high) in zip(sizes, span, stride, pairs, strict=True):
        spare = size + low + high - extent
        count = (-(-spare // step) if ceil_mode else spare // step) + 1
        if ceil_mode and (count - 1) * step >= size + low:
            count -= 1
        if count < 1:
            raise ValueError(
                f"{op}: the window spans {extent}, but the padded input is only "
                f"{size + low + high}, which leaves no room for one window"
            )
        counts.append(count)
    return tuple(counts)


def check_half(op: str, size: Sequence[int], pairs: Pairs) -> None:
    """Refuse padding of more than half a window, which PyTorch refuses too."""
    for extent, pair in zip(size, pairs, strict=True):
        if max(pair) > extent // 2:
            raise ValueError(
                f"{op}: `padding` must be at most half of the window, {extent // 2} for a "
                f"window of {extent}, got {pair}"
            )


def pad_windows(
    op: str, x: Any, windows: Windows, pairs: Pairs, mode: str, axes: Layout
) -> tuple[Any, Windows]:
    """``x`` with its border filled in, and the same windows over it, for modes but zeros.

    The border of ``"zeros"`` is void and stays out of the array: it wins no maximum.
    """
    choice(op, "padding_mode", mode, PADDING_MODES)
    if mode == "zeros":
        return x, windows
    padded = pad_spatial(op, x, pairs, mode=mode, layout=axes)
    none = (0,) * len(pairs)
    return padded, dataclasses.replace(windows, sizes=axes.sizes(padded.shape), low=none)


def check_real(op: str, x: Any) -> None:
    """Refuse booleans and complex numbers, which have no largest element."""
    if not (jnp.issubdtype(x.dtype, jnp.floating) or jnp.issubdtype(x.dtype, jnp.integer)):
        raise TypeError(f"{op}: `x` must be floating point or integer, got {x.dtype}")
