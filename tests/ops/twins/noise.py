"""Dropout in torch, for the rates where nothing is random: torch draws other masks than JAX."""

import torch
from torch.nn import functional as F


def dropout(key: None, x: torch.Tensor, *, rate: float) -> torch.Tensor:
    return F.dropout(x, rate)


def channel_dropout(
    key: None, x: torch.Tensor, *, rate: float, layout: str | None = None
) -> torch.Tensor:
    return {3: F.dropout1d, 4: F.dropout2d, 5: F.dropout3d}[x.ndim](x, rate)
