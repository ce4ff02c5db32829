"""`jaxcnn.grid_sample` and `jaxcnn.affine_grid` in torch."""

import warnings
from typing import Any

import torch
from torch.nn import functional as F

from tests.ops.twins.axes import channels_first, in_layout, spread


def grid_sample(
    x: torch.Tensor,
    grid: torch.Tensor,
    *,
    method: str = "bilinear",
    padding_mode: str = "zeros",
    align_corners: bool = False,
    layout: str | None = None,
) -> torch.Tensor:
    y = F.grid_sample(
        channels_first(x, layout),
        grid,
        mode=method,
        padding_mode=padding_mode,
        align_corners=align_corners,
    )
    return in_layout(y, layout)


def affine_grid(theta: torch.Tensor, size: Any, *, align_corners: bool = False) -> torch.Tensor:
    sizes = spread(size, theta.shape[1])
    # torch refuses an empty batch, and warns that an axis of one pixel is centred.
    more = torch.cat([theta, theta.new_ones(1, *theta.shape[1:])])
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return F.affine_grid(more, [len(more), 1, *sizes], align_corners=align_corners)[:-1]
