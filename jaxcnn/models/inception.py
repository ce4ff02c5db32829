"""Inception v3.

Reference: Szegedy, Vanhoucke, Ioffe, Shlens and Wojna, *Rethinking the Inception Architecture for
Computer Vision* (2016).
"""

from jaxcnn.layers import (
    AvgPool2d,
    Dense,
    Dropout,
    GlobalAvgPool,
    Inline,
    Layer,
    MaxPool2d,
    Parallel,
    Sequential,
)
from jaxcnn.models.googlenet import basic_conv


def inception_v3(num_classes: int = 10, *, dropout: float = 0.5) -> Layer:
    """Inception v3; 23,834,568 parameters and 5.71 billion multiply-adds.

    These are for 1000 classes of 299×299×3 images. The auxiliary classifier is left out: load
    weights with ``skip="AuxLogits*"``.

    Args:
        num_classes: the number of outputs.
        dropout: the share of the numbers before the dense layer that is dropped in training.

    Returns:
        A model over ``(n, height, width, channels)`` images of at least 75×75 pixels that gives
        ``(n, num_classes)`` logits.

    >>> from jaxcnn.layers import summary
    >>> sum(row.parameters for row in summary(inception_v3(1000), (1, 299, 299, 3)))
    23834568
    """
    return Sequential(
        Conv2d_1a_3x3=basic_conv(32, 3, stride=2),
        Conv2d_2a_3x3=basic_conv(32, 3),
        Conv2d_2b_3x3=basic_conv(64, 3, padding=1),
        maxpool1=MaxPool2d(3, stride=2),
        Conv2d_3b_1x1=basic_conv(80, 1),
        Conv2d_4a_3x3=basic_conv(192, 3),
        maxpool2=MaxPool2d(3, stride=2),
        Mixed_5b=_five(32),
        Mixed_5c=_five(64),
        Mixed_5d=_five(64),
        Mixed_6a=_five_to_six(),
        Mixed_6b=_six(128),
        Mixed_6c=_six(160),
        Mixed_6d=_six(160),
        Mixed_6e=_six(192),
        Mixed_7a=_six_to_seven(),
        Mixed_7b=_seven(),
        Mixed_7c=_seven(),
        avgpool=GlobalAvgPool(),
        dropout=Dropout(dropout),
        fc=Dense(num_classes),
    )


def _five(pooled: int) -> Layer:
    """Figure 5 of the paper: a 5×5 branch, and one of two 3×3 convolutions."""
    return _branches(
        Sequential(branch1x1=basic_conv(64, 1)),
        Sequential(branch5x5_1=basic_conv(48, 1), branch5x5_2=basic_conv(64, 5, padding=2)),
        Sequential(
            branch3x3dbl_1=basic_conv(64, 1),
            branch3x3dbl_2=basic_conv(96, 3, padding=1),
            branch3x3dbl_3=basic_conv(96, 3, padding=1),
        ),
        _pooled(pooled),
    )


def _six(inner: int) -> Layer:
    """Figure 6: 7×7 convolutions, each as a 1×7 and a 7×1 convolution."""
    return _branches(
        Sequential(branch1x1=basic_conv(192, 1)),
        Sequential(
            branch7x7_1=basic_conv(inner, 1), branch7x7_2=_row(inner), branch7x7_3=_column(192)
        ),
        Sequential(
            branch7x7dbl_1=basic_conv(inner, 1),
            branch7x7dbl_2=_column(inner),
            branch7x7dbl_3=_row(inner),
            branch7x7dbl_4=_column(inner),
            branch7x7dbl_5=_row(192),
        ),
        _pooled(192),
    )


def _seven() -> Layer:
    """Figure 7: branches that part once more."""
    return _branches(
        Sequential(branch1x1=basic_conv(320, 1)),
        Sequential(branch3x3_1=basic_conv(384, 1), ends=Inline(_parted("branch3x3_2"))),
        Sequential(
            branch3x3dbl_1=basic_conv(448, 1),
            branch3x3dbl_2=basic_conv(384, 3, padding=1),
            ends=Inline(_parted("branch3x3dbl_3")),
        ),
        _pooled(192),
    )


def _parted(name: str) -> Layer:
    ends = {
        f"{name}a": basic_conv(384, (1, 3), padding=(0, 1)),
        f"{name}b": basic_conv(384, (3, 1), padding=(1, 0)),
    }
    return Parallel(join="concat", inline=False, layout=None, **ends)


def _five_to_six() -> Layer:
    """Figure 10: half the height and width."""
    return _branches(
        Sequential(branch3x3=basic_conv(384, 3, stride=2)),
        Sequential(
            branch3x3dbl_1=basic_conv(64, 1),
            branch3x3dbl_2=basic_conv(96, 3, padding=1),
            branch3x3dbl_3=basic_conv(96, 3, stride=2),
        ),
        Sequential(maxpool=MaxPool2d(3, stride=2)),
    )


def _six_to_seven() -> Layer:
    return _branches(
        Sequential(branch3x3_1=basic_conv(192, 1), branch3x3_2=basic_conv(320, 3, stride=2)),
        Sequential(
            branch7x7x3_1=basic_conv(192, 1),
            branch7x7x3_2=_row(192),
            branch7x7x3_3=_column(192),
            branch7x7x3_4=basic_conv(192, 3, stride=2),
        ),
        Sequential(maxpool=MaxPool2d(3, stride=2)),
    )


def _branches(*branches: Layer) -> Layer:
    """Branches whose convolutions are named as torchvision's, side by side."""
    named = {f"branch{i}": branch for i, branch in enumerate(branches)}
    return Parallel(join="concat", inline=True, layout=None, **named)


def _pooled(channels: int) -> Layer:
    return Sequential(
        avgpool=AvgPool2d(3, stride=1, padding=1), branch_pool=basic_conv(channels, 1)
    )


def _row(channels: int) -> Layer:
    return basic_conv(channels, (1, 7), padding=(0, 3))


def _column(channels: int) -> Layer:
    return basic_conv(channels, (7, 1), padding=(3, 0))
