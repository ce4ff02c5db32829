"""ResNet, Wide ResNet and ResNeXt, for ImageNet and for small images.

References: He, Zhang, Ren and Sun, *Deep Residual Learning for Image Recognition* (2015);
Zagoruyko and Komodakis, *Wide Residual Networks* (2016); Xie, Girshick, Dollár, Tu and He,
*Aggregated Residual Transformations for Deep Neural Networks* (2017).
The stride of a bottleneck is in its 3×3 convolution, as in torchvision.
"""

from collections.abc import Callable, Sequence

from jaxcnn.layers import (
    Activation,
    BatchNorm,
    Dense,
    GlobalAvgPool,
    Layer,
    MaxPool2d,
    Residual,
    Sequential,
)
from jaxcnn.models.blocks import Stem, conv, is_small

Block = Callable[[int, int, bool], Layer]
"""Makes a block from its channels, its stride and whether its shortcut is a convolution."""


def resnet18(num_classes: int = 10, *, width: int = 64, stem: Stem = "imagenet") -> Layer:
    """ResNet-18: two basic blocks in each of four stages.

    11,689,512 parameters and 1.81 billion multiply-adds for 1000 classes of 224×224×3 images.

    Args:
        num_classes: the number of outputs.
        width: the channels of the first stage; each further stage has twice as many.
        stem: ``"small"`` begins with a 3×3 convolution of stride 1 and no pooling, as is usual for
            images of 28 to 64 pixels.

    Returns:
        A model over ``(n, height, width, channels)`` images that gives ``(n, num_classes)`` logits.

    >>> from jaxcnn.layers import summary
    >>> sum(row.parameters for row in summary(resnet18(1000), (1, 224, 224, 3)))
    11689512
    """
    return _resnet("resnet18", (2, 2, 2, 2), _basic, num_classes, width, stem)


def resnet34(num_classes: int = 10, *, width: int = 64, stem: Stem = "imagenet") -> Layer:
    """ResNet-34: 3, 4, 6 and 3 basic blocks; 21,797,672 parameters, 3.66 billion multiply-adds.

    The arguments are those of `resnet18`.
    """
    return _resnet("resnet34", (3, 4, 6, 3), _basic, num_classes, width, stem)


def resnet50(num_classes: int = 10, *, width: int = 64, stem: Stem = "imagenet") -> Layer:
    """ResNet-50: 3, 4, 6 and 3 bottlenecks; 25,557,032 parameters, 4.09 billion multiply-adds.

    The arguments are those of `resnet18`.
    """
    return _resnet("resnet50", (3, 4, 6, 3), _bottleneck(), num_classes, width, stem)


def resnet101(num_classes: int = 10, *, width: int = 64, stem: Stem = "imagenet") -> Layer:
    """ResNet-101: 3, 4, 23 and 3 bottlenecks; 44,549,160 parameters, 7.80 billion multiply-adds.

    The arguments are those of `resnet18`.
    """
    return _resnet("resnet101", (3, 4, 23, 3), _bottleneck(), num_classes, width, stem)


def resnet152(num_classes: int = 10, *, width: int = 64, stem: Stem = "imagenet") -> Layer:
    """ResNet-152: 3, 8, 36 and 3 bottlenecks; 60,192,808 parameters, 11.5 billion multiply-adds.

    The arguments are those of `resnet18`.
    """
    return _resnet("resnet152", (3, 8, 36, 3), _bottleneck(), num_classes, width, stem)


def wide_resnet50_2(num_classes: int = 10, *, width: int = 64, stem: Stem = "imagenet") -> Layer:
    """ResNet-50 with 3×3 convolutions of twice the channels; 68,883,240 parameters.

    11.4 billion multiply-adds. The arguments are those of `resnet18`.
    """
    block = _bottleneck(inner=2)
    return _resnet("wide_resnet50_2", (3, 4, 6, 3), block, num_classes, width, stem)


def resnext50_32x4d(num_classes: int = 10, *, width: int = 64, stem: Stem = "imagenet") -> Layer:
    """ResNet-50 with 3×3 convolutions in 32 groups; 25,028,904 parameters.

    4.23 billion multiply-adds. The arguments are those of `resnet18`.
    """
    block = _bottleneck(inner=2, groups=32)
    return _resnet("resnext50_32x4d", (3, 4, 6, 3), block, num_classes, width, stem)


def resnet20(num_classes: int = 10, *, width: int = 16) -> Layer:
    """ResNet-20 for small images: three basic blocks in each of three stages.

    272,474 parameters and 41 million multiply-adds for 10 classes of 32×32×3 images. Shortcuts to
    more channels are 1×1 convolutions (the paper's option B; for these images it pads with zeros).
    On Fashion-MNIST it classified 0.9385 ± 0.0005 of the test images rightly (docs/results.md).

    Args:
        num_classes: the number of outputs.
        width: the channels of the first stage; each further stage has twice as many.

    Returns:
        A model over ``(n, height, width, channels)`` images that gives ``(n, num_classes)`` logits.

    >>> from jaxcnn.layers import summary
    >>> sum(row.parameters for row in summary(resnet20(), (1, 32, 32, 3)))
    272474
    """
    return _resnet("resnet20", (3, 3, 3), _basic, num_classes, width, "small")


def resnet32(num_classes: int = 10, *, width: int = 16) -> Layer:
    """ResNet-32: five basic blocks in each stage of `resnet20`; 466,906 parameters."""
    return _resnet("resnet32", (5, 5, 5), _basic, num_classes, width, "small")


def resnet44(num_classes: int = 10, *, width: int = 16) -> Layer:
    """ResNet-44: seven basic blocks in each stage of `resnet20`; 661,338 parameters."""
    return _resnet("resnet44", (7, 7, 7), _basic, num_classes, width, "small")


def resnet56(num_classes: int = 10, *, width: int = 16) -> Layer:
    """ResNet-56: nine basic blocks in each stage of `resnet20`; 855,770 parameters."""
    return _resnet("resnet56", (9, 9, 9), _basic, num_classes, width, "small")


def _resnet(
    name: str,
    counts: Sequence[int],
    block: Block,
    num_classes: int,
    width: int,
    stem: str,
) -> Layer:
    first = {"conv1": conv(width, 3), "bn1": BatchNorm(), "relu": Activation("relu")}
    if not is_small(name, stem):
        first |= {"conv1": conv(width, 7, stride=2), "maxpool": MaxPool2d(3, stride=2, padding=1)}
    stages = {
        f"layer{i + 1}": Sequential(
            block(width * 2**i, min(i, 1) + 1, i > 0 or block is not _basic),
            *(block(width * 2**i, 1, False) for _ in range(count - 1)),
        )
        for i, count in enumerate(counts)
    }
    return Sequential(**first, **stages, avgpool=GlobalAvgPool(), fc=Dense(num_classes))


def _basic(channels: int, stride: int, widens: bool) -> Layer:
    body = Sequential(
        conv1=conv(channels, 3, stride=stride),
        bn1=BatchNorm(),
        relu=Activation("relu"),
        conv2=conv(channels, 3),
        bn2=BatchNorm(),
    )
    return _residual(body, channels, stride, widens)


def _bottleneck(inner: int = 1, groups: int = 1) -> Block:
    """A bottleneck whose 3×3 convolution has ``inner`` times the channels, in groups."""

    def block(channels: int, stride: int, widens: bool) -> Layer:
        body = Sequential(
            conv1=conv(channels * inner, 1),
            bn1=BatchNorm(),
            relu1=Activation("relu"),
            conv2=conv(channels * inner, 3, stride=stride, groups=groups),
            bn2=BatchNorm(),
            relu2=Activation("relu"),
            conv3=conv(channels * 4, 1),
            bn3=BatchNorm(),
        )
        return _residual(body, channels * 4, stride, widens)

    return block


def _residual(body: Layer, channels: int, stride: int, widens: bool) -> Layer:
    shortcut = Sequential(conv(channels, 1, stride=stride), BatchNorm()) if widens else None
    return Residual(body, shortcut, activation="relu", inline=True, shortcut_name="downsample")
