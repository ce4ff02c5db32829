"""MobileNetV3, large and small: inverted residuals with squeeze-and-excitation and hard swish.

Reference: Howard, Sandler, Chu, Chen, Chen, Tan, Wang, Zhu, Pang, Vasudevan, Le and Adam,
*Searching for MobileNetV3* (2019).
"""

from collections.abc import Sequence
from typing import NamedTuple

from jaxcnn.layers import Activation, Dense, Dropout, GlobalAvgPool, Layer, Residual, Sequential
from jaxcnn.models.blocks import (
    Stem,
    check_width,
    conv_bn,
    is_small,
    multiple_of_8,
    squeeze_excitation,
)


class Row(NamedTuple):
    """A row of the paper's tables: one block.

    Attributes:
        window: height and width of the depthwise convolution.
        inner: the channels between the 1×1 convolutions.
        channels: the channels of its output.
        gated: whether it has squeeze-and-excitation.
        activation: its activation.
        stride: that of the depthwise convolution.
    """

    window: int
    inner: int
    channels: int
    gated: bool
    activation: str
    stride: int


RE, HS = "relu", "hard_swish"

LARGE = (
    Row(3, 16, 16, False, RE, 1),
    Row(3, 64, 24, False, RE, 2),
    Row(3, 72, 24, False, RE, 1),
    Row(5, 72, 40, True, RE, 2),
    Row(5, 120, 40, True, RE, 1),
    Row(5, 120, 40, True, RE, 1),
    Row(3, 240, 80, False, HS, 2),
    Row(3, 200, 80, False, HS, 1),
    Row(3, 184, 80, False, HS, 1),
    Row(3, 184, 80, False, HS, 1),
    Row(3, 480, 112, True, HS, 1),
    Row(3, 672, 112, True, HS, 1),
    Row(5, 672, 160, True, HS, 2),
    Row(5, 960, 160, True, HS, 1),
    Row(5, 960, 160, True, HS, 1),
)
"""Table 1 of the paper."""

SMALL = (
    Row(3, 16, 16, True, RE, 2),
    Row(3, 72, 24, False, RE, 2),
    Row(3, 88, 24, False, RE, 1),
    Row(5, 96, 40, True, HS, 2),
    Row(5, 240, 40, True, HS, 1),
    Row(5, 240, 40, True, HS, 1),
    Row(5, 120, 48, True, HS, 1),
    Row(5, 144, 48, True, HS, 1),
    Row(5, 288, 96, True, HS, 2),
    Row(5, 576, 96, True, HS, 1),
    Row(5, 576, 96, True, HS, 1),
)
"""Table 2 of the paper."""


def mobilenet_v3_large(
    num_classes: int = 10, *, width: float = 1.0, dropout: float = 0.2, stem: Stem = "imagenet"
) -> Layer:
    """MobileNetV3-Large; 5,483,032 parameters and 0.22 billion multiply-adds.

    These are for 1000 classes of 224×224×3 images.

    Args:
        num_classes: the number of outputs.
        width: the channels, as a multiple of the paper's, rounded to multiples of 8.
        dropout: the share of the numbers before the last dense layer that is dropped in training.
        stem: ``"small"`` leaves out the strides of the first convolution and of the first block
            that has one, for images of 28 to 64 pixels.

    Returns:
        A model over ``(n, height, width, channels)`` images that gives ``(n, num_classes)`` logits.

    >>> from jaxcnn.layers import summary
    >>> sum(row.parameters for row in summary(mobilenet_v3_large(1000), (1, 224, 224, 3)))
    5483032
    """
    return _mobilenet("mobilenet_v3_large", LARGE, 1280, num_classes, width, dropout, stem)


def mobilenet_v3_small(
    num_classes: int = 10, *, width: float = 1.0, dropout: float = 0.2, stem: Stem = "imagenet"
) -> Layer:
    """MobileNetV3-Small; 2,542,856 parameters and 0.06 billion multiply-adds.

    The arguments are those of `mobilenet_v3_large`.
    """
    return _mobilenet("mobilenet_v3_small", SMALL, 1024, num_classes, width, dropout, stem)


def _mobilenet(
    name: str,
    rows: Sequence[Row],
    features_after: int,
    num_classes: int,
    width: float,
    dropout: float,
    stem: str,
) -> Layer:
    check_width(name, width)
    small = is_small(name, stem)
    channels = multiple_of_8(16 * width)
    features = [_conv(channels, 3, HS, stride=1 if small else 2)]
    for row in rows:
        after = multiple_of_8(row.channels * width)
        stride = 1 if small and row is next(row for row in rows if row.stride > 1) else row.stride
        features.append(_block(channels, multiple_of_8(row.inner * width), after, stride, row))
        channels = after
    features.append(_conv(6 * channels, 1, HS))
    classifier = Sequential(
        Dense(multiple_of_8(features_after * width)),
        Activation(HS),
        Dropout(dropout),
        Dense(num_classes),
    )
    return Sequential(
        features=Sequential(*features), avgpool=GlobalAvgPool(), classifier=classifier
    )


def _block(before: int, inner: int, after: int, stride: int, row: Row) -> Layer:
    parts = [_conv(inner, 1, row.activation)] if inner != before else []
    parts.append(_conv(inner, row.window, row.activation, stride=stride, groups=inner))
    if row.gated:
        parts.append(squeeze_excitation(inner, multiple_of_8(inner // 4), gate="hard_sigmoid"))
    parts.append(_conv(after, 1, None))
    body = Sequential(block=Sequential(*parts))
    return Residual(body, inline=True) if stride == 1 and before == after else body


def _conv(
    channels: int, window: int, activation: str | None, *, stride: int = 1, groups: int = 1
) -> Layer:
    return conv_bn(
        channels,
        window,
        stride=stride,
        groups=groups,
        activation=activation,
        epsilon=1e-3,
        momentum=0.01,
    )
