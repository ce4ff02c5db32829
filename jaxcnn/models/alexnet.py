"""AlexNet, in the form of one tower.

References: Krizhevsky, Sutskever and Hinton, *ImageNet Classification with Deep Convolutional
Neural Networks* (2012); Krizhevsky, *One weird trick for parallelizing convolutional neural
networks* (2014), whose channels torchvision has.
"""

from jaxcnn.layers import (
    Activation,
    AdaptiveAvgPool2d,
    Conv2d,
    Dense,
    Dropout,
    Flatten,
    Layer,
    MaxPool2d,
    Sequential,
)
from jaxcnn.models.blocks import Stem, is_small


def alexnet(num_classes: int = 10, *, dropout: float = 0.5, stem: Stem = "imagenet") -> Layer:
    """AlexNet; 61,100,840 parameters and 0.71 billion multiply-adds.

    These are for 1000 classes of 224×224×3 images.

    Args:
        num_classes: the number of outputs.
        dropout: the share of the numbers before the dense layers that is dropped in training.
        stem: ``"small"`` begins with a 5×5 convolution of stride 1, for images of 28 to 64 pixels.

    Returns:
        A model over ``(n, height, width, channels)`` images, of at least 63×63 pixels under the
        stem ``"imagenet"``, that gives ``(n, num_classes)`` logits.

    >>> from jaxcnn.layers import summary
    >>> sum(row.parameters for row in summary(alexnet(1000), (1, 224, 224, 3)))
    61100840
    """
    window, stride = (5, 1) if is_small("alexnet", stem) else (11, 4)
    features = Sequential(
        Conv2d(64, window, stride=stride, padding=2, kernel_init="he_normal"),
        Activation("relu"),
        MaxPool2d(3, stride=2),
        Conv2d(192, 5, padding=2, kernel_init="he_normal"),
        Activation("relu"),
        MaxPool2d(3, stride=2),
        Conv2d(384, 3, padding=1, kernel_init="he_normal"),
        Activation("relu"),
        Conv2d(256, 3, padding=1, kernel_init="he_normal"),
        Activation("relu"),
        Conv2d(256, 3, padding=1, kernel_init="he_normal"),
        Activation("relu"),
        MaxPool2d(3, stride=2),
    )
    classifier = Sequential(
        Dropout(dropout),
        Dense(4096),
        Activation("relu"),
        Dropout(dropout),
        Dense(4096),
        Activation("relu"),
        Dense(num_classes),
    )
    return Sequential(
        features=features, avgpool=AdaptiveAvgPool2d(6), flatten=Flatten(), classifier=classifier
    )
