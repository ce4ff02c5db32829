"""EfficientNet-B0 and EfficientNetV2-S.

References: Tan and Le, *EfficientNet: Rethinking Model Scaling for Convolutional Neural Networks*
(2019); Tan and Le, *EfficientNetV2: Smaller Models and Faster Training* (2021).
"""

from collections.abc import Sequence
from typing import NamedTuple

from jaxcnn.layers import (
    Dense,
    Dropout,
    GlobalAvgPool,
    Layer,
    Residual,
    Sequential,
    StochasticDepth,
)
from jaxcnn.models.blocks import Stem, conv_bn, is_small, squeeze_excitation


class Stage(NamedTuple):
    """A row of the papers' tables.

    Attributes:
        expansion: the channels inside a block, as a multiple of those of its input.
        window: height and width of its convolution.
        stride: that of the first block.
        channels: the channels of the output.
        repeats: the number of blocks.
        fused: whether one dense convolution stands for the 1×1 and the depthwise one.
    """

    expansion: int
    window: int
    stride: int
    channels: int
    repeats: int
    fused: bool = False


B0 = (
    Stage(1, 3, 1, 16, 1),
    Stage(6, 3, 2, 24, 2),
    Stage(6, 5, 2, 40, 2),
    Stage(6, 3, 2, 80, 3),
    Stage(6, 5, 1, 112, 3),
    Stage(6, 5, 2, 192, 4),
    Stage(6, 3, 1, 320, 1),
)
"""Table 1 of the first paper."""

V2_S = (
    Stage(1, 3, 1, 24, 2, fused=True),
    Stage(4, 3, 2, 48, 4, fused=True),
    Stage(4, 3, 2, 64, 4, fused=True),
    Stage(4, 3, 2, 128, 6),
    Stage(6, 3, 1, 160, 9),
    Stage(6, 3, 2, 256, 15),
)
"""Table 4 of the second paper."""


def efficientnet_b0(
    num_classes: int = 10,
    *,
    dropout: float = 0.2,
    stochastic_depth: float = 0.2,
    stem: Stem = "imagenet",
) -> Layer:
    """EfficientNet-B0; 5,288,548 parameters and 0.39 billion multiply-adds.

    These are for 1000 classes of 224×224×3 images.

    Args:
        num_classes: the number of outputs.
        dropout: the share of the numbers before the dense layer that is dropped in training.
        stochastic_depth: the share of the examples that the last block is left out for in
            training; it grows from 0 with the depth.
        stem: ``"small"`` leaves out the strides of the first convolution and of the second stage,
            for images of 28 to 64 pixels.

    Returns:
        A model over ``(n, height, width, channels)`` images that gives ``(n, num_classes)`` logits.

    >>> from jaxcnn.layers import summary
    >>> sum(row.parameters for row in summary(efficientnet_b0(1000), (1, 224, 224, 3)))
    5288548
    """
    small = is_small("efficientnet_b0", stem)
    return _efficientnet(B0, 32, 1280, num_classes, dropout, stochastic_depth, small, 1e-5)


def efficientnet_v2_s(
    num_classes: int = 10,
    *,
    dropout: float = 0.2,
    stochastic_depth: float = 0.2,
    stem: Stem = "imagenet",
) -> Layer:
    """EfficientNetV2-S; 21,458,488 parameters and 8.37 billion multiply-adds.

    These are for 1000 classes of 384×384×3 images. The arguments are those of `efficientnet_b0`.
    """
    small = is_small("efficientnet_v2_s", stem)
    return _efficientnet(V2_S, 24, 1280, num_classes, dropout, stochastic_depth, small, 1e-3)


def _efficientnet(
    stages: Sequence[Stage],
    channels: int,
    last: int,
    num_classes: int,
    dropout: float,
    stochastic_depth: float,
    small: bool,
    epsilon: float,
) -> Layer:
    features = [conv_bn(channels, stride=1 if small else 2, activation="silu", epsilon=epsilon)]
    blocks, done = sum(stage.repeats for stage in stages), 0
    for index, stage in enumerate(stages):
        parts = []
        for block in range(stage.repeats):
            stride = stage.stride if block == 0 and not (small and index == 1) else 1
            rate = stochastic_depth * done / blocks
            parts.append(_block(stage, channels, stride, rate, epsilon))
            channels, done = stage.channels, done + 1
        features.append(Sequential(*parts))
    features.append(conv_bn(last, 1, activation="silu", epsilon=epsilon))
    return Sequential(
        features=Sequential(*features),
        avgpool=GlobalAvgPool(),
        classifier=Sequential(Dropout(dropout), Dense(num_classes)),
    )


def _block(stage: Stage, before: int, stride: int, rate: float, epsilon: float) -> Layer:
    inner, window = before * stage.expansion, stage.window

    def conv(channels: int, size: int, activation: str | None = "silu", **options: int) -> Layer:
        return conv_bn(channels, size, activation=activation, epsilon=epsilon, **options)

    if stage.fused and inner == before:
        parts = [conv(stage.channels, window, stride=stride)]
    elif stage.fused:
        parts = [conv(inner, window, stride=stride), conv(stage.channels, 1, None)]
    else:
        parts = [
            *([conv(inner, 1)] if inner != before else []),
            conv(inner, window, stride=stride, groups=inner),
            squeeze_excitation(inner, max(before // 4, 1), activation="silu"),
            conv(stage.channels, 1, None),
        ]
    body = Sequential(block=Sequential(*parts), stochastic_depth=StochasticDepth(rate))
    if stride == 1 and before == stage.channels:
        return Residual(body, inline=True)
    return Sequential(block=Sequential(*parts))
