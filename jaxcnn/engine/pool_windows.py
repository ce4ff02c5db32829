"""The windows of a pool: which pixels of an array each of them holds."""

import dataclasses
from collections.abc import Sequence
from typing import Any

import numpy as np


@dataclasses.dataclass(frozen=True)
class Windows:
    """Windows over the spatial axes of an array, all arguments already checked.

    Window ``i`` of an axis holds the elements ``i * stride - low + a * dilation`` for ``a`` in
    ``range(size)``; those outside of the axis are void, they never count.

    Attributes:
        axes: which axes of the array are spatial.
        sizes: the array's sizes on these axes.
        size: the elements of a window on each axis.
        stride: the distance between neighbouring windows.
        dilation: the distance between neighbouring elements of a window.
        low: the void elements before each axis.
        count: how many windows there are on each axis.
    """

    axes: tuple[int, ...]
    sizes: tuple[int, ...]
    size: tuple[int, ...]
    stride: tuple[int, ...]
    dilation: tuple[int, ...]
    low: tuple[int, ...]
    count: tuple[int, ...]

    @property
    def high(self) -> tuple[int, ...]:
        """The void elements that the last window reaches beyond each axis."""
        return tuple(
            max((n - 1) * stride + (k - 1) * dilation + 1 - low - size, 0)
            for n, stride, k, dilation, low, size in zip(
                self.count,
                self.stride,
                self.size,
                self.dilation,
                self.low,
                self.sizes,
                strict=True,
            )
        )

    def tiles(self, i: int) -> bool:
        """Whether the windows lie side by side on axis ``i``: no void, no gap, no overlap."""
        return (
            self.size[i] == self.stride[i]
            and not (self.low[i] or self.high[i])
            and (self.size[i] == 1 or self.dilation[i] == 1)
        )

    def starts(self, i: int) -> np.ndarray:
        """Where the windows start on spatial axis ``i``, which may be before it."""
        return np.arange(self.count[i], dtype=np.int32) * self.stride[i] - self.low[i]

    def held(self, i: int) -> np.ndarray:
        """Which elements of the windows are not void, on spatial axis ``i``: ``(count, size)``."""
        places = self.starts(i)[:, None] + np.arange(self.size[i]) * self.dilation[i]
        return (places >= 0) & (places < self.sizes[i])

    def spread(self, values: Sequence[int], other: int, ndim: int) -> tuple[int, ...]:
        """``values`` on the spatial axes and ``other`` on the rest of ``ndim`` axes."""
        result = [other] * ndim
        for axis, value in zip(self.axes, values, strict=True):
            result[axis] = value
        return tuple(result)

    def padding(self, ndim: int) -> tuple[tuple[int, int], ...]:
        """The void around an array of ``ndim`` axes, as ``(low, high)`` pairs."""
        lows, highs = self.spread(self.low, 0, ndim), self.spread(self.high, 0, ndim)
        return tuple(zip(lows, highs, strict=True))


def along(values: Any, axis: int, ndim: int) -> Any:
    """``values`` shaped to broadcast along ``axis``, and the next ones, of ``ndim`` axes."""
    return values.reshape((1,) * axis + values.shape + (1,) * (ndim - axis - values.ndim))
