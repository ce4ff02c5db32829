"""The networks in PyTorch, with the names of `in_jaxcnn`."""

from collections import OrderedDict
from typing import Any

from torch import nn
from torch.nn import functional

from benchmarks.networks.plans import MOBILENET_V2, RESNET20, Inverted


def chain(**parts: nn.Module) -> nn.Sequential:
    """Modules one after the other, by name."""
    return nn.Sequential(OrderedDict(parts))


def lenet() -> nn.Sequential:
    """LeNet with sigmoids and average pooling."""
    return chain(
        conv1=nn.Conv2d(1, 6, 5, padding=2), sigmoid1=nn.Sigmoid(), pool1=nn.AvgPool2d(2),
        conv2=nn.Conv2d(6, 16, 5), sigmoid2=nn.Sigmoid(), pool2=nn.AvgPool2d(2),
        flatten=nn.Flatten(), dense1=nn.Linear(400, 120), sigmoid3=nn.Sigmoid(),
        dense2=nn.Linear(120, 84), sigmoid4=nn.Sigmoid(), dense3=nn.Linear(84, 10),
    )  # fmt: skip


def conv_norm(
    channels: int, features: int, window: int, stride: int = 1, groups: int = 1
) -> nn.Sequential:
    """A convolution without bias, and batch normalization."""
    conv = nn.Conv2d(
        channels, features, window, stride, padding=window // 2, groups=groups, bias=False
    )
    return chain(conv=conv, norm=nn.BatchNorm2d(features))


class Block(nn.Module):
    """A block of ResNet-20."""

    def __init__(self, channels: int, features: int, stride: int) -> None:
        super().__init__()
        self.first = conv_norm(channels, features, 3, stride)
        self.last = conv_norm(features, features, 3)
        self.stride, self.more = stride, features - channels

    def forward(self, x: Any) -> Any:
        """Images in, images out."""
        y = self.last(functional.relu(self.first(x)))
        if self.more:
            x = functional.pad(x[:, :, :: self.stride, :: self.stride], [0] * 5 + [self.more])
        return functional.relu(x + y)


def resnet20() -> nn.Sequential:
    """ResNet-20 for CIFAR, whose shortcuts have no parameters."""
    parts: dict[str, nn.Module] = {"stem": conv_norm(3, 16, 3), "relu": nn.ReLU()}
    channels = 16
    for i, (features, stride) in enumerate(RESNET20):
        parts[f"block{i}"] = Block(channels, features, stride)
        channels = features
    ends = {"mean": nn.AdaptiveAvgPool2d(1), "flatten": nn.Flatten(), "dense": nn.Linear(64, 10)}
    return chain(**parts, **ends)


class InvertedResidual(nn.Module):
    """A block of MobileNetV2."""

    def __init__(self, channels: int, block: Inverted) -> None:
        super().__init__()
        wide = block.expansion * channels
        self.expand = conv_norm(channels, wide, 1) if block.expansion > 1 else None
        self.depthwise = conv_norm(wide, wide, 3, block.stride, wide)
        self.project = conv_norm(wide, block.features, 1)
        self.added = block.stride == 1 and block.features == channels

    def forward(self, x: Any) -> Any:
        """Images in, images out."""
        y = x if self.expand is None else functional.relu6(self.expand(x))
        y = self.project(functional.relu6(self.depthwise(y)))
        return x + y if self.added else y


def mobilenet_v2() -> nn.Sequential:
    """MobileNetV2 at width 1, without dropout."""
    parts: dict[str, nn.Module] = {"stem": conv_norm(3, 32, 3, 2), "relu1": nn.ReLU6()}
    channels = 32
    for i, block in enumerate(MOBILENET_V2):
        parts[f"block{i}"] = InvertedResidual(channels, block)
        channels = block.features
    ends = {"mean": nn.AdaptiveAvgPool2d(1), "flatten": nn.Flatten(), "dense": nn.Linear(1280, 10)}
    return chain(**parts, head=conv_norm(channels, 1280, 1), relu2=nn.ReLU6(), **ends)
