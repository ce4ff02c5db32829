"""Convolutions in NumPy, one window and one group at a time."""

from typing import Any

import numpy as np

from jaxcnn.reference.axes import channels_last, in_layout, spread
from jaxcnn.reference.padding import pad, pairs


def conv1d(x: Any, kernel: Any, bias: Any = None, **options: Any) -> np.ndarray:
    """Compute `jaxcnn.conv1d` with NumPy loops."""
    return _conv(1, x, kernel, bias, **options)


def conv2d(x: Any, kernel: Any, bias: Any = None, **options: Any) -> np.ndarray:
    """Compute `jaxcnn.conv2d` with NumPy loops."""
    return _conv(2, x, kernel, bias, **options)


def conv3d(x: Any, kernel: Any, bias: Any = None, **options: Any) -> np.ndarray:
    """Compute `jaxcnn.conv3d` with NumPy loops."""
    return _conv(3, x, kernel, bias, **options)


def _conv(
    rank: int,
    x: Any,
    kernel: Any,
    bias: Any,
    *,
    stride: Any = 1,
    padding: Any = 0,
    dilation: Any = 1,
    groups: int = 1,
    padding_mode: str = "zeros",
    layout: str | None = None,
) -> np.ndarray:
    x, kernel = channels_last(x, layout), np.asarray(kernel, np.float64)
    stride, dilation = spread(stride, rank), spread(dilation, rank)
    span = [(size - 1) * step + 1 for size, step in zip(kernel.shape, dilation, strict=False)]
    x = pad(x, pairs(padding, x.shape[1:-1], span, stride), mode=padding_mode)
    sizes = [
        (size - width) // step + 1
        for size, width, step in zip(x.shape[1:-1], span, stride, strict=True)
    ]
    into, out = kernel.shape[-2], kernel.shape[-1] // groups
    y = np.zeros((x.shape[0], *sizes, kernel.shape[-1]))
    for position in np.ndindex(*sizes):
        where = tuple(
            slice(i * step, i * step + width, gap)
            for i, step, width, gap in zip(position, stride, span, dilation, strict=True)
        )
        for g in range(groups):
            patch = x[(slice(None), *where, slice(g * into, (g + 1) * into))]
            weights = kernel[..., g * out : (g + 1) * out]
            sums = np.tensordot(patch, weights, rank + 1)
            y[(slice(None), *position, slice(g * out, (g + 1) * out))] = sums
    return in_layout(y if bias is None else y + np.asarray(bias, np.float64), layout)
