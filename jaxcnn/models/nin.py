"""Network in Network, as in *Dive into Deep Learning*, with batch norm.

References: Lin, Chen and Yan, *Network In Network* (2014); Zhang, Lipton, Li and Smola, *Dive into
Deep Learning* (2023), section 8.3.
"""

from jaxcnn.layers import (
    Activation,
    BatchNorm,
    Conv2d,
    Dropout,
    GlobalAvgPool,
    Layer,
    MaxPool2d,
    Sequential,
)
from jaxcnn.models.blocks import Stem, is_small


def nin(num_classes: int = 10, *, dropout: float = 0.5, stem: Stem = "small") -> Layer:
    """Network in Network: each convolution is followed by two 1×1 convolutions; no dense layer.

    1,985,188 parameters for 10 classes of 28×28×1 images. Batch norm after each convolution, which
    the paper does not have, lets it learn without a careful initialization. With the stem for
    ImageNet, on Fashion-MNIST at 80×80, it classified 0.9191 ± 0.0014 of the test images rightly
    (docs/results.md).

    Args:
        num_classes: the number of outputs.
        dropout: the share of the numbers before the last block that is dropped in training.
        stem: ``"small"`` begins with a 5×5 convolution of stride 1, for images of 28 to 64 pixels;
            ``"imagenet"`` with an 11×11 convolution of stride 4, for 224×224.

    Returns:
        A model over ``(n, height, width, channels)`` images that gives ``(n, num_classes)`` logits.

    >>> from jaxcnn.layers import summary
    >>> sum(row.parameters for row in summary(nin(), (1, 28, 28, 1)))
    1985188
    """
    first = _block(96, 5, padding=2) if is_small("nin", stem) else _block(96, 11, stride=4)
    return Sequential(
        block1=first,
        pool1=MaxPool2d(3, stride=2),
        block2=_block(256, 5, padding=2),
        pool2=MaxPool2d(3, stride=2),
        block3=_block(384, 3, padding=1),
        pool3=MaxPool2d(3, stride=2),
        dropout=Dropout(dropout),
        block4=_block(num_classes, 3, padding=1),
        avgpool=GlobalAvgPool(),
    )


def _block(channels: int, window: int, *, stride: int = 1, padding: int = 0) -> Layer:
    parts = []
    for size, step, margin in ((window, stride, padding), (1, 1, 0), (1, 1, 0)):
        conv = Conv2d(
            channels, size, stride=step, padding=margin, bias=False, kernel_init="he_normal"
        )
        parts += [conv, BatchNorm(), Activation("relu")]
    return Sequential(*parts)
