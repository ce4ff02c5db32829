"""What an algorithm is asked to compute, in one canonical form.

A `Problem` is a cross-correlation of images ``(n, *sizes, channels)`` with a kernel
``(*window, channels // groups, features)``, all sizes known. XLA's general convolution comes in
many guises (the gradients of a convolution are convolutions with swapped axes); `jaxcnn.engine`
reads each of them as one of two tasks: the result of a `Problem`, or the gradient in its kernel.
"""

import dataclasses
import math
from typing import Any

import jax
import numpy as np
from jax import lax


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
        spacing: the distance between neighbouring pixels, with zeros between them (XLA's base
            dilation): more than 1 in the input gradient of a strided convolution.
        groups: the number of groups of channels that are convolved apart.
        dtype: what the numbers are.
    """

    batch: int
    sizes: tuple[int, ...]
    channels: int
    window: tuple[int, ...]
    features: int
    stride: tuple[int, ...]
    padding: tuple[tuple[int, int], ...]
    dilation: tuple[int, ...]
    spacing: tuple[int, ...]
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
        """The spatial sizes of the images with spacing and padding."""
        return tuple(
            max((size - 1) * gap + 1, 0) + low + high
            for size, gap, (low, high) in zip(self.sizes, self.spacing, self.padding, strict=True)
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
    def elements(self) -> int:
        """The numbers in input, kernel and result."""
        image = self.batch * math.prod(self.sizes) * self.channels
        kernel = self.taps * self.channels // self.groups * self.features
        return image + kernel + self.positions * self.features

    @property
    def depthwise(self) -> bool:
        """Whether each group has one channel."""
        return self.groups == self.channels > 1

    @property
    def plain(self) -> bool:
        """Whether no pixel stands apart."""
        return set(self.spacing) <= {1}

    def pad(self, x: jax.Array) -> jax.Array:
        """``x`` with its spacing and its padding, which XLA is kept from fusing into readers."""
        widths = [
            (low, high, gap - 1)
            for (low, high), gap in zip(self.padding, self.spacing, strict=True)
        ]
        if not any(any(width) for width in widths):
            return x
        padded = lax.pad(x, np.zeros((), x.dtype), [(0, 0, 0), *widths, (0, 0, 0)])
        return lax.optimization_barrier(padded)

    def unpadded(self) -> "Problem":
        """The same problem, of images that `pad` has been through."""
        none = ((0, 0),) * self.rank
        return dataclasses.replace(self, sizes=self.padded, padding=none, spacing=(1,) * self.rank)

    def tap(self, x: jax.Array, place: tuple[int, ...]) -> jax.Array:
        """The element at ``place`` of every window of the padded images."""
        starts, stops = [0], [x.shape[0]]
        for i, (a, n) in enumerate(zip(place, self.out, strict=True)):
            starts.append(a * self.dilation[i])
            stops.append(starts[-1] + (n - 1) * self.stride[i] + 1)
        return lax.slice(x, (*starts, 0), (*stops, x.shape[-1]), (1, *self.stride, 1))
