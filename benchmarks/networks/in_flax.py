"""The networks in Flax, with the parameter names of `in_jaxcnn`."""

import functools
from typing import Any

import flax.linen as nn
import jax

from benchmarks.networks.in_jaxcnn import widened
from benchmarks.networks.plans import MOBILENET_V2, RESNET20, RESNET50, Inverted

promoting = functools.partial(jax.numpy_dtype_promotion, "standard")
"""The settings for Flax: its averages divide by an int, its norms mix float types."""


class LeNet(nn.Module):
    """LeNet with sigmoids and average pooling."""

    @nn.compact
    def __call__(self, x: Any, train: bool = False) -> Any:
        """Logits of images ``(n, 28, 28, 1)``."""
        x = nn.sigmoid(nn.Conv(6, (5, 5), padding=2, name="conv1")(x))
        x = nn.avg_pool(x, (2, 2), (2, 2))
        x = nn.sigmoid(nn.Conv(16, (5, 5), padding=0, name="conv2")(x))
        x = nn.avg_pool(x, (2, 2), (2, 2))
        x = nn.sigmoid(nn.Dense(120, name="dense1")(x.reshape(x.shape[0], -1)))
        x = nn.sigmoid(nn.Dense(84, name="dense2")(x))
        return nn.Dense(10, name="dense3")(x)


class ConvNorm(nn.Module):
    """A convolution without bias, and batch normalization."""

    features: int
    window: int
    stride: int = 1
    groups: int = 1

    @nn.compact
    def __call__(self, x: Any, train: bool) -> Any:
        """Images in, images out."""
        x = nn.Conv(
            self.features,
            (self.window,) * 2,
            self.stride,
            self.window // 2,
            feature_group_count=self.groups,
            use_bias=False,
            name="conv",
        )(x)
        return nn.BatchNorm(use_running_average=not train, momentum=0.9, name="norm")(x)


class Block(nn.Module):
    """A block of ResNet-20 without its last activation."""

    features: int
    stride: int

    @nn.compact
    def __call__(self, x: Any, train: bool) -> Any:
        """Images in, images out."""
        y = nn.relu(ConvNorm(self.features, 3, self.stride, name="first")(x, train))
        y = ConvNorm(self.features, 3, name="last")(y, train)
        return y + widened(x, self.features, self.stride)


class ResNet20(nn.Module):
    """ResNet-20 for CIFAR, whose shortcuts have no parameters."""

    @nn.compact
    def __call__(self, x: Any, train: bool = False) -> Any:
        """Logits of images ``(n, 32, 32, 3)``."""
        x = nn.relu(ConvNorm(16, 3, name="stem")(x, train))
        for i, (features, stride) in enumerate(RESNET20):
            x = nn.relu(Block(features, stride, name=f"block{i}")(x, train))
        return nn.Dense(10, name="dense")(x.mean((1, 2)))


class Bottleneck(nn.Module):
    """A block of ResNet-50 without its last activation: 1×1, 3×3 with the stride, 1×1."""

    features: int
    stride: int

    @nn.compact
    def __call__(self, x: Any, train: bool) -> Any:
        """Images ``(n, h, w, c)`` in, images ``(n, h / stride, w / stride, 4 * features)`` out."""
        y = nn.relu(ConvNorm(self.features, 1, name="reduce")(x, train))
        y = nn.relu(ConvNorm(self.features, 3, self.stride, name="window")(y, train))
        y = ConvNorm(4 * self.features, 1, name="expand")(y, train)
        if x.shape != y.shape:
            x = ConvNorm(4 * self.features, 1, self.stride, name="shortcut")(x, train)
        return y + x


class ResNet50(nn.Module):
    """ResNet-50 of He et al. (2016), with the stride in the 3×3 convolutions as PyTorch has it."""

    stages: tuple[tuple[int, int], ...] = RESNET50
    width: int = 64
    classes: int = 1000

    @nn.compact
    def __call__(self, x: Any, train: bool = False) -> Any:
        """Logits of images ``(n, 224, 224, 3)``."""
        x = nn.relu(ConvNorm(self.width, 7, 2, name="stem")(x, train))
        x = nn.max_pool(x, (3, 3), (2, 2), ((1, 1), (1, 1)))
        for i, (blocks, stride) in enumerate(self.stages):
            for j in range(blocks):
                block = Bottleneck(2**i * self.width, 1 if j else stride, name=f"stage{i}_{j}")
                x = nn.relu(block(x, train))
        return nn.Dense(self.classes, name="dense")(x.mean((1, 2)))


class InvertedResidual(nn.Module):
    """A block of MobileNetV2."""

    block: Inverted

    @nn.compact
    def __call__(self, x: Any, train: bool) -> Any:
        """Images in, images out."""
        expansion, features, stride = self.block
        wide, y = expansion * x.shape[-1], x
        if expansion > 1:
            y = nn.relu6(ConvNorm(wide, 1, name="expand")(y, train))
        y = nn.relu6(ConvNorm(wide, 3, stride, wide, name="depthwise")(y, train))
        y = ConvNorm(features, 1, name="project")(y, train)
        return y + x if stride == 1 and features == x.shape[-1] else y


class MobileNetV2(nn.Module):
    """MobileNetV2 at width 1, without dropout."""

    @nn.compact
    def __call__(self, x: Any, train: bool = False) -> Any:
        """Logits of images ``(n, 96, 96, 3)``."""
        x = nn.relu6(ConvNorm(32, 3, 2, name="stem")(x, train))
        for i, block in enumerate(MOBILENET_V2):
            x = InvertedResidual(block, name=f"block{i}")(x, train)
        x = nn.relu6(ConvNorm(1280, 1, name="head")(x, train))
        return nn.Dense(10, name="dense")(x.mean((1, 2)))
