"""MnasNet-B1: inverted residuals whose windows and widths were searched for.

Reference: Tan, Chen, Pang, Vasudevan, Sandler, Howard and Le, *MnasNet: Platform-Aware Neural
Architecture Search for Mobile* (2019).
"""

from jaxcnn.layers import (
    Activation,
    BatchNorm,
    Dense,
    Dropout,
    GlobalAvgPool,
    Layer,
    Residual,
    Sequential,
)
from jaxcnn.models.blocks import Stem, conv, is_small

STAGES = (
    (3, 2, 3, 24, 3),
    (5, 2, 3, 40, 3),
    (5, 2, 6, 80, 3),
    (3, 1, 6, 96, 2),
    (5, 2, 6, 192, 4),
    (3, 1, 6, 320, 1),
)
"""Window, stride of the first block, expansion, channels, number of blocks."""

MOMENTUM = 3e-4
"""Of batch norm: the running statistics are those of thousands of batches."""


def mnasnet1_0(num_classes: int = 10, *, dropout: float = 0.2, stem: Stem = "imagenet") -> Layer:
    """MnasNet-B1; 4,383,312 parameters and 0.31 billion multiply-adds.

    These are for 1000 classes of 224×224×3 images.

    Args:
        num_classes: the number of outputs.
        dropout: the share of the numbers before the dense layer that is dropped in training.
        stem: ``"small"`` leaves out the strides of the first convolution and of the first stage,
            for images of 28 to 64 pixels.

    Returns:
        A model over ``(n, height, width, channels)`` images that gives ``(n, num_classes)`` logits.

    >>> from jaxcnn.layers import summary
    >>> sum(row.parameters for row in summary(mnasnet1_0(1000), (1, 224, 224, 3)))
    4383312
    """
    small = is_small("mnasnet1_0", stem)
    parts = [
        *_normed(32, 3, stride=1 if small else 2),
        *_normed(32, 3, groups=32),
        *_normed(16, 1)[:2],
    ]
    before = 16
    for index, (window, stride, expansion, channels, count) in enumerate(STAGES):
        blocks = []
        for block in range(count):
            step = stride if block == 0 and not (small and index == 0) else 1
            blocks.append(_block(before, before * expansion, channels, window, step))
            before = channels
        parts.append(Sequential(*blocks))
    parts += _normed(1280, 1)
    return Sequential(
        layers=Sequential(*parts),
        avgpool=GlobalAvgPool(),
        classifier=Sequential(Dropout(dropout), Dense(num_classes)),
    )


def _block(before: int, inner: int, after: int, window: int, stride: int) -> Layer:
    layers = Sequential(
        *_normed(inner, 1),
        *_normed(inner, window, stride=stride, groups=inner),
        *_normed(after, 1)[:2],
    )
    body = Sequential(layers=layers)
    return Residual(body, inline=True) if stride == 1 and before == after else body


def _normed(channels: int, window: int, *, stride: int = 1, groups: int = 1) -> list[Layer]:
    """Convolution, batch norm and ReLU; where no activation follows, the first two are taken."""
    convolution = conv(channels, window, stride=stride, groups=groups)
    return [convolution, BatchNorm(momentum=MOMENTUM), Activation("relu")]
