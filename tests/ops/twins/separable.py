"""Depthwise and separable convolutions in torch."""

from typing import Any

import torch

from tests.ops.twins.convolution import conv2d


def depthwise_conv2d(
    x: Any, kernel: Any, bias: Any = None, *, layout: str = "NHWC", **options: Any
) -> torch.Tensor:
    return conv2d(x, kernel, bias, groups=x.shape[layout.index("C")], layout=layout, **options)


def separable_conv2d(
    x: Any,
    depthwise: Any,
    pointwise: Any,
    bias: Any = None,
    *,
    layout: str = "NHWC",
    **options: Any,
) -> torch.Tensor:
    between = depthwise_conv2d(x, depthwise, layout=layout, **options)
    return conv2d(between, pointwise, bias, layout=layout)
