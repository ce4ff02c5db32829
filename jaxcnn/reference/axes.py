"""Moves the channels to the last axis and back, and repeats options for each spatial axis."""

from collections.abc import Sequence
from typing import Any

import numpy as np


def channels_last(x: Any, layout: str | None = None) -> np.ndarray:
    """``x`` in float64 with its channels last, wherever ``layout`` has them."""
    x = np.asarray(x, np.float64)
    return x if layout is None or layout.endswith("C") else np.moveaxis(x, 1, -1)


def in_layout(y: np.ndarray, layout: str | None = None) -> np.ndarray:
    """A channels-last result moved to ``layout``."""
    return y if layout is None or layout.endswith("C") else np.moveaxis(y, -1, 1)


def spread(option: Any, rank: int) -> tuple[Any, ...]:
    """Repeat an option so that each spatial axis has its own."""
    return tuple(option) if isinstance(option, Sequence) else (option,) * rank
