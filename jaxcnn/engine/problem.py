"""The sizes and options of a convolution, as every algorithm takes them.

A `Problem` is a cross-correlation of images ``(n, *sizes, channels)`` with a kernel
``(*window, channels // groups, features)``, all sizes known.
"""

import dataclasses
import math
from typing import Any


@dataclasses.dataclass(frozen=True)
class Problem:
    """The static part of a convolution; one entry per spatial axis where it is a tuple.

    Attributes:
        batch: the number of images.
        sizes: the spatial sizes of the images.
        channels: the channels of an image, of all groups together.
        window: the spatial sizes of the kernel.
        features: the channels of the result, of all groups together.
        stride: the distance between neighbouring windows.
        padding: ``(low, high)`` zeros around the image; a negative number crops.
        dilation: the distance between neighbouring elements of the kernel.
        input_dilation: the distance between neighbouring pixels, with zeros between them: more
            than 1 in the input gradient of a strided convolution.
        groups: the number of groups of channels; each is convolved by itself.
        dtype: the type of the numbers.
    """

    batch: int
    sizes: tuple[int, ...]
    channels: int
    window: tuple[int, ...]
    features: int
    stride: tuple[int, ...]
    padding: tuple[tuple[int, int], ...]
    dilation: tuple[int, ...]
    input_dilation: tuple[int, ...]
    groups: int
    dtype: Any

    @property
    def rank(self) -> int:
        """The number of spatial axes."""
        return len(self.sizes)

    @property
    def span(self) -> tuple[int, ...]:
        """How many pixels a window reaches over."""
        return tuple((k - 1) * d + 1 for k, d in zip(self.window, self.dilation, strict=True))

    @property
    def padded(self) -> tuple[int, ...]:
        """The spatial sizes of the images with input dilation and padding."""
        return tuple(
            max((size - 1) * step + 1, 0) + low + high
            for size, step, (low, high) in zip(
                self.sizes, self.input_dilation, self.padding, strict=True
            )
        )

    @property
    def out(self) -> tuple[int, ...]:
        """The spatial sizes of the result."""
        return tuple(
            max((size - span) // step + 1, 0)
            for size, span, step in zip(self.padded, self.span, self.stride, strict=True)
        )

    @property
    def kernel_shape(self) -> tuple[int, ...]:
        """The shape of the kernel."""
        return (*self.window, self.channels // self.groups, self.features)

    @property
    def taps(self) -> int:
        """The number of elements of a window."""
        return math.prod(self.window)

    @property
    def positions(self) -> int:
        """The number of windows in all images."""
        return self.batch * math.prod(self.out)

    @property
    def input_dilated(self) -> bool:
        """Whether there are zeros between neighbouring pixels."""
        return any(step > 1 for step in self.input_dilation)

    @property
    def empty(self) -> bool:
        """Whether there is nothing to compute."""
        sizes = (self.batch, *self.sizes, self.channels, self.features, *self.out)
        return min(sizes) <= 0

    def key(self, gradient: bool) -> str:
        """The problem, or the gradient in its kernel, as the file of `tune` names it."""
        return f"{'kernel gradient' if gradient else 'result'} {dataclasses.astuple(self)}"
