"""Blocks that several papers share: a convolution with batch norm, and squeeze-and-excitation."""

import math
from typing import Literal

from jaxcnn.layers import (
    Activation,
    AdaptiveAvgPool2d,
    BatchNorm,
    Conv2d,
    Identity,
    Layer,
    Parallel,
    Sequential,
)

Stem = Literal["imagenet", "small"]
"""The first layers: as in the paper, or with smaller strides for images of 28 to 64 pixels."""


def conv(channels: int, window: int, *, stride: int = 1, groups: int = 1) -> Layer:
    """A convolution without a bias, which keeps the size at stride 1.

    Args:
        channels: the number of output channels.
        window: height and width of the kernel, odd.
        stride: distance between neighbouring windows, in pixels.
        groups: the number of groups of channels; ``channels`` for a depthwise convolution.

    Returns:
        A layer with the parameter ``kernel``.

    >>> from jaxcnn.models.blocks import conv
    >>> params, _ = conv(8, 3).init(jax.random.key(0), (1, 8, 8, 3))
    >>> params["kernel"].shape
    (3, 3, 3, 8)
    """
    return Conv2d(
        channels,
        window,
        stride=stride,
        padding=window // 2,
        groups=groups,
        bias=False,
        kernel_init="he_normal",
    )


def conv_bn(
    channels: int,
    window: int = 3,
    *,
    stride: int = 1,
    groups: int = 1,
    activation: str | None = "relu",
    epsilon: float = 1e-5,
    momentum: float = 0.1,
) -> Layer:
    """A convolution that keeps the size at stride 1, batch norm and an activation.

    Args:
        channels: the number of output channels.
        window: height and width of the kernel, odd.
        stride: distance between neighbouring windows, in pixels.
        groups: the number of groups of channels; ``channels`` for a depthwise convolution.
        activation: a name that `Activation` takes; nothing where it is ``None``.
        epsilon: as in `BatchNorm`.
        momentum: as in `BatchNorm`.

    Returns:
        A layer with the parameters ``0/kernel``, ``1/scale`` and ``1/bias``.

    >>> from jaxcnn.models.blocks import conv_bn
    >>> params, _ = conv_bn(8).init(jax.random.key(0), (1, 8, 8, 3))
    >>> params["0"]["kernel"].shape
    (3, 3, 3, 8)
    """
    parts = [
        conv(channels, window, stride=stride, groups=groups),
        BatchNorm(epsilon=epsilon, momentum=momentum),
    ]
    return Sequential(*parts, *([] if activation is None else [Activation(activation)]))


def squeeze_excitation(
    channels: int, squeezed: int, *, activation: str = "relu", gate: str = "sigmoid"
) -> Layer:
    """A layer that multiplies each channel by a gate, computed from the means of all channels.

    Args:
        channels: the number of channels.
        squeezed: the number of channels between the two convolutions.
        activation: the activation between them.
        gate: the activation that makes the gate.

    Returns:
        A layer with the parameters ``fc1`` and ``fc2``, each with ``kernel`` and ``bias``.

    >>> from jaxcnn.models.blocks import squeeze_excitation
    >>> params, _ = squeeze_excitation(8, 2).init(jax.random.key(0), (1, 4, 4, 8))
    >>> sorted(params)
    ['fc1', 'fc2']

    Reference: Hu, Shen, Albanie, Sun and Wu, *Squeeze-and-Excitation Networks* (2018).
    """
    gates = Sequential(
        avgpool=AdaptiveAvgPool2d(1),
        fc1=Conv2d(squeezed, 1, kernel_init="he_normal"),
        activation=Activation(activation),
        fc2=Conv2d(channels, 1, kernel_init="he_normal"),
        scale_activation=Activation(gate),
    )
    return Parallel(join="multiply", inline=True, x=Identity(), gates=gates)


def multiple_of_8(channels: float) -> int:
    """The multiple of 8 nearest to a number of channels, and not less than nine tenths of it.

    >>> from jaxcnn.models.blocks import multiple_of_8
    >>> [multiple_of_8(0.35 * channels) for channels in (16, 24, 32)]
    [8, 8, 16]
    """
    nearest = max(8, int(channels + 4) // 8 * 8)
    return nearest + 8 if nearest < 0.9 * channels else nearest


def check_width(model: str, width: float) -> None:
    """Refuse a multiple of the paper's channels that is not a positive number.

    Args:
        model: the name of the model, for the message.
        width: the multiple.

    Raises:
        TypeError: if it is not a number.
        ValueError: if it is not positive.
    """
    if not isinstance(width, int | float):
        raise TypeError(f"{model}: `width` must be a number, got {width!r}")
    if not 0 < width < math.inf:
        raise ValueError(f"{model}: `width` must be positive, got {width!r}")


def is_small(model: str, stem: str) -> bool:
    """Whether the stem is the one for small images.

    Args:
        model: the name of the model, for the message.
        stem: ``"imagenet"`` or ``"small"``.

    Raises:
        ValueError: if it is neither.
    """
    if stem not in ("imagenet", "small"):
        raise ValueError(f"{model}: `stem` must be 'imagenet' or 'small', got {stem!r}")
    return stem == "small"
