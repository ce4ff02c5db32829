"""Transposed convolutions in NumPy, one input pixel and one kernel element at a time."""

from collections.abc import Sequence
from typing import Any

import numpy as np

from jaxcnn.reference.axes import channels_last, in_layout, spread
from jaxcnn.reference.padding import pad, pairs


def conv_transpose1d(x: Any, kernel: Any, bias: Any = None, **options: Any) -> np.ndarray:
    """Compute `jaxcnn.conv_transpose1d` with NumPy loops."""
    return _conv_transpose(1, x, kernel, bias, **options)


def conv_transpose2d(x: Any, kernel: Any, bias: Any = None, **options: Any) -> np.ndarray:
    """Compute `jaxcnn.conv_transpose2d` with NumPy loops."""
    return _conv_transpose(2, x, kernel, bias, **options)


def conv_transpose3d(x: Any, kernel: Any, bias: Any = None, **options: Any) -> np.ndarray:
    """Compute `jaxcnn.conv_transpose3d` with NumPy loops."""
    return _conv_transpose(3, x, kernel, bias, **options)


def _conv_transpose(
    rank: int,
    x: Any,
    kernel: Any,
    bias: Any,
    *,
    stride: Any = 1,
    padding: Any = 0,
    output_padding: Any = 0,
    dilation: Any = 1,
    groups: int = 1,
    padding_mode: str = "zeros",
    layout: str | None = None,
) -> np.ndarray:
    x, kernel = channels_last(x, layout), np.asarray(kernel, np.float64)
    window, (into, out) = kernel.shape[:rank], kernel.shape[rank:]
    stride, dilation = spread(stride, rank), spread(dilation, rank)
    span = [(size - 1) * gap + 1 for size, gap in zip(window, dilation, strict=True)]
    sizes = x.shape[1:-1]
    shape, low = _shape(sizes, span, stride, padding, spread(output_padding, rank))
    y = np.zeros((x.shape[0], *shape, out * groups))
    reach = [(0, 0)] * rank
    if padding_mode != "zeros":
        every = zip(sizes, span, stride, shape, low, strict=True)
        reach = [_reach(*axis) for axis in every]
        x = pad(x, reach, mode=padding_mode)
    for position in np.ndindex(*x.shape[1:-1]):
        start = [
            (i - before) * step - cut
            for i, (before, _), step, cut in zip(position, reach, stride, low, strict=True)
        ]
        for tap in np.ndindex(*window):
            at = tuple(i + a * gap for i, a, gap in zip(start, tap, dilation, strict=True))
            if all(0 <= i < size for i, size in zip(at, shape, strict=True)):
                for g in range(groups):
                    channels = slice(g * into // groups, (g + 1) * into // groups)
                    sums = x[(slice(None), *position, channels)] @ kernel[tap][channels]
                    y[(slice(None), *at, slice(g * out, (g + 1) * out))] += sums
    return in_layout(y if bias is None else y + np.asarray(bias, np.float64), layout)


def _shape(
    sizes: Sequence[int], span: Sequence[int], stride: Sequence[int], padding: Any, extra: Any
) -> tuple[list[int], list[int]]:
    """The spatial sizes of the result, and how much is cut from the low sides."""
    if padding == "same":
        shape = [size * step for size, step in zip(sizes, stride, strict=True)]
        return shape, [max(e - s, 0) // 2 for e, s in zip(span, stride, strict=True)]
    cuts = pairs(padding, sizes, span, stride)
    axes = zip(sizes, span, stride, cuts, extra, strict=True)
    shape = [(size - 1) * s + e - low - high + more for size, e, s, (low, high), more in axes]
    return shape, [low for low, _ in cuts]


def _reach(size: int, span: int, stride: int, shape: int, low: int) -> tuple[int, int]:
    """How many pixels before and after the input touch the result with their windows."""
    before = sum(span - 1 - m * stride - low >= 0 for m in range(1, span + abs(low) + 1))
    after = sum((size - 1 + m) * stride - low < shape for m in range(1, shape + low + 1))
    return before, after
