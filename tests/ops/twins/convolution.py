"""Convolutions in torch."""

from typing import Any

import torch
from torch.nn import functional as F

from tests.ops.twins.axes import channels_first, in_layout, spread
from tests.ops.twins.padding import padded, pairs


def conv1d(x: Any, kernel: Any, bias: Any = None, **options: Any) -> torch.Tensor:
    return _conv(F.conv1d, x, kernel, bias, **options)


def conv2d(x: Any, kernel: Any, bias: Any = None, **options: Any) -> torch.Tensor:
    return _conv(F.conv2d, x, kernel, bias, **options)


def conv3d(x: Any, kernel: Any, bias: Any = None, **options: Any) -> torch.Tensor:
    return _conv(F.conv3d, x, kernel, bias, **options)


def _conv(
    function: Any,
    x: torch.Tensor,
    kernel: torch.Tensor,
    bias: torch.Tensor | None,
    *,
    stride: Any = 1,
    padding: Any = 0,
    dilation: Any = 1,
    groups: int = 1,
    padding_mode: str = "zeros",
    layout: str | None = None,
) -> torch.Tensor:
    x = channels_first(x, layout)
    rank = x.ndim - 2
    stride, dilation = spread(stride, rank), spread(dilation, rank)
    options = {"stride": stride, "dilation": dilation, "groups": groups}
    weights = kernel.movedim((-1, -2), (0, 1)).contiguous()
    span = [(size - 1) * step + 1 for size, step in zip(kernel.shape, dilation, strict=False)]
    even = isinstance(padding, int) or (
        isinstance(padding, tuple) and all(isinstance(p, int) for p in padding)
    )
    # torch's "same" knows no stride, and warns where the window is even.
    torch_knows = even or padding == "valid"
    torch_knows |= padding == "same" and set(stride) == {1} and all(e % 2 for e in span)
    if torch_knows and padding_mode == "zeros":
        return in_layout(function(x, weights, bias, padding=padding, **options), layout)
    x = padded(x, pairs(padding, x.shape[2:], span, stride), padding_mode)
    return in_layout(function(x, weights, bias, **options), layout)
