"""MobileNetV2: inverted residuals with linear bottlenecks.

Reference: Sandler, Howard, Zhu, Zhmoginov and Chen, *MobileNetV2: Inverted Residuals and Linear
Bottlenecks* (2018).
"""

from jaxcnn.layers import (
    BatchNorm,
    Dense,
    Dropout,
    GlobalAvgPool,
    Layer,
    Residual,
    Sequential,
)
from jaxcnn.models.blocks import Stem, check_width, conv, conv_bn, is_small, multiple_of_8

STAGES = (
    (1, 16, 1, 1),
    (6, 24, 2, 2),
    (6, 32, 3, 2),
    (6, 64, 4, 2),
    (6, 96, 3, 1),
    (6, 160, 3, 2),
    (6, 320, 1, 1),
)
"""Table 2 of the paper: expansion, channels, number of blocks, stride of the first block."""


def mobilenet_v2(
    num_classes: int = 10, *, width: float = 1.0, dropout: float = 0.2, stem: Stem = "imagenet"
) -> Layer:
    """MobileNetV2; 3,504,872 parameters and 0.30 billion multiply-adds.

    These are for 1000 classes of 224×224×3 images. At width 0.35, with the small stem and without
    dropout, it classified 0.9224 ± 0.0043 of Fashion-MNIST's test images rightly after 6 epochs
    (docs/results.md).

    Args:
        num_classes: the number of outputs.
        width: the channels, as a multiple of the paper's, rounded to multiples of 8.
        dropout: the share of the numbers before the dense layer that is dropped in training.
        stem: ``"small"`` leaves out the strides of the first convolution and of the second stage,
            for images of 28 to 64 pixels.

    Returns:
        A model over ``(n, height, width, channels)`` images that gives ``(n, num_classes)`` logits.

    >>> from jaxcnn.layers import summary
    >>> sum(row.parameters for row in summary(mobilenet_v2(1000), (1, 224, 224, 3)))
    3504872
    """
    check_width("mobilenet_v2", width)
    small = is_small("mobilenet_v2", stem)
    channels = multiple_of_8(32 * width)
    features = [conv_bn(channels, stride=1 if small else 2, activation="relu6")]
    for index, (expansion, wide, count, stride) in enumerate(STAGES):
        after = multiple_of_8(wide * width)
        for block in range(count):
            step = stride if block == 0 and not (small and index == 1) else 1
            features.append(_block(channels, channels * expansion, after, step))
            channels = after
    last = multiple_of_8(1280 * max(width, 1.0))
    features.append(conv_bn(last, 1, activation="relu6"))
    return Sequential(
        features=Sequential(*features),
        avgpool=GlobalAvgPool(),
        classifier=Sequential(Dropout(dropout), Dense(num_classes)),
    )


def _block(before: int, inner: int, after: int, stride: int) -> Layer:
    """An inverted residual: wider, a depthwise convolution, narrower without an activation."""
    wider = [conv_bn(inner, 1, activation="relu6")] if inner != before else []
    body = Sequential(
        *wider,
        conv_bn(inner, 3, stride=stride, groups=inner, activation="relu6"),
        conv(after, 1),
        BatchNorm(),
    )
    whole = Sequential(conv=body)
    return Residual(whole, inline=True) if stride == 1 and before == after else whole
