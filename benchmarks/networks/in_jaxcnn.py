"""The networks in jaxcnn; `in_flax` and `in_torch` give every part the same name."""

import functools
from typing import Any

import jax.numpy as jnp

from benchmarks.networks.plans import MOBILENET_V2, RESNET20, Inverted
from jaxcnn.layers import (
    Activation,
    BatchNorm,
    Conv2d,
    Dense,
    Function,
    GlobalAvgPool,
    Layer,
    Residual,
    Sequential,
)


def ConvNorm(features: int, window: int, stride: int = 1, groups: int = 1) -> Layer:  # noqa: N802
    """A convolution without bias, and batch normalization."""
    return Sequential(
        conv=Conv2d(
            features, window, stride=stride, padding=window // 2, groups=groups, bias=False
        ),
        norm=BatchNorm(),
    )


def widened(x: Any, features: int, stride: int) -> Any:
    """``x`` with more channels and fewer pixels: every stride-th pixel, zeros for new channels.

    It is plain JAX, the same in Flax.
    """
    return jnp.pad(x[:, ::stride, ::stride], [(0, 0)] * 3 + [(0, features - x.shape[-1])])


def resnet20() -> Layer:
    """ResNet-20 for CIFAR, whose shortcuts have no parameters."""
    relu = Activation("relu")
    layers = {"stem": ConvNorm(16, 3), "relu": relu}
    for i, (features, stride) in enumerate(RESNET20):
        body = Sequential(
            first=ConvNorm(features, 3, stride), relu=relu, last=ConvNorm(features, 3)
        )
        shortcut = Function(functools.partial(widened, features=features, stride=stride))
        layers |= {f"block{i}": Residual(body, shortcut, inline=True), f"relu{i}": relu}
    return Sequential(**layers, mean=GlobalAvgPool(), dense=Dense(10))


def inverted(block: Inverted, channels: int) -> Layer:
    """A 1×1 convolution to many channels, a depthwise one, and a 1×1 back to few."""
    wide, relu6 = block.expansion * channels, Activation("relu6")
    first = {"expand": ConvNorm(wide, 1), "relu1": relu6} if block.expansion > 1 else {}
    body = Sequential(
        **first,
        depthwise=ConvNorm(wide, 3, block.stride, groups=wide),
        relu2=relu6,
        project=ConvNorm(block.features, 1),
    )
    same = block.stride == 1 and block.features == channels
    return Residual(body, inline=True) if same else body


def mobilenet_v2() -> Layer:
    """MobileNetV2 at width 1, without dropout."""
    relu6 = Activation("relu6")
    layers, channels = {"stem": ConvNorm(32, 3, 2), "relu1": relu6}, 32
    for i, block in enumerate(MOBILENET_V2):
        layers[f"block{i}"] = inverted(block, channels)
        channels = block.features
    layers |= {"head": ConvNorm(1280, 1), "relu2": relu6}
    return Sequential(**layers, mean=GlobalAvgPool(), dense=Dense(10))
