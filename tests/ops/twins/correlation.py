"""Correlations by hand, with torch's convolutions."""

from typing import Any

import torch
from torch.nn import functional as F

from tests.ops.twins.padding import pairs


def corr1d(x: Any, kernel: Any, *, padding: Any = "valid", stride: int = 1) -> torch.Tensor:
    sides = (padding,) if isinstance(padding, tuple) else padding
    ((low, high),) = pairs(sides, x.shape, kernel.shape, (stride,))
    x = F.pad(x[None, None], (low, high))
    return F.conv1d(x, kernel[None, None], stride=stride)[0, 0]


def corr2d(x: Any, kernel: Any) -> torch.Tensor:
    return F.conv2d(x[None, None], kernel[None, None])[0, 0]


def corr2d_multi_in(x: Any, kernel: Any) -> torch.Tensor:
    return F.conv2d(x.movedim(-1, 0)[None], kernel.movedim(-1, 0)[None])[0, 0]


def corr2d_multi_in_out(x: Any, kernel: Any) -> torch.Tensor:
    y = F.conv2d(x.movedim(-1, 0)[None], kernel.permute(3, 2, 0, 1))
    return y[0].movedim(0, -1)


def corr2d_multi_in_out_1x1(x: Any, kernel: Any) -> torch.Tensor:
    return corr2d_multi_in_out(x, kernel)


def convolve2d(x: Any, kernel: Any) -> torch.Tensor:
    return corr2d(x, kernel.flip(0, 1))


def pool2d(x: Any, window: Any, mode: str = "max") -> torch.Tensor:
    if not x.is_floating_point():
        return pool2d(x.double(), window, mode).to(x.dtype)
    pool = F.max_pool2d if mode == "max" else F.avg_pool2d
    return pool(x[None, None], window, stride=1)[0, 0]
