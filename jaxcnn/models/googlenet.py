"""GoogLeNet (Inception v1) with batch norm.

Reference: Szegedy, Liu, Jia, Sermanet, Reed, Anguelov, Erhan, Vanhoucke and Rabinovich, *Going
Deeper with Convolutions* (2014). The form is torchvision's: batch norm after each convolution, and
3×3 convolutions where the paper's table has 5×5.
"""

from jaxcnn.layers import (
    Activation,
    BatchNorm,
    Conv2d,
    Dense,
    Dropout,
    GlobalAvgPool,
    Layer,
    MaxPool2d,
    Parallel,
    Sequential,
)
from jaxcnn.models.blocks import Stem, is_small

Window = int | tuple[int, int]
"""Height and width in pixels; an int for a square."""


def googlenet(num_classes: int = 10, *, dropout: float = 0.2, stem: Stem = "imagenet") -> Layer:
    """GoogLeNet; 6,624,904 parameters and 1.50 billion multiply-adds.

    These are for 1000 classes of 224×224×3 images. The auxiliary classifiers are left out: load
    weights with ``skip="aux*"``.

    Args:
        num_classes: the number of outputs.
        dropout: the share of the numbers before the dense layer that is dropped in training.
        stem: ``"small"`` begins with a 3×3 convolution of stride 1 and no pooling, for images of
            28 to 64 pixels.

    Returns:
        A model over ``(n, height, width, channels)`` images that gives ``(n, num_classes)`` logits.

    >>> from jaxcnn.layers import summary
    >>> sum(row.parameters for row in summary(googlenet(1000), (1, 224, 224, 3)))
    6624904
    """
    if is_small("googlenet", stem):
        first = {"conv1": basic_conv(64, 3, padding=1)}
    else:
        first = {"conv1": basic_conv(64, 7, stride=2, padding=3), "maxpool1": _pool(3)}
    return Sequential(
        **first,
        conv2=basic_conv(64, 1),
        conv3=basic_conv(192, 3, padding=1),
        maxpool2=_pool(3),
        inception3a=_inception(64, (96, 128), (16, 32), 32),
        inception3b=_inception(128, (128, 192), (32, 96), 64),
        maxpool3=_pool(3),
        inception4a=_inception(192, (96, 208), (16, 48), 64),
        inception4b=_inception(160, (112, 224), (24, 64), 64),
        inception4c=_inception(128, (128, 256), (24, 64), 64),
        inception4d=_inception(112, (144, 288), (32, 64), 64),
        inception4e=_inception(256, (160, 320), (32, 128), 128),
        maxpool4=_pool(2),
        inception5a=_inception(256, (160, 320), (32, 128), 128),
        inception5b=_inception(384, (192, 384), (48, 128), 128),
        avgpool=GlobalAvgPool(),
        dropout=Dropout(dropout),
        fc=Dense(num_classes),
    )


def basic_conv(channels: int, window: Window, *, stride: int = 1, padding: Window = 0) -> Layer:
    """A convolution without a bias, batch norm with ε = 0.001, and ReLU.

    Args:
        channels: the number of output channels.
        window: height and width of the kernel.
        stride: as in `Conv2d`.
        padding: as in `Conv2d`.

    Returns:
        A layer with the parameters ``conv`` and ``bn``.

    >>> from jaxcnn.models.googlenet import basic_conv
    >>> sorted(basic_conv(8, 3).init(jax.random.key(0), (1, 8, 8, 3))[0])
    ['bn', 'conv']
    """
    kernels = Conv2d(
        channels, window, stride=stride, padding=padding, bias=False, kernel_init="he_normal"
    )
    return Sequential(conv=kernels, bn=BatchNorm(epsilon=1e-3), relu=Activation("relu"))


def _inception(narrow: int, middle: tuple[int, int], wide: tuple[int, int], pooled: int) -> Layer:
    """Four branches; each number is that of the channels of a convolution."""
    return Parallel(
        branch1=basic_conv(narrow, 1),
        branch2=Sequential(basic_conv(middle[0], 1), basic_conv(middle[1], 3, padding=1)),
        branch3=Sequential(basic_conv(wide[0], 1), basic_conv(wide[1], 3, padding=1)),
        branch4=Sequential(
            MaxPool2d(3, stride=1, padding=1, ceil_mode=True), basic_conv(pooled, 1)
        ),
    )


def _pool(window: int) -> Layer:
    return MaxPool2d(window, stride=2, ceil_mode=True)
