"""The windows of a pool: which elements of the spatial axes each of them holds."""

import dataclasses
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

    @property
    def tiles(self) -> bool:
        """Whether the windows lie side by side: no void, no gap and no overlap."""
        return (
            self.size == self.stride
            and not any(self.low + self.high)
            and all(k == 1 or d == 1 for k, d in zip(self.size, self.dilation, strict=True))
        )

    def positions(self, i: int) -> np.ndarray:
        """What the windows hold on spatial axis ``i``: ``(count, size)`` positions, or -1."""
        starts = np.arange(self.count[i]) * self.stride[i] - self.low[i]
        held = starts[:, None] + np.arange(self.size[i]) * self.dilation[i]
        return np.where((held >= 0) & (held < self.sizes[i]), held, -1).astype(np.int32)

    def spread(self, values: tuple[int, ...], other: int, ndim: int) -> tuple[int, ...]:
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
