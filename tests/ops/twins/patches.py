"""Patches in torch, which has them for images only."""

from typing import Any

import torch
from torch.nn import functional as F

from tests.ops.twins.axes import channels_first, in_layout, spread
from tests.ops.twins.padding import padded, pairs


def unfold(
    x: torch.Tensor,
    window: Any,
    *,
    stride: Any = 1,
    padding: Any = 0,
    dilation: Any = 1,
    layout: str | None = None,
) -> torch.Tensor:
    x = channels_first(x, layout)
    window, stride, dilation, sides, counts = _geometry(
        x.shape[2:], window, stride, padding, dilation
    )
    flat = F.unfold(padded(x, sides, "zeros"), window, stride=stride, dilation=dilation)
    y = flat.reshape(x.shape[0], x.shape[1], *window, *counts)
    if layout is None or layout.endswith("C"):
        return y.movedim((4, 5, 2, 3, 1), (1, 2, 3, 4, 5))
    return y


def fold(
    patches: torch.Tensor,
    output_size: Any,
    window: Any,
    *,
    stride: Any = 1,
    padding: Any = 0,
    dilation: Any = 1,
    layout: str | None = None,
) -> torch.Tensor:
    sizes = spread(output_size, 2)
    window, stride, dilation, sides, _ = _geometry(sizes, window, stride, padding, dilation)
    if layout is None or layout.endswith("C"):
        patches = patches.movedim((1, 2, 3, 4, 5), (4, 5, 2, 3, 1))
    n, c, *_ = patches.shape
    rows = patches.reshape(n, c * window[0] * window[1], -1)
    total = [size + low + high for size, (low, high) in zip(sizes, sides, strict=True)]
    y = F.fold(rows, total, window, stride=stride, dilation=dilation)
    return in_layout(padded(y, [(-low, -high) for low, high in sides], "zeros"), layout)


def _geometry(sizes: Any, window: Any, stride: Any, padding: Any, dilation: Any) -> Any:
    window, stride, dilation = (spread(option, 2) for option in (window, stride, dilation))
    span = [(size - 1) * step + 1 for size, step in zip(window, dilation, strict=True)]
    sides = pairs(padding, sizes, span, stride)
    counts = [
        (size + low + high - extent) // step + 1
        for size, (low, high), extent, step in zip(sizes, sides, span, stride, strict=True)
    ]
    return window, stride, dilation, sides, counts
