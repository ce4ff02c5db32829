"""VGG: stacks of 3×3 convolutions, with and without batch norm.

Reference: Simonyan and Zisserman, *Very Deep Convolutional Networks for Large-Scale Image
Recognition* (2015).
"""

from jaxcnn.layers import (
    Activation,
    AdaptiveAvgPool2d,
    BatchNorm,
    Conv2d,
    Dense,
    Dropout,
    Flatten,
    GlobalAvgPool,
    Layer,
    MaxPool2d,
    Sequential,
)
from jaxcnn.models.blocks import Stem, check_width, is_small

CHANNELS = (64, 128, 256, 512, 512)
"""The channels of each of the five stages; a 2×2 max pool follows each stage."""


def vgg11(
    num_classes: int = 10, *, width: float = 1.0, dropout: float = 0.5, stem: Stem = "imagenet"
) -> Layer:
    """VGG-11, configuration A of the paper's table 1.

    132,863,336 parameters and 7.61 billion multiply-adds for 1000 classes of 224×224×3 images.

    Args:
        num_classes: the number of outputs.
        width: the channels of every convolution, as a multiple of the paper's.
        dropout: the share of the numbers between the dense layers that is dropped in training.
        stem: ``"small"`` ends with global average pooling and one dense layer, as is usual for
            images of 32 to 64 pixels.

    Returns:
        A model over ``(n, height, width, channels)`` images of at least 32×32 pixels that gives
        ``(n, num_classes)`` logits.

    >>> from jaxcnn.layers import summary
    >>> sum(row.parameters for row in summary(vgg11(1000), (1, 224, 224, 3)))
    132863336
    """
    return _vgg("vgg11", (1, 1, 2, 2, 2), num_classes, width, dropout, stem)


def vgg13(
    num_classes: int = 10, *, width: float = 1.0, dropout: float = 0.5, stem: Stem = "imagenet"
) -> Layer:
    """VGG-13, configuration B; 133,047,848 parameters. The arguments are those of `vgg11`."""
    return _vgg("vgg13", (2, 2, 2, 2, 2), num_classes, width, dropout, stem)


def vgg16(
    num_classes: int = 10, *, width: float = 1.0, dropout: float = 0.5, stem: Stem = "imagenet"
) -> Layer:
    """VGG-16, configuration D; 138,357,544 parameters. The arguments are those of `vgg11`."""
    return _vgg("vgg16", (2, 2, 3, 3, 3), num_classes, width, dropout, stem)


def vgg19(
    num_classes: int = 10, *, width: float = 1.0, dropout: float = 0.5, stem: Stem = "imagenet"
) -> Layer:
    """VGG-19, configuration E; 143,667,240 parameters. The arguments are those of `vgg11`."""
    return _vgg("vgg19", (2, 2, 4, 4, 4), num_classes, width, dropout, stem)


def vgg11_bn(
    num_classes: int = 10, *, width: float = 1.0, dropout: float = 0.5, stem: Stem = "imagenet"
) -> Layer:
    """`vgg11` with batch norm after each convolution; 132,868,840 parameters."""
    return _vgg("vgg11_bn", (1, 1, 2, 2, 2), num_classes, width, dropout, stem, norm=True)


def vgg13_bn(
    num_classes: int = 10, *, width: float = 1.0, dropout: float = 0.5, stem: Stem = "imagenet"
) -> Layer:
    """`vgg13` with batch norm after each convolution; 133,053,736 parameters."""
    return _vgg("vgg13_bn", (2, 2, 2, 2, 2), num_classes, width, dropout, stem, norm=True)


def vgg16_bn(
    num_classes: int = 10, *, width: float = 1.0, dropout: float = 0.5, stem: Stem = "imagenet"
) -> Layer:
    """`vgg16` with batch norm after each convolution; 138,365,992 parameters."""
    return _vgg("vgg16_bn", (2, 2, 3, 3, 3), num_classes, width, dropout, stem, norm=True)


def vgg19_bn(
    num_classes: int = 10, *, width: float = 1.0, dropout: float = 0.5, stem: Stem = "imagenet"
) -> Layer:
    """`vgg19` with batch norm after each convolution; 143,678,248 parameters."""
    return _vgg("vgg19_bn", (2, 2, 4, 4, 4), num_classes, width, dropout, stem, norm=True)


def _vgg(
    name: str,
    counts: tuple[int, ...],
    num_classes: int,
    width: float,
    dropout: float,
    stem: str,
    *,
    norm: bool = False,
) -> Layer:
    check_width(name, width)
    features: list[Layer] = []
    for channels, count in zip(CHANNELS, counts, strict=True):
        for _ in range(count):
            features.append(
                Conv2d(max(round(channels * width), 1), 3, padding=1, kernel_init="he_normal")
            )
            features += [BatchNorm()] if norm else []
            features.append(Activation("relu"))
        features.append(MaxPool2d(2))
    if is_small(name, stem):
        pooled, classifier = {"avgpool": GlobalAvgPool()}, Sequential(Dense(num_classes))
    else:
        pooled = {"avgpool": AdaptiveAvgPool2d(7), "flatten": Flatten()}
        classifier = Sequential(
            Dense(4096),
            Activation("relu"),
            Dropout(dropout),
            Dense(4096),
            Activation("relu"),
            Dropout(dropout),
            Dense(num_classes),
        )
    return Sequential(features=Sequential(*features), **pooled, classifier=classifier)
