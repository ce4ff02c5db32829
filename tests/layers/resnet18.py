"""ResNet-18 with torchvision's names, written in the layers of this package."""

from jaxcnn.layers import (
    Activation,
    BatchNorm,
    Conv2d,
    Dense,
    GlobalAvgPool,
    Layer,
    MaxPool2d,
    Residual,
    Sequential,
)


def conv(channels: int, window: int, stride: int = 1) -> Layer:
    return Conv2d(channels, window, stride=stride, padding=window // 2, bias=False)


def block(channels: int, stride: int, widens: bool) -> Layer:
    body = Sequential(
        conv1=conv(channels, 3, stride), bn1=BatchNorm(), relu=Activation("relu"),
        conv2=conv(channels, 3), bn2=BatchNorm(),
    )  # fmt: skip
    shortcut = Sequential(conv(channels, 1, stride), BatchNorm()) if widens else None
    return Residual(body, shortcut, activation="relu", inline=True, shortcut_name="downsample")


def resnet18(num_classes: int = 1000, width: int = 64) -> Layer:
    stages = {
        f"layer{i + 1}": Sequential(
            block(width * 2**i, 2 if i else 1, widens=i > 0), block(width * 2**i, 1, widens=False)
        )
        for i in range(4)
    }
    stem = {"conv1": conv(width, 7, 2), "bn1": BatchNorm(), "relu": Activation("relu")}
    pools = {"maxpool": MaxPool2d(3, stride=2, padding=1)}
    return Sequential(**stem, **pools, **stages, avgpool=GlobalAvgPool(), fc=Dense(num_classes))
