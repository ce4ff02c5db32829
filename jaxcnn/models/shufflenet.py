"""ShuffleNet V2: half of the channels pass each block, then the channels are shuffled.

Reference: Ma, Zhang, Zheng and Sun, *ShuffleNet V2: Practical Guidelines for Efficient CNN
Architecture Design* (2018).
"""

from jaxcnn.layers import (
    Activation,
    BatchNorm,
    ChannelShuffle,
    Dense,
    GlobalAvgPool,
    Identity,
    Inline,
    Layer,
    MaxPool2d,
    Parallel,
    Sequential,
    Split,
)
from jaxcnn.models.blocks import Stem, conv, conv_bn, is_small

STAGES = ((116, 4), (232, 8), (464, 4))
"""Table 5 of the paper, width 1×: channels and number of blocks."""


def shufflenet_v2_x1_0(num_classes: int = 10, *, stem: Stem = "imagenet") -> Layer:
    """ShuffleNet V2 of width 1×; 2,278,604 parameters and 0.14 billion multiply-adds.

    These are for 1000 classes of 224×224×3 images.

    Args:
        num_classes: the number of outputs.
        stem: ``"small"`` begins with a stride of 1 and no pooling, for images of 28 to 64 pixels.

    Returns:
        A model over ``(n, height, width, channels)`` images that gives ``(n, num_classes)`` logits.

    >>> from jaxcnn.layers import summary
    >>> sum(row.parameters for row in summary(shufflenet_v2_x1_0(1000), (1, 224, 224, 3)))
    2278604
    """
    if is_small("shufflenet_v2_x1_0", stem):
        parts = {"conv1": conv_bn(24)}
    else:
        parts = {"conv1": conv_bn(24, stride=2), "maxpool": MaxPool2d(3, stride=2, padding=1)}
    before = 24
    for number, (channels, count) in enumerate(STAGES, 2):
        blocks = [_halving(before, channels), *(_passing(channels) for _ in range(count - 1))]
        parts[f"stage{number}"] = Sequential(*blocks)
        before = channels
    return Sequential(
        **parts, conv5=conv_bn(1024, 1), avgpool=GlobalAvgPool(), fc=Dense(num_classes)
    )


def _passing(channels: int) -> Layer:
    """A block of stride 1: one half of the channels passes unchanged."""
    half = channels // 2
    halves = Split(branch1=Identity(), branch2=_computed(half, 1))
    return _shuffled(halves)


def _halving(before: int, channels: int) -> Layer:
    """A block of stride 2, in which both branches see all channels."""
    half = channels // 2
    small = Sequential(*_depthwise(before, 2), *_pointwise(half))
    return _shuffled(Parallel(branch1=small, branch2=_computed(half, 2)))


def _computed(channels: int, stride: int) -> Layer:
    return Sequential(*_pointwise(channels), *_depthwise(channels, stride), *_pointwise(channels))


def _pointwise(channels: int) -> list[Layer]:
    return [conv(channels, 1), BatchNorm(), Activation("relu")]


def _depthwise(channels: int, stride: int) -> list[Layer]:
    return [conv(channels, 3, stride=stride, groups=channels), BatchNorm()]


def _shuffled(branches: Layer) -> Layer:
    return Sequential(branches=Inline(branches), shuffle=ChannelShuffle(2))
