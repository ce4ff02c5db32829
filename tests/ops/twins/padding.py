"""`jaxcnn.pad` in torch."""

from collections.abc import Sequence
from typing import Any

import torch
from torch.nn import functional as F

from tests.ops.twins.axes import channels_first, in_layout, spread


def pad(
    x: torch.Tensor,
    padding: Any,
    *,
    mode: str = "zeros",
    value: float = 0,
    layout: str | None = None,
) -> torch.Tensor:
    return in_layout(padded(channels_first(x, layout), padding, mode, value), layout)


def padded(x: torch.Tensor, padding: Any, mode: str, value: float = 0) -> torch.Tensor:
    """``torch.nn.functional.pad`` on channels-first images, the padding first axis first."""
    sides = [tuple(p) if isinstance(p, Sequence) else (p, p) for p in spread(padding, x.ndim - 2)]
    flat = [amount for side in reversed(sides) for amount in side]
    if not any(flat):
        return x
    if mode == "zeros":
        return F.pad(x, flat, value=value)
    return F.pad(x, flat, mode=mode)


def pairs(
    padding: Any, sizes: Sequence[int], span: Sequence[int], stride: Sequence[int]
) -> list[tuple[int, int]]:
    """What torch has no name for, in numbers: XLA's SAME with a stride, and every overlap."""
    if padding == "valid":
        return [(0, 0)] * len(sizes)
    if padding == "full":
        return [(extent - 1, extent - 1) for extent in span]
    if padding == "same":
        totals = [
            max(extent - (size % step or step), 0)
            for size, extent, step in zip(sizes, span, stride, strict=True)
        ]
        return [(total // 2, -(-total // 2)) for total in totals]
    return [tuple(p) if isinstance(p, Sequence) else (p, p) for p in spread(padding, len(sizes))]
