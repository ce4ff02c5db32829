"""Channels to the end and back, and options spread over the spatial axes."""

from collections.abc import Sequence
from typing import Any

import numpy as np


def channels_last(x: Any, layout: str | None = None) -> np.ndarray:
    """``x`` in float64 with its channels last, wherever ``layout`` has them."""
    x = np.asarray(x, np.float64)
    return x if layout is None or layout.endswith("C") else np.moveaxis(x, 1, -1)


def in_layout(y: np.ndarray, layout: str | None = None) -> np.ndarray:
    """A channels-last result as ``layout`` wants it."""
    return y if layout is None or layout.endswith("C") else np.moveaxis(y, -1, 1)


def spread(option: Any, rank: int) -> tuple[Any, ...]:
    """One int, or one pair, per spatial axis."""
    return tuple(option) if isinstance(option, Sequence) else (option,) * rank
