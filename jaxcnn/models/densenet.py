"""DenseNet: every layer of a block sees the outputs of all layers before it.

Reference: Huang, Liu, van der Maaten and Weinberger, *Densely Connected Convolutional Networks*
(2017).
"""

from jaxcnn.layers import (
    Activation,
    AvgPool2d,
    BatchNorm,
    Dense,
    GlobalAvgPool,
    Identity,
    Layer,
    MaxPool2d,
    Parallel,
    Sequential,
)
from jaxcnn.models.blocks import Stem, conv, is_small


def densenet121(num_classes: int = 10, *, growth: int = 32, stem: Stem = "imagenet") -> Layer:
    """DenseNet-121: blocks of 6, 12, 24 and 16 layers.

    7,978,856 parameters and 2.83 billion multiply-adds for 1000 classes of 224×224×3 images.

    Args:
        num_classes: the number of outputs.
        growth: how many channels each layer of a block adds.
        stem: ``"small"`` begins with a 3×3 convolution of stride 1 and no pooling, for images of
            28 to 64 pixels.

    Returns:
        A model over ``(n, height, width, channels)`` images that gives ``(n, num_classes)`` logits.

    >>> from jaxcnn.layers import summary
    >>> sum(row.parameters for row in summary(densenet121(1000), (1, 224, 224, 3)))
    7978856
    """
    channels = 2 * growth
    first = {"conv0": conv(channels, 3), "norm0": BatchNorm(), "relu0": Activation("relu")}
    if not is_small("densenet121", stem):
        first |= {"conv0": conv(channels, 7, stride=2), "pool0": MaxPool2d(3, stride=2, padding=1)}
    parts = dict(first)
    counts = (6, 12, 24, 16)
    for number, count in enumerate(counts, 1):
        parts[f"denseblock{number}"] = Sequential(
            **{f"denselayer{i}": _grown(growth) for i in range(1, count + 1)}
        )
        channels += count * growth
        if number < len(counts):
            channels //= 2
            parts[f"transition{number}"] = _transition(channels)
    parts |= {"norm5": BatchNorm()}
    return Sequential(
        features=Sequential(**parts),
        relu=Activation("relu"),
        avgpool=GlobalAvgPool(),
        classifier=Dense(num_classes),
    )


def _grown(growth: int) -> Layer:
    """The input, and ``growth`` new channels that are computed from it."""
    new = Sequential(
        norm1=BatchNorm(),
        relu1=Activation("relu"),
        conv1=conv(4 * growth, 1),
        norm2=BatchNorm(),
        relu2=Activation("relu"),
        conv2=conv(growth, 3),
    )
    return Parallel(inline=True, x=Identity(), new=new)


def _transition(channels: int) -> Layer:
    return Sequential(
        norm=BatchNorm(), relu=Activation("relu"), conv=conv(channels, 1), pool=AvgPool2d(2)
    )
