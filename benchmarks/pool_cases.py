"""The poolings of well-known networks that are timed."""

from typing import Any, NamedTuple

import flax.linen as nn
import jax.numpy as jnp
import numpy as np
from jax import lax

import jaxcnn as jc
from benchmarks.networks.in_flax import promoting

FUNCTIONS = {"max": "max_pool", "average": "avg_pool", "adaptive": "adaptive_avg_pool"}


class Pool(NamedTuple):
    """A pooling of images ``(n, *sizes, channels)``, by windows or to a given size."""

    kind: str
    """``"max"``, ``"average"`` or ``"adaptive"`` (averages, to ``window`` pixels on each axis)."""
    batch: int
    sizes: tuple[int, ...]
    channels: int
    window: int
    stride: int = 1
    padding: int = 0

    @property
    def rank(self) -> int:
        """The number of spatial axes."""
        return len(self.sizes)

    def images(self) -> Any:
        """Random images."""
        shape = (self.batch, *self.sizes, self.channels)
        return jnp.asarray(np.random.default_rng(0).standard_normal(shape, np.float32))

    def ours(self, x: Any) -> Any:
        """Compute it with jaxcnn."""
        return self._named(jc, x)

    def lax(self, x: Any) -> Any:
        """Compute it with `lax.reduce_window` as Flax calls it, or with means of slices."""
        if self.kind == "adaptive":
            return self._means(x)
        fn = nn.max_pool if self.kind == "max" else nn.avg_pool
        edges = [(self.padding, self.padding)] * self.rank
        with promoting():
            return fn(x, (self.window,) * self.rank, (self.stride,) * self.rank, edges)

    def _means(self, x: Any) -> Any:
        """The means of an even grid, computed axis by axis."""
        if self.window == 1:
            return x.mean(range(1, self.rank + 1), keepdims=True)
        for axis, size in enumerate(self.sizes, start=1):
            starts = [i * size // self.window for i in range(self.window)]
            stops = [-(-(i + 1) * size // self.window) for i in range(self.window)]
            bins = [
                lax.slice_in_dim(x, *ends, axis=axis) for ends in zip(starts, stops, strict=True)
            ]
            x = jnp.stack([part.mean(axis) for part in bins], axis)
        return x

    def torch(self, x: Any) -> Any:
        """Compute it with PyTorch, from a tensor in its layout."""
        from torch.nn import functional

        return self._named(functional, x)

    def _named(self, library: Any, x: Any) -> Any:
        """Compute it with the function that has the same name in jaxcnn and torch."""
        fn = getattr(library, f"{FUNCTIONS[self.kind]}{self.rank}d")
        if self.kind == "adaptive":
            return fn(x, self.window)
        return fn(x, self.window, stride=self.stride, padding=self.padding)


POOLS = {
    "LeNet max 2x2": Pool("max", 256, (28, 28), 6, 2, 2),
    "LeNet average 2x2": Pool("average", 256, (28, 28), 6, 2, 2),
    "VGG max 2x2": Pool("max", 4, (112, 112), 128, 2, 2),
    "DenseNet average 2x2": Pool("average", 8, (56, 56), 128, 2, 2),
    "AlexNet max 3x3 stride 2": Pool("max", 8, (55, 55), 64, 3, 2),
    "ResNet max 3x3 stride 2": Pool("max", 8, (112, 112), 64, 3, 2, 1),
    "average 3x3 stride 2": Pool("average", 8, (56, 56), 64, 3, 2, 1),
    "Inception max 3x3 stride 1": Pool("max", 8, (28, 28), 256, 3, 1, 1),
    "Inception average 3x3 stride 1": Pool("average", 8, (28, 28), 256, 3, 1, 1),
    "Inception average 5x5 stride 3": Pool("average", 8, (14, 14), 512, 5, 3),
    "global max": Pool("max", 8, (7, 7), 2048, 7),
    "ResNet global": Pool("adaptive", 8, (7, 7), 2048, 1),
    "CIFAR global": Pool("adaptive", 128, (8, 8), 64, 1),
    "AlexNet adaptive 13 to 6": Pool("adaptive", 8, (13, 13), 256, 6),
    "VGG adaptive 14 to 7": Pool("adaptive", 8, (14, 14), 512, 7),
    "audio max 2": Pool("max", 8, (16000,), 64, 2, 2),
    "audio max 3 stride 2": Pool("max", 8, (16000,), 64, 3, 2, 1),
    "audio average 4": Pool("average", 8, (16000,), 64, 4, 4),
    "audio global": Pool("adaptive", 8, (16000,), 64, 1),
    "video max 2x2x2": Pool("max", 2, (16, 56, 56), 64, 2, 2),
    "video max 3x3x3 stride 2": Pool("max", 2, (16, 56, 56), 64, 3, 2, 1),
    "video average 2x2x2": Pool("average", 2, (16, 56, 56), 64, 2, 2),
    "video average 3x3x3 stride 1": Pool("average", 2, (8, 28, 28), 64, 3, 1, 1),
    "video global": Pool("adaptive", 2, (8, 7, 7), 512, 1),
}
