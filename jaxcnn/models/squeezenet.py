"""SqueezeNet 1.1.

Reference: Iandola, Han, Moskewicz, Ashraf, Dally and Keutzer, *SqueezeNet: AlexNet-level accuracy
with 50× fewer parameters and <0.5MB model size* (2016); version 1.1 is the authors' own.
"""

from jaxcnn.layers import (
    Activation,
    Conv2d,
    Dropout,
    GlobalAvgPool,
    Inline,
    Layer,
    MaxPool2d,
    Parallel,
    Sequential,
)
from jaxcnn.models.blocks import Stem, is_small


def squeezenet1_1(num_classes: int = 10, *, dropout: float = 0.5, stem: Stem = "imagenet") -> Layer:
    """SqueezeNet 1.1; 1,235,496 parameters and 0.35 billion multiply-adds.

    These are for 1000 classes of 224×224×3 images.

    Args:
        num_classes: the number of outputs.
        dropout: the share of the numbers before the last convolution that is dropped in training.
        stem: ``"small"`` begins with a stride of 1, for images of 28 to 64 pixels.

    Returns:
        A model over ``(n, height, width, channels)`` images that gives ``(n, num_classes)`` logits.

    >>> from jaxcnn.layers import summary
    >>> sum(row.parameters for row in summary(squeezenet1_1(1000), (1, 224, 224, 3)))
    1235496
    """
    stride, padding = (1, 1) if is_small("squeezenet1_1", stem) else (2, 0)
    features = Sequential(
        Conv2d(64, 3, stride=stride, padding=padding, kernel_init="he_normal"),
        Activation("relu"),
        _pool(),
        _fire(16, 64),
        _fire(16, 64),
        _pool(),
        _fire(32, 128),
        _fire(32, 128),
        _pool(),
        _fire(48, 192),
        _fire(48, 192),
        _fire(64, 256),
        _fire(64, 256),
    )
    classifier = Sequential(
        Dropout(dropout),
        Conv2d(num_classes, 1, kernel_init="he_normal"),
        Activation("relu"),
        GlobalAvgPool(),
    )
    return Sequential(features=features, classifier=classifier)


def _fire(squeezed: int, channels: int) -> Layer:
    """A 1×1 convolution to few channels, then 1×1 and 3×3 convolutions side by side."""
    expand = Parallel(
        expand1x1=Inline(
            Sequential(
                expand1x1=Conv2d(channels, 1, kernel_init="he_normal"),
                expand1x1_activation=Activation("relu"),
            )
        ),
        expand3x3=Inline(
            Sequential(
                expand3x3=Conv2d(channels, 3, padding=1, kernel_init="he_normal"),
                expand3x3_activation=Activation("relu"),
            )
        ),
    )
    return Sequential(
        squeeze=Conv2d(squeezed, 1, kernel_init="he_normal"),
        squeeze_activation=Activation("relu"),
        expand=Inline(expand),
    )


def _pool() -> Layer:
    return MaxPool2d(3, stride=2, ceil_mode=True)
