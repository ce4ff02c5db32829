"""Moves of pixels and channels in torch."""

from collections.abc import Callable

import torch
from torch.nn import functional as F

from tests.ops.twins.axes import channels_first, in_layout


def pixel_shuffle(x: torch.Tensor, factor: int, *, layout: str | None = None) -> torch.Tensor:
    return _moved(F.pixel_shuffle, x, factor, layout)


def pixel_unshuffle(x: torch.Tensor, factor: int, *, layout: str | None = None) -> torch.Tensor:
    return _moved(F.pixel_unshuffle, x, factor, layout)


def channel_shuffle(x: torch.Tensor, groups: int, *, layout: str | None = None) -> torch.Tensor:
    return _moved(F.channel_shuffle, x, groups, layout)


def _moved(
    function: Callable[..., torch.Tensor], x: torch.Tensor, number: int, layout: str | None
) -> torch.Tensor:
    x = channels_first(x, layout)
    if x.numel() == 0:
        # torch's gradients of these fail where nothing is moved; adding zero gives one.
        return in_layout(function(x.detach(), number) + x.sum(), layout)
    return in_layout(function(x, number), layout)
