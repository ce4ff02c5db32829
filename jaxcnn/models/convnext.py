"""ConvNeXt-Tiny: a ResNet with 7×7 depthwise convolutions, layer norm and GELU.

Reference: Liu, Mao, Wu, Feichtenhofer, Darrell and Xie, *A ConvNet for the 2020s* (2022).
"""

import jax

from jaxcnn.layers import (
    Activation,
    Conv2d,
    Dense,
    Flatten,
    GlobalAvgPool,
    Identity,
    Layer,
    LayerNorm,
    Residual,
    Scale,
    Sequential,
    StochasticDepth,
)
from jaxcnn.models.blocks import Stem, is_small

STAGES = ((96, 3), (192, 3), (384, 9), (768, 3))
"""Channels and number of blocks, as in the paper's section 3 (ConvNeXt-T)."""

_INIT = jax.nn.initializers.truncated_normal(0.02)


def convnext_tiny(
    num_classes: int = 10,
    *,
    stochastic_depth: float = 0.1,
    layer_scale: float = 1e-6,
    stem: Stem = "imagenet",
) -> Layer:
    """ConvNeXt-Tiny; 28,589,128 parameters and 4.46 billion multiply-adds.

    These are for 1000 classes of 224×224×3 images.

    Args:
        num_classes: the number of outputs.
        stochastic_depth: the share of the examples that the last block is left out for in
            training; it grows from 0 with the depth.
        layer_scale: what the scale of each block's channels begins with.
        stem: ``"small"`` begins with patches of 2×2 pixels rather than 4×4, for images of 28 to 64
            pixels.

    Returns:
        A model over ``(n, height, width, channels)`` images that gives ``(n, num_classes)`` logits.

    >>> from jaxcnn.layers import summary
    >>> sum(row.parameters for row in summary(convnext_tiny(1000), (1, 224, 224, 3)))
    28589128
    """
    patch = 2 if is_small("convnext_tiny", stem) else 4
    features = [Sequential(_conv(STAGES[0][0], patch, stride=patch), LayerNorm(epsilon=1e-6))]
    blocks, done = sum(count for _, count in STAGES), 0
    for stage, (channels, count) in enumerate(STAGES):
        if stage:
            features.append(Sequential(LayerNorm(epsilon=1e-6), _conv(channels, 2, stride=2)))
        parts = []
        for _ in range(count):
            parts.append(_block(channels, stochastic_depth * done / (blocks - 1), layer_scale))
            done += 1
        features.append(Sequential(*parts))
    classifier = Sequential(
        LayerNorm(epsilon=1e-6), Flatten(), Dense(num_classes, kernel_init=_INIT)
    )
    return Sequential(
        features=Sequential(*features), avgpool=GlobalAvgPool(), classifier=classifier
    )


def _block(channels: int, rate: float, layer_scale: float) -> Layer:
    # Torchvision turns its images to channels last here, and back; the names count that.
    block = Sequential(
        _conv(channels, 7, padding=3, groups=channels),
        Identity(),
        LayerNorm(epsilon=1e-6),
        Dense(4 * channels, kernel_init=_INIT),
        Activation("gelu"),
        Dense(channels, kernel_init=_INIT),
    )
    body = Sequential(
        block=block, layer_scale=Scale(layer_scale), stochastic_depth=StochasticDepth(rate)
    )
    return Residual(body, inline=True)


def _conv(
    channels: int, window: int, *, stride: int = 1, padding: int = 0, groups: int = 1
) -> Layer:
    return Conv2d(
        channels, window, stride=stride, padding=padding, groups=groups, kernel_init=_INIT
    )
