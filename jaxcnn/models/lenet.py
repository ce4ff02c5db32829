"""LeNet as in *Dive into Deep Learning*, with ReLU and max pooling, and with batch norm.

References: LeCun, Bottou, Bengio and Haffner, "Gradient-based learning applied to document
recognition" (1998); Zhang, Lipton, Li and Smola, *Dive into Deep Learning* (2023), section 7.6.
"""

from jaxcnn.layers import (
    Activation,
    AvgPool2d,
    BatchNorm,
    Conv2d,
    Dense,
    Flatten,
    Layer,
    MaxPool2d,
    Sequential,
)


def lenet(num_classes: int = 10) -> Layer:
    """LeNet with sigmoid activations and average pooling; 61,706 parameters on 28×28×1.

    Args:
        num_classes: the number of outputs.

    Returns:
        A model over ``(n, 28, 28, 1)`` images that gives ``(n, num_classes)`` logits. Unlike
        the paper's, it has full connections between the channels and no Gaussian output.

    >>> params, state = lenet().init(jax.random.key(0), (1, 28, 28, 1))
    >>> logits, _ = lenet().apply(params, state, jnp.zeros((2, 28, 28, 1)))
    >>> logits.shape
    (2, 10)
    """
    return Sequential(
        conv1=Conv2d(6, 5, padding=2),
        sigmoid1=Activation("sigmoid"),
        pool1=AvgPool2d(2, stride=2),
        conv2=Conv2d(16, 5),
        sigmoid2=Activation("sigmoid"),
        pool2=AvgPool2d(2, stride=2),
        flatten=Flatten(),
        dense1=Dense(120),
        sigmoid3=Activation("sigmoid"),
        dense2=Dense(84),
        sigmoid4=Activation("sigmoid"),
        dense3=Dense(num_classes),
    )


def lenet_modern(num_classes: int = 10) -> Layer:
    """LeNet with ReLU activations and max pooling; 61,706 parameters on 28×28×1.

    Args:
        num_classes: the number of outputs.

    Returns:
        A model over ``(n, 28, 28, 1)`` images that gives ``(n, num_classes)`` logits.

    >>> from jaxcnn.layers import summary
    >>> sum(row.parameters for row in summary(lenet_modern(), (1, 28, 28, 1)))
    61706
    """
    return Sequential(
        conv1=Conv2d(6, 5, padding=2),
        relu1=Activation("relu"),
        pool1=MaxPool2d(2, stride=2),
        conv2=Conv2d(16, 5),
        relu2=Activation("relu"),
        pool2=MaxPool2d(2, stride=2),
        flatten=Flatten(),
        dense1=Dense(120),
        relu3=Activation("relu"),
        dense2=Dense(84),
        relu4=Activation("relu"),
        dense3=Dense(num_classes),
    )


def lenet_bn(num_classes: int = 10) -> Layer:
    """`lenet` with batch norm before each sigmoid; 62,158 parameters on 28×28×1.

    On Fashion-MNIST it classified 0.9136 ± 0.0035 of the test images rightly (docs/results.md).

    Args:
        num_classes: the number of outputs.

    Returns:
        A model over ``(n, 28, 28, 1)`` images that gives ``(n, num_classes)`` logits, as in
        section 8.5 of *Dive into Deep Learning*.

    >>> from jaxcnn.layers import summary
    >>> sum(row.parameters for row in summary(lenet_bn(), (1, 28, 28, 1)))
    62158
    """
    return Sequential(
        conv1=Conv2d(6, 5, padding=2),
        bn1=BatchNorm(),
        sigmoid1=Activation("sigmoid"),
        pool1=AvgPool2d(2, stride=2),
        conv2=Conv2d(16, 5),
        bn2=BatchNorm(),
        sigmoid2=Activation("sigmoid"),
        pool2=AvgPool2d(2, stride=2),
        flatten=Flatten(),
        dense1=Dense(120),
        bn3=BatchNorm(),
        sigmoid3=Activation("sigmoid"),
        dense2=Dense(84),
        bn4=BatchNorm(),
        sigmoid4=Activation("sigmoid"),
        dense3=Dense(num_classes),
    )
