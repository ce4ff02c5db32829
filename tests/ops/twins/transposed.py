"""Transposed convolutions in torch: what it has by name, the rest by cropping and continuing."""

from typing import Any

import torch
from torch.nn import functional as F

from tests.ops.twins.axes import channels_first, in_layout, spread
from tests.ops.twins.padding import padded, pairs


def conv_transpose1d(x: Any, kernel: Any, bias: Any = None, **options: Any) -> torch.Tensor:
    return _conv_transpose(F.conv_transpose1d, x, kernel, bias, **options)


def conv_transpose2d(x: Any, kernel: Any, bias: Any = None, **options: Any) -> torch.Tensor:
    return _conv_transpose(F.conv_transpose2d, x, kernel, bias, **options)


def conv_transpose3d(x: Any, kernel: Any, bias: Any = None, **options: Any) -> torch.Tensor:
    return _conv_transpose(F.conv_transpose3d, x, kernel, bias, **options)


def _conv_transpose(
    function: Any,
    x: torch.Tensor,
    kernel: torch.Tensor,
    bias: torch.Tensor | None,
    *,
    stride: Any = 1,
    padding: Any = 0,
    output_padding: Any = 0,
    dilation: Any = 1,
    groups: int = 1,
    padding_mode: str = "zeros",
    layout: str | None = None,
) -> torch.Tensor:
    x = channels_first(x, layout)
    rank = x.ndim - 2
    stride, dilation = spread(stride, rank), spread(dilation, rank)
    options = {"stride": stride, "dilation": dilation, "groups": groups}
    weights = kernel.movedim((-2, -1), (0, 1)).contiguous()
    if padding_mode == "zeros" and not isinstance(padding, str):
        amounts = spread(padding, rank)
        if all(isinstance(p, int) for p in amounts):
            options |= {"padding": amounts, "output_padding": output_padding}
            return in_layout(function(x, weights, bias, **options), layout)
    span = [(size - 1) * step + 1 for size, step in zip(kernel.shape, dilation, strict=False)]
    more = spread(output_padding, rank)
    if padding == "same":
        totals = [extent - step for extent, step in zip(span, stride, strict=True)]
        cuts = [(max(t, 0) // 2, t - max(t, 0) // 2) for t in totals]
    else:
        sides = pairs(padding, x.shape[2:], span, stride)
        cuts = [(low, high - m) for (low, high), m in zip(sides, more, strict=True)]
    if padding_mode != "zeros":
        # Whole copies of the input's surroundings, so far out that more would be cut away.
        reach = [
            (max((e - 1 - low) // s, 0), max((e - 1 - high) // s, 0))
            for (low, high), e, s in zip(cuts, span, stride, strict=True)
        ]
        x = padded(x, reach, padding_mode)
        cuts = [
            (low + a * s, high + b * s)
            for (low, high), (a, b), s in zip(cuts, reach, stride, strict=True)
        ]
    y = function(x, weights, None, **options)
    # A negative padding crops.
    flat = [-amount for cut in reversed(cuts) for amount in cut]
    y = F.pad(y, flat)
    if bias is not None:
        y = y + bias.reshape(-1, *[1] * rank)
    return in_layout(y, layout)
