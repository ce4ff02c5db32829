"""The types of the ops' arguments: arrays, windows and padding."""

from collections.abc import Sequence
from typing import Literal

import jax
import numpy as np

AnyArray = jax.Array | np.ndarray
"""The arrays that an op takes; it returns an array of JAX."""

PaddingMode = Literal["zeros", "reflect", "replicate", "circular"]
PADDING_MODES = ("zeros", "reflect", "replicate", "circular")

Window = int | Sequence[int]
"""An int for every spatial axis, or one int per spatial axis."""

Padding = str | int | Sequence[int] | Sequence[tuple[int, int]]
"""An int, one int per axis, one ``(low, high)`` pair per axis, or a name."""

Pairs = tuple[tuple[int, int], ...]
