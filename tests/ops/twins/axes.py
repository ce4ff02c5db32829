"""Channels first and back, as torch wants them."""

from collections.abc import Sequence
from typing import Any

import torch


def channels_first(x: torch.Tensor, layout: str | None = None) -> torch.Tensor:
    """``x`` with its channels where torch has them."""
    return x.movedim(-1, 1) if layout is None or layout.endswith("C") else x


def in_layout(y: torch.Tensor, layout: str | None = None) -> torch.Tensor:
    """A channels-first result as ``layout`` wants it."""
    return y.movedim(1, -1) if layout is None or layout.endswith("C") else y


def spread(option: Any, rank: int) -> tuple[Any, ...]:
    """One value per spatial axis."""
    return tuple(option) if isinstance(option, Sequence) else (option,) * rank
