"""The layers of well-known networks that are timed."""

from typing import Any, NamedTuple

import jax
import numpy as np
from jax import lax

import jaxcnn as jc


class ConvolutionCase(NamedTuple):
    """A convolution of images ``(n, *sizes, channels)``, with its options."""

    batch: int
    sizes: tuple[int, ...]
    channels: int
    features: int
    window: int
    stride: int = 1
    padding: int = 0
    groups: int = 1
    transposed: bool = False

    @property
    def rank(self) -> int:
        """The number of spatial axes."""
        return len(self.sizes)

    def shapes(self, dtype: Any = np.float32) -> tuple[Any, Any]:
        """The shapes of the images and of the kernel."""
        into = self.channels if self.transposed else self.channels // self.groups
        images = (self.batch, *self.sizes, self.channels)
        kernel = (*(self.window,) * self.rank, into, self.features)
        return jax.ShapeDtypeStruct(images, dtype), jax.ShapeDtypeStruct(kernel, dtype)

    def operands(self) -> tuple[Any, Any]:
        """Random images and a random kernel."""
        random = np.random.default_rng(0)
        images, weights = self.shapes()
        x = random.standard_normal(images.shape, np.float32)
        kernel = random.standard_normal(weights.shape)
        return jax.numpy.asarray(x), jax.numpy.asarray(0.1 * kernel, np.float32)

    def ours(self, x: Any, kernel: Any, algorithm: str = "auto") -> Any:
        """Compute it with jaxcnn."""
        options: dict[str, Any] = {"stride": self.stride, "padding": self.padding}
        if self.transposed:
            fn = getattr(jc, f"conv_transpose{self.rank}d")
            return fn(x, kernel, algorithm=algorithm, **options)
        fn = getattr(jc, f"conv{self.rank}d")
        return fn(x, kernel, groups=self.groups, algorithm=algorithm, **options)

    def lax(self, x: Any, kernel: Any) -> Any:
        """Compute it with `jax.lax`."""
        spatial = "DHW"[3 - self.rank :]
        axes = (f"N{spatial}C", f"{spatial}IO", f"N{spatial}C")
        edge = self.window - 1 - self.padding if self.transposed else self.padding
        gaps = (self.stride,) * self.rank
        ones = (1,) * self.rank
        return lax.conv_general_dilated(
            x,
            kernel,
            ones if self.transposed else gaps,
            [(edge, edge)] * self.rank,
            lhs_dilation=gaps if self.transposed else ones,
            dimension_numbers=axes,
            feature_group_count=self.groups,
        )

    def torch(self, x: Any, kernel: Any) -> Any:
        """Compute it with PyTorch, from tensors in its layout."""
        from torch.nn import functional

        if self.transposed:
            fn = getattr(functional, f"conv_transpose{self.rank}d")
            return fn(x, kernel, stride=self.stride, padding=self.padding)
        fn = getattr(functional, f"conv{self.rank}d")
        return fn(x, kernel, stride=self.stride, padding=self.padding, groups=self.groups)


LAYERS = {
    "LeNet 1": ConvolutionCase(256, (28, 28), 1, 6, 5, padding=2),
    "LeNet 2": ConvolutionCase(256, (14, 14), 6, 16, 5),
    "AlexNet 1": ConvolutionCase(8, (224, 224), 3, 96, 11, 4, 2),
    "AlexNet 2": ConvolutionCase(8, (26, 26), 96, 256, 5, padding=2),
    "VGG 1": ConvolutionCase(4, (224, 224), 3, 64, 3, padding=1),
    "VGG 2": ConvolutionCase(2, (112, 112), 64, 128, 3, padding=1),
    "VGG 4": ConvolutionCase(8, (28, 28), 256, 512, 3, padding=1),
    "ResNet stem": ConvolutionCase(8, (224, 224), 3, 64, 7, 2, 3),
    "ResNet 3x3 at 56": ConvolutionCase(8, (56, 56), 64, 64, 3, padding=1),
    "ResNet 3x3 at 28": ConvolutionCase(8, (28, 28), 128, 128, 3, padding=1),
    "ResNet 3x3 at 14": ConvolutionCase(8, (14, 14), 256, 256, 3, padding=1),
    "ResNet 3x3 at 7": ConvolutionCase(8, (7, 7), 512, 512, 3, padding=1),
    "ResNet 3x3 stride 2": ConvolutionCase(8, (56, 56), 64, 128, 3, 2, 1),
    "ResNet 1x1 stride 2": ConvolutionCase(8, (56, 56), 64, 128, 1, 2),
    "ResNet 1x1 up": ConvolutionCase(8, (56, 56), 64, 256, 1),
    "ResNet 1x1 down": ConvolutionCase(8, (28, 28), 512, 128, 1),
    "CIFAR stem": ConvolutionCase(128, (32, 32), 3, 16, 3, padding=1),
    "CIFAR 16": ConvolutionCase(128, (32, 32), 16, 16, 3, padding=1),
    "CIFAR 32": ConvolutionCase(128, (16, 16), 32, 32, 3, padding=1),
    "CIFAR 64": ConvolutionCase(128, (8, 8), 64, 64, 3, padding=1),
    "CIFAR stride 2": ConvolutionCase(128, (32, 32), 16, 32, 3, 2, 1),
    "MobileNetV2 stem": ConvolutionCase(8, (224, 224), 3, 32, 3, 2, 1),
    "MobileNetV2 depthwise at 112": ConvolutionCase(8, (112, 112), 32, 32, 3, padding=1, groups=32),
    "MobileNetV2 depthwise stride 2": ConvolutionCase(8, (112, 112), 96, 96, 3, 2, 1, groups=96),
    "MobileNetV2 depthwise at 14": ConvolutionCase(8, (14, 14), 384, 384, 3, padding=1, groups=384),
    "MobileNetV2 1x1 wide": ConvolutionCase(8, (56, 56), 24, 144, 1),
    "MobileNetV2 1x1 narrow": ConvolutionCase(8, (14, 14), 384, 64, 1),
    "EfficientNet depthwise 5x5": ConvolutionCase(8, (28, 28), 240, 240, 5, padding=2, groups=240),
    "EfficientNet 5x5 stride 2": ConvolutionCase(8, (56, 56), 144, 144, 5, 2, 2, groups=144),
    "ConvNeXt patches": ConvolutionCase(8, (224, 224), 3, 96, 4, 4),
    "ConvNeXt down": ConvolutionCase(8, (56, 56), 96, 192, 2, 2),
    "ConvNeXt depthwise 7x7 at 28": ConvolutionCase(
        8, (28, 28), 192, 192, 7, padding=3, groups=192
    ),
    "ConvNeXt depthwise 7x7 at 56": ConvolutionCase(8, (56, 56), 96, 96, 7, padding=3, groups=96),
    "ResNeXt grouped at 28": ConvolutionCase(8, (28, 28), 256, 256, 3, padding=1, groups=32),
    "ResNeXt grouped at 14": ConvolutionCase(8, (14, 14), 512, 512, 3, padding=1, groups=32),
    "U-Net transposed": ConvolutionCase(4, (28, 28), 256, 128, 2, 2, transposed=True),
    "DCGAN transposed": ConvolutionCase(32, (8, 8), 256, 128, 4, 2, 1, transposed=True),
    "audio": ConvolutionCase(8, (4000,), 32, 64, 3, padding=1),
    "video": ConvolutionCase(2, (8, 28, 28), 32, 64, 3, padding=1),
}
